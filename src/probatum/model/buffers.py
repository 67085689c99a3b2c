"""Packed rows in buffers that stay where they are: a captured graph knows lengths and addresses, not rows.

So rows are padded to a few lengths, and each row of a length goes through the same buffers.

T tokens of a row, padding included · K kept positions, padding included
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from probatum.model.masks import by_kind, row_maps, windows
from probatum.model.packing import Row

STEP = 64
IGNORED = -100


def padded_length(num_tokens: int) -> int:
    """Return the length to pad to: steps of 64 and of about a 16th, so that few lengths are captured."""
    step = STEP
    while step * 16 <= num_tokens:
        step *= 2
    return -(-num_tokens // step) * step


class RowBuffers:
    """One padded row on a device; `fill` puts the next row in its place.

    Args:
        num_tokens: T.
        num_kept: K, the most positions whose logits are wanted.
        config: the model's text config.
        device: where.
    """

    def __init__(self, num_tokens: int, num_kept: int, config: Any, device: torch.device) -> None:
        self.num_tokens, self.num_kept, self.config = num_tokens, num_kept, config
        lines = 7 * len(windows(config))
        sizes = [num_tokens] * (2 + lines) + [num_kept] * 3
        self.host = torch.zeros(sum(sizes), dtype=torch.int32, pin_memory=device.type == "cuda")
        self.ints = self.host.to(device)
        self.copied = torch.cuda.Event() if device.type == "cuda" else None  # since then the pinned memory is free
        ids, positions, maps, self.keep_K, self.labels_K, weights = self.ints.split(
            [num_tokens, num_tokens, lines * num_tokens, num_kept, num_kept, num_kept]
        )
        self.weights_K = weights.view(torch.float32)  # its bits travel with the integers, in one copy
        self.input_ids_T, self.position_T, self.maps = ids, positions, maps.view(-1, 1, 1, 7, num_tokens)
        self.keep_long_K = self.keep_K.long()  # its own buffer: hooks and indexing want int64

    def fill(self, row: Row, labels_K: Tensor | None = None, weights_K: Tensor | None = None) -> None:
        """Put a row in; returns before the copy is done, in stream order with what uses it.

        Args:
            row: at most T tokens and K kept positions.
            labels_K: the token to predict at each kept position.
            weights_K: how much each of them counts in the loss, float32; 1 by default.
        """
        length, kept = len(row.input_ids_T), len(row.keep_K)
        assert length <= self.num_tokens and kept <= min(self.num_kept, length), (length, kept)
        pad, more = self.num_tokens - length, self.num_kept - kept
        labels = row.keep_K.new_full((kept,), IGNORED) if labels_K is None else labels_K
        weights = torch.ones(kept) if weights_K is None else weights_K
        values = (
            _pad(row.input_ids_T, pad, 0),
            _pad(row.position_ids_T, pad, 0),
            row_maps(row, self.config, self.num_tokens).flatten(),
            _pad(row.keep_K, more, _not_kept(row.keep_K)),
            _pad(labels, more, IGNORED),
            _pad(weights.view(torch.int32), more, 0),
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
            "attention_mask": by_kind(self.config, self.maps),
            "logits_to_keep": self.keep_long_K,
            "use_cache": False,
        }


def _not_kept(keep_K: Tensor) -> int:
    """Return the first position that is not kept: padding names one that nothing reads."""
    return int((keep_K == torch.arange(len(keep_K))).int().cumprod(0).sum())


def _pad(values: Tensor, count: int, filling: int) -> Tensor:
    return torch.nn.functional.pad(values, (0, count), value=filling)
