"""What fine-tuning made the model forget: next-token loss on general text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from probatum.model.load import LoadedModel

GENERAL_TEXT = Path(__file__).with_name("general_text.txt")


def general_paragraphs() -> list[str]:
    """Return the paragraphs of plain English that come with Probatum, written for this purpose."""
    return [part.strip() for part in GENERAL_TEXT.read_text(encoding="utf-8").split("\n\n") if part.strip()]


@torch.inference_mode()
def paragraph_losses(loaded: LoadedModel, paragraphs: Sequence[str]) -> list[tuple[float, int]]:
    """Return each paragraph's negative log-likelihood in nats, and the tokens that it is the sum over.

    Each paragraph is read on its own, from its second token on.

    Args:
        loaded: the model, with or without an adapter.
        paragraphs: the text; those of fewer than two tokens are left out.
    """
    losses = []
    for paragraph in paragraphs:
        ids = loaded.tokenizer(paragraph, return_tensors="pt")["input_ids"].to(loaded.device)
        if ids.shape[1] < 2:
            continue
        log_probs_TV = loaded.model(ids, use_cache=False).logits[0, :-1].float().log_softmax(-1)
        nats = -log_probs_TV.gather(1, ids[0, 1:, None]).double().sum().item()
        losses.append((nats, ids.shape[1] - 1))
    return losses


def retention_nll(loaded: LoadedModel, paragraphs: list[str] | None = None) -> float:
    """Return the mean negative log-likelihood of a token of general text, in nats.

    A rise after fine-tuning is forgetting (McCloskey and Cohen 1989 called it catastrophic when it is large).

    Args:
        loaded: the model, with or without an adapter.
        paragraphs: the text (default: the shipped one).

    Returns:
        The loss; NaN if there is no token to predict.
    """
    losses = paragraph_losses(loaded, general_paragraphs() if paragraphs is None else paragraphs)
    count = sum(tokens for _, tokens in losses)
    return sum(nats for nats, _ in losses) / count if count else float("nan")
