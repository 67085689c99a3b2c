"""Packed rows through the attention kernel, in any model of transformers that lets its attention be chosen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from probatum.model import kernels
from probatum.model.masks import KERNEL


def kernel_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    scaling: float | None = None,
    s_aux: Tensor | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attend within one packed row; transformers calls it in place of a model's own attention.

    Args:
        module: the attention layer.
        query: `[1, H, T, D]`; `key` and `value` likewise, for their own number of heads.
        key: see query.
        value: see query.
        attention_mask: the row's map, int32 `[1, 1, 6, T]` (`masks.row_map`).
        scaling: factor of the scores (default: 1 / sqrt(D)).
        s_aux: attention sinks, a logit of each head.

    Returns:
        `[1, T, H, D]`, and no weights.
    """
    from probatum.model.kernels.attention import attention

    assert len(query) == 1, "packed rows come one at a time"
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return attention(query[0], key[0], value[0], s_aux, attention_mask[0, 0], scale)[0][None], None


def fits(model: Any, device: torch.device | None = None) -> bool:
    """Whether the kernel computes this model's attention: on a GPU, without dropout, soft caps or other extras.

    Args:
        model: a causal language model.
        device: where it will be (default: where it is).
    """
    config = model.config.get_text_config()
    return (
        (device or model.device).type == "cuda"
        and kernels.installed()
        and getattr(model, "_supports_attention_backend", False)
        and not getattr(config, "attention_dropout", 0)
        and not getattr(config, "attn_logit_softcapping", None)
    )


def choose_kernel(model: Any) -> None:
    """Let all attention of a model go through the kernel."""
    from transformers import AttentionInterface

    AttentionInterface.register(KERNEL, kernel_attention)
    model.config.get_text_config()._attn_implementation = KERNEL


@contextmanager
def row_attention(model: Any, *, wanted: bool = True) -> Iterator[bool]:
    """Let packed rows go through the kernel while the context lasts, where it fits the model.

    Elsewhere, and for text that is not packed, a model keeps its own attention: the kernel knows maps of rows alone.

    Args:
        model: a causal language model, with or without an adapter.
        wanted: whether to try.

    Yields:
        Whether the kernel is used.
    """
    config = model.config.get_text_config()
    before = config._attn_implementation
    used = wanted and fits(model)
    if used:
        choose_kernel(model)
    try:
        yield used
    finally:
        config._attn_implementation = before
