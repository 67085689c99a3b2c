"""A packed row's attention, in the form that each family of models takes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from probatum.errors import ModelError
from probatum.model.packing import Row

FULL, SLIDING = "full_attention", "sliding_attention"


def additive(allowed_TT: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a float mask `[1, 1, T, T]`: 0 where a key is seen, the dtype's lowest number elsewhere.

    Eager attention adds its mask to the scores; a bool mask there would be silently wrong.
    """
    lowest = torch.finfo(dtype).min
    return torch.zeros(allowed_TT.shape, dtype=dtype).masked_fill_(~allowed_TT, lowest)[None, None]


def check_attention(config: Any) -> None:
    """Refuse models whose layers mix tokens in a way that a mask cannot keep apart.

    Raises:
        ModelError: the model has recurrent, linear or chunked attention layers.
    """
    kinds = set(getattr(config, "layer_types", None) or ())
    if strange := kinds - {FULL, SLIDING}:
        raise ModelError(
            f"{config.model_type}: layers of kind {', '.join(sorted(strange))} cannot share a prompt prefix exactly; "
            "choose a model whose layers all are full or sliding attention"
        )


def attention_mask(row: Row, config: Any, dtype: torch.dtype) -> Tensor | dict[str, Tensor]:
    """Return what the model takes as `attention_mask` for one packed row.

    Args:
        row: the packed row.
        config: the model's text config. Layers of several kinds (`layer_types`) take a dict with one mask each, since
            one 4D mask for all would cost sliding layers their window; other models take one mask.
        dtype: the model's floating type.
    """
    kinds = set(getattr(config, "layer_types", None) or ())
    window = getattr(config, "sliding_window", None)
    if SLIDING in kinds:
        return {FULL: additive(row.allowed_TT(), dtype), SLIDING: additive(row.allowed_TT(window), dtype)}
    return additive(row.allowed_TT(None if kinds else window), dtype)


def model_inputs(row: Row, config: Any, dtype: torch.dtype) -> dict[str, Any]:
    """Return the keyword arguments of one forward pass over a packed row, logits at its kept positions only."""
    return {
        "input_ids": row.input_ids_T[None],
        "position_ids": row.position_ids_T[None],
        "attention_mask": attention_mask(row, config, dtype),
        "logits_to_keep": row.keep_K,
        "use_cache": False,
    }


def to_device(inputs: dict[str, Any], device: torch.device) -> dict[str, Any]:
    """Move the tensors of `model_inputs` to a device."""
    return {
        name: to_device(value, device)
        if isinstance(value, dict)
        else value.to(device)
        if isinstance(value, Tensor)
        else value
        for name, value in inputs.items()
    }
