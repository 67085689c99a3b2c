"""A packed row's attention, in the form that each family of models takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from probatum.errors import ModelError
from probatum.model.packing import Row

FULL, SLIDING = "full_attention", "sliding_attention"
KERNEL = "probatum_rows"  # the name of the kernel among transformers' attention implementations
PADDING = -1  # segment of padding
NO_WINDOW = 2**31 - 1


def additive(allowed_TT: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a float mask `[1, 1, T, T]`: 0 where a key is seen, the dtype's lowest number elsewhere.

    Eager attention adds its mask to the scores; a bool mask there would be silently wrong.
    """
    lowest = torch.finfo(dtype).min
    return torch.zeros(allowed_TT.shape, dtype=dtype, device=allowed_TT.device).masked_fill_(~allowed_TT, lowest)[
        None, None
    ]


def row_map(row: Row, num_tokens: int, window: int | None = None) -> Tensor:
    """Return who sees whom as the attention kernel takes it, int32 `[7, num_tokens]`.

    Lines: segment; parent; position; where the token's post begins; where it ends; then two lines whose first numbers
    are the length of the prefix and the window. Padding sees padding and the prefix's first token.

    Args:
        row: the packed row.
        num_tokens: its length with padding.
        window: if given, only keys fewer than so many positions back are seen.
    """
    post_T = torch.where(row.parent_T > 0, row.parent_T, row.segment_T)
    begin_T, end_T = (torch.searchsorted(post_T, post_T, right=right) for right in (False, True))
    lines = torch.stack((row.segment_T, row.parent_T, row.position_ids_T, begin_T, end_T))
    index = torch.arange(len(post_T), num_tokens, device=post_T.device)
    segment = torch.full_like(index, PADDING)
    padding = torch.stack((segment, segment, torch.zeros_like(index), index, index + 1))
    found = torch.nn.functional.pad(torch.cat((lines, padding), 1).int(), (0, 0, 0, 2))
    found[5, 0], found[6, 0] = row.num_prefix, NO_WINDOW if window is None else window
    return found


def row_maps(row: Row, config: Any, num_tokens: int) -> Tensor:
    """Return a row's map for each kind of layer, int32 `[kinds, 1, 1, 7, num_tokens]`."""
    return torch.stack([row_map(row, num_tokens, window) for window in windows(config).values()])[:, None, None]


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


def windows(config: Any) -> dict[str | None, int | None]:
    """Return the window of each kind of layer that wants a mask of its own; kind `None` is one mask for all.

    Models with sliding layers take a dict with one mask for each kind, since one for all would cost them their window.
    """
    kinds = set(getattr(config, "layer_types", None) or ())
    window = getattr(config, "sliding_window", None)
    if SLIDING in kinds:
        return {FULL: None, SLIDING: window}
    return {None: None if kinds else window}


def by_kind(config: Any, masks: Iterable[Tensor]) -> Any:
    """Return masks, in the order of `windows`, as the model takes them: one, or a dict."""
    found = dict(zip(windows(config), masks, strict=True))
    return found.get(None, found)


def attention_mask(row: Row, config: Any, dtype: torch.dtype) -> Tensor | dict[str, Tensor]:
    """Return what the model takes as `attention_mask` for one packed row.

    Args:
        row: the packed row.
        config: the model's text config, with the attention that it uses now.
        dtype: the model's floating type.
    """
    if config._attn_implementation == KERNEL:
        return by_kind(config, row_maps(row, config, len(row.input_ids_T)))
    return by_kind(config, (additive(row.allowed_TT(window), dtype) for window in windows(config).values()))


def model_inputs(row: Row, config: Any, dtype: torch.dtype) -> dict[str, Any]:
    """Return the keyword arguments of one forward pass over a packed row, logits at its kept positions only."""
    return {
        "input_ids": row.input_ids_T[None],
        "position_ids": row.position_ids_T[None],
        "attention_mask": attention_mask(row, config, dtype),
        "logits_to_keep": row.keep_K,
        "use_cache": False,
    }
