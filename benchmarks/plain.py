"""The best that transformers and peft do by themselves on the product's own prompts.

Scoring in padded batches of posts of like length, logits at the last position alone; training on batches as long as
their longest post, loss on the answers alone, no checkpointing, fused AdamW. Experts by grouped_mm, attention by
flex_attention where there is a GPU (with attention sinks it runs nowhere else).

B posts · T tokens of the longest, padding included · N supervised tokens of the batch · V vocabulary
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.clock import Clock, timed
from benchmarks.guide import TARGETS

PAD_TO = 16
SCORING_BATCH, TRAINING_BATCH = 64, 8


def prepare_model(model: Any, attention: str) -> None:
    """Choose how attention and experts are computed."""
    model.set_attn_implementation(attention)
    if hasattr(model.config, "num_local_experts"):
        model.set_experts_implementation("grouped_mm")


def right_padded(rows: Sequence[Sequence[int]], pad: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return ids and attention mask, both `[B, T]`, T a multiple of 16."""
    length = -(-max(map(len, rows)) // PAD_TO) * PAD_TO
    ids = torch.tensor([[*row, *[pad] * (length - len(row))] for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows])
    return ids.to(device), mask.to(device)


def logits_at(model: Any, ids_BT: Tensor, mask_BT: Tensor, row_N: Tensor, at_N: Tensor) -> Tensor:
    """Return the logits at chosen positions of chosen rows, `[N, V]`."""
    hidden_BTH = model.get_decoder()(input_ids=ids_BT, attention_mask=mask_BT, use_cache=False).last_hidden_state
    return model.get_output_embeddings()(hidden_BTH[row_N, at_N])


@torch.no_grad()
def score(
    model: Any, prompts: Sequence[Sequence[int]], words: Sequence[int], pad: int, batch: int = SCORING_BATCH
) -> Tensor:
    """Return each post's logits of the labels' first tokens, `[posts, labels]`, in the posts' order."""
    order = sorted(range(len(prompts)), key=lambda number: len(prompts[number]))
    found = torch.empty(len(prompts), len(words))
    for begin in range(0, len(order), batch):
        numbers = order[begin : begin + batch]
        rows = [prompts[number] for number in numbers]
        ids, mask = right_padded(rows, pad, model.device)
        last = mask.sum(1) - 1
        logits = logits_at(model, ids, mask, torch.arange(len(rows), device=model.device), last)
        found[numbers] = logits[:, list(words)].float().cpu()
    return found


def scoring_rate(model: Any, prompts: Sequence[Sequence[int]], words: Sequence[int], pad: int) -> float:
    """Return posts a second, the better of two passes after one that warms up."""
    work = lambda: score(model, prompts, words, pad)
    work()
    return len(prompts) / min(timed(work, model.device) for _ in range(2))


def training_rate(
    model: Any,
    examples: Sequence[tuple[Sequence[int], Sequence[int]]],
    pad: int,
    batch: int = TRAINING_BATCH,
    warm_up: int = 10,
) -> float:
    """Return posts a second of completion-only LoRA training.

    Args:
        model: a causal language model; it is given back without the adapter.
        examples: prompt and answer of each post, in tokens; what is over after whole batches is left out.
        pad: the id that pads.
        batch: posts in a step.
        warm_up: steps before the clock starts.
    """
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")  # the adapters alone are float32
    config = LoraConfig(r=32, lora_alpha=64, lora_dropout=0.1, target_modules=TARGETS, task_type="CAUSAL_LM")
    tuned = get_peft_model(model, config).train()
    parameters = [parameter for parameter in tuned.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=2e-4, fused=True)
    batches = [examples[begin : begin + batch] for begin in range(0, len(examples) - batch + 1, batch)]
    try:
        for part in batches[:warm_up]:
            _step(model, part, pad, parameters, optimiser)
        clock = Clock(model.device)
        for part in batches[warm_up:]:
            _step(model, part, pad, parameters, optimiser)
        return len(batches[warm_up:]) * batch / clock.seconds()
    finally:
        tuned.unload()
        model.requires_grad_(requires_grad=False).eval()


def _step(
    model: Any, part: Sequence[tuple[Sequence[int], Sequence[int]]], pad: int, parameters: Any, optimiser: Any
) -> None:
    loss(model, part, pad).backward()
    torch.nn.utils.clip_grad_norm_(parameters, 1.0, foreach=True)
    optimiser.step()
    optimiser.zero_grad()


def loss(model: Any, part: Sequence[tuple[Sequence[int], Sequence[int]]], pad: int) -> Tensor:
    """Return the mean negative log-likelihood of a batch's answer tokens."""
    ids_BT, mask_BT = right_padded([[*prompt, *answer] for prompt, answer in part], pad, model.device)
    places = [
        (row, len(prompt) + at - 1, token)
        for row, (prompt, answer) in enumerate(part)
        for at, token in enumerate(answer)
    ]
    row_N, at_N, target_N = torch.tensor(places, device=model.device).unbind(1)
    return F.cross_entropy(logits_at(model, ids_BT, mask_BT, row_N, at_N).float(), target_N)
