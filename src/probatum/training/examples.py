"""Posts as training examples: packed rows whose loss is on the answers' tokens alone.

T tokens of a row · K supervised positions
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import Dataset

from probatum.model.buffers import IGNORED
from probatum.model.masks import model_inputs
from probatum.model.packing import Row, Suffix, Tokens, pack_row


class SuffixDataset(Dataset):
    """The posts of one file behind the shared prefix, each with its one true answer."""

    def __init__(self, suffixes: Sequence[Suffix]) -> None:
        self.suffixes = suffixes

    def __len__(self) -> int:
        return len(self.suffixes)

    def __getitem__(self, index: int) -> Suffix:
        return self.suffixes[index]


def supervised(row: Row) -> torch.Tensor:
    """Return the token to predict at each kept position of a row with one answer a post, int64 `[K]`."""
    labels_K = torch.full_like(row.keep_K, IGNORED)
    return labels_K.index_copy(0, row.target_at_N, row.target_id_N)


@dataclass(frozen=True)
class RowCollator:
    """Packs the posts of a micro-batch into one row.

    Attributes:
        prefix: tokens that all prompts begin with.
        config: the model's text config.
        dtype: the model's floating type.
        as_rows: give rows as they are, for a step that keeps its own inputs.
    """

    prefix: Tokens
    config: Any
    dtype: torch.dtype
    as_rows: bool = False

    def __call__(self, suffixes: Sequence[Suffix]) -> dict[str, Any]:
        """Return the model's arguments or the row, `labels` int64 `[K]`, and how many of them count.

        A row and its labels stay on the host: the trainer would move tensors to the device and wait for that.
        """
        row = pack_row(self.prefix, suffixes)
        counted = {"num_labels": len(row.target_id_N)}
        if self.as_rows:
            return {"row": row} | counted
        return model_inputs(row, self.config, self.dtype) | {"labels": supervised(row)} | counted
