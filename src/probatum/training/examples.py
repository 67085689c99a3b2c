"""Posts as training examples: packed rows whose loss is on the answers' tokens alone.

T tokens of a row · K supervised positions
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import Dataset

from probatum.model.masks import model_inputs
from probatum.model.packing import Row, Suffix, Tokens, pack_row

IGNORED = -100


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
        """Return the model's arguments and `labels` `[1, 1 + K]`; as a row, the row and its number of labels alone.

        The labels begin with an ignored one, so that trainers which count a causal model's labels from the second on
        and trainers which count all of them find the same number.
        """
        row = pack_row(self.prefix, suffixes)
        if self.as_rows:  # no tensors: the trainer would copy them to the device and wait for it
            return {"row": row, "num_labels": len(row.target_id_N)}
        labels = torch.cat((torch.tensor([IGNORED]), supervised(row)))[None]
        return model_inputs(row, self.config, self.dtype) | {"labels": labels}
