"""What fine-tuning made the model forget: next-token loss on general text."""

from __future__ import annotations

from pathlib import Path

import torch

from probatum.model.load import LoadedModel

GENERAL_TEXT = Path(__file__).with_name("general_text.txt")


def general_paragraphs() -> list[str]:
    """Return the paragraphs of plain English that come with Probatum, written for this purpose."""
    return [part.strip() for part in GENERAL_TEXT.read_text(encoding="utf-8").split("\n\n") if part.strip()]


@torch.inference_mode()
def retention_nll(loaded: LoadedModel, paragraphs: list[str] | None = None) -> float:
    """Return the mean negative log-likelihood of a token of general text, in nats.

    Each paragraph is read on its own, from its second token on. A rise after fine-tuning is forgetting (McCloskey and
    Cohen 1989 called it catastrophic when it is large).

    Args:
        loaded: the model, with or without an adapter.
        paragraphs: the text (default: the shipped one); paragraphs of fewer than two tokens count for nothing.

    Returns:
        The loss; NaN if there is no token to predict.
    """
    total, count = 0.0, 0
    for paragraph in general_paragraphs() if paragraphs is None else paragraphs:
        ids = loaded.tokenizer(paragraph, return_tensors="pt")["input_ids"].to(loaded.device)
        if ids.shape[1] < 2:
            continue
        log_probs_TV = loaded.model(ids, use_cache=False).logits[0, :-1].float().log_softmax(-1)
        total -= log_probs_TV.gather(1, ids[0, 1:, None]).double().sum().item()
        count += ids.shape[1] - 1
    return total / count if count else float("nan")
