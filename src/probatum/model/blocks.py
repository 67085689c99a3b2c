"""Packed rows in buffers that stay where they are, with the block masks that flex attention takes.

A compiled layer or a captured graph knows lengths and addresses, not rows. So rows are padded to a few lengths, and
each row of a length goes through the same buffers. Masks are built from segments by blocks; nothing is as big as T × T.

T tokens of a row, padding included · K kept positions, padding included · B blocks of 128 tokens
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from probatum.model.masks import FULL, SLIDING
from probatum.model.packing import Row

BLOCK = 128
PADDING = -1  # segment of padding: no token's own or parent segment but its own
IGNORED = -100


def padded_length(num_tokens: int) -> int:
    """Return the length to pad to: whole blocks, and steps of about a 32nd, so that few lengths are compiled."""
    step = BLOCK
    while step * 32 <= num_tokens:
        step *= 2
    return -(-num_tokens // step) * step


def needed_blocks(row: Row, num_tokens: int) -> Tensor:
    """Return which blocks of keys (columns) each block of queries (rows) may see a token of, bool `[B, B]`.

    A query sees the prefix, its own segment and the one that it continues, which all lie between the start of its post
    and itself. The window of sliding layers only takes tokens away, so their blocks are among these.
    """
    num_blocks = num_tokens // BLOCK
    length = len(row.segment_T)
    post_T = torch.where(row.parent_T > 0, row.parent_T, row.segment_T)
    first_of_block = torch.arange(num_blocks) * BLOCK
    inside = first_of_block < length
    post_B = post_T[first_of_block.clamp(max=length - 1)]
    start_B = torch.searchsorted(post_T.contiguous(), post_B)
    lowest_B = torch.where(inside, start_B // BLOCK, torch.arange(num_blocks))[:, None]
    num_prefix = int((row.segment_T == 0).sum())
    query, key = torch.arange(num_blocks)[:, None], torch.arange(num_blocks)
    return (key <= query) & ((key >= lowest_B) | (key * BLOCK < num_prefix))


def _ordered(needed_BB: Tensor) -> tuple[Tensor, Tensor]:
    """Return how many blocks each row needs, and their numbers first in each row."""
    return needed_BB.sum(1), needed_BB.int().argsort(dim=1, descending=True, stable=True)


class RowBuffers:
    """One padded row on a device; `fill` puts the next row in its place.

    Args:
        num_tokens: T, a multiple of 128.
        num_kept: K, the most positions whose logits are wanted.
        config: the model's text config.
        device: where.
    """

    def __init__(self, num_tokens: int, num_kept: int, config: Any, device: torch.device) -> None:
        assert num_tokens % BLOCK == 0, num_tokens
        blocks = num_tokens // BLOCK
        self.num_tokens, self.num_kept = num_tokens, num_kept
        sizes = [num_tokens] * 4 + [num_kept] * 2 + [blocks, blocks * blocks] * 2
        self.host = torch.zeros(sum(sizes), dtype=torch.int32, pin_memory=device.type == "cuda")
        self.ints = self.host.to(device)
        self.copied = torch.cuda.Event() if device.type == "cuda" else None  # since then the pinned memory is free
        parts = self.ints.split(sizes)
        self.input_ids_T, self.position_T, self.segment_T, self.parent_T, self.keep_K, self.labels_K = parts[:6]
        self.keep_long_K = self.keep_K.long()  # its own buffer: hooks and indexing want int64
        self.block_parts = [
            part.view(1, 1, -1) if i % 2 == 0 else part.view(1, 1, blocks, blocks) for i, part in enumerate(parts[6:])
        ]
        self.masks = {FULL: self._mask(None), SLIDING: self._mask(getattr(config, "sliding_window", None))}

    def _mask(self, window: int | None) -> Any:
        from torch.nn.attention.flex_attention import BlockMask

        segment_T, parent_T, position_T = self.segment_T, self.parent_T, self.position_T

        def seen(b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:
            kin = (segment_T[k] == 0) | (segment_T[k] == segment_T[q]) | (segment_T[k] == parent_T[q])
            return kin & (position_T[k] <= position_T[q])

        def seen_within(b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:
            return seen(b, h, q, k) & (position_T[q] - position_T[k] < window)

        rule = seen if window is None else seen_within
        kv_num, kv_indices, q_num, q_indices = self.block_parts
        mask = BlockMask.from_kv_blocks(kv_num, kv_indices, BLOCK_SIZE=BLOCK, mask_mod=rule)
        mask.q_num_blocks, mask.q_indices = q_num, q_indices
        return mask

    def fill(self, row: Row, labels_K: Tensor | None = None) -> None:
        """Put a row in; returns before the copy is done, in stream order with what uses it.

        Args:
            row: at most T tokens and K kept positions.
            labels_K: the token to predict at each kept position.
        """
        length, kept = len(row.input_ids_T), len(row.keep_K)
        assert length <= self.num_tokens and kept <= min(self.num_kept, length), (length, kept)
        needed = needed_blocks(row, self.num_tokens)
        pad, more = self.num_tokens - length, self.num_kept - kept
        labels = row.keep_K.new_full((kept,), IGNORED) if labels_K is None else labels_K
        values = (
            _pad(row.input_ids_T, pad, 0),
            _pad(row.position_ids_T, pad, 0),
            _pad(row.segment_T, pad, PADDING),
            _pad(row.parent_T, pad, PADDING),
            _pad(row.keep_K, more, _not_kept(row.keep_K)),
            _pad(labels, more, IGNORED),
            *(part.flatten() for part in (*_ordered(needed), *_ordered(needed.T))),
        )
        if self.copied:
            self.copied.synchronize()
        self.host.copy_(torch.cat(values))
        self.ints.copy_(self.host, non_blocking=True)
        self.keep_long_K.copy_(self.keep_K)
        if self.copied:
            self.copied.record()

    def inputs(self) -> dict[str, Any]:
        """Return the model's arguments for the row that is in."""
        return {
            "input_ids": self.input_ids_T[None].long(),
            "position_ids": self.position_T[None],
            "attention_mask": self.masks,
            "logits_to_keep": self.keep_long_K,
            "use_cache": False,
        }


def _not_kept(keep_K: Tensor) -> int:
    """Return the first position that is not kept: padding names one that nothing reads."""
    return int((keep_K == torch.arange(len(keep_K))).int().cumprod(0).sum())


def _pad(values: Tensor, count: int, filling: int) -> Tensor:
    return torch.nn.functional.pad(values, (0, count), value=filling)
