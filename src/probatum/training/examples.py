"""Posts as training examples: packed rows whose loss is on the answers' tokens alone.

T tokens of a row · K supervised positions
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
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


def supervised(row: Row) -> Tensor:
    """Return the token to predict at each kept position of a row with one answer a post, int64 `[K]`."""
    labels_K = torch.full_like(row.keep_K, IGNORED)
    return labels_K.index_copy(0, row.target_at_N, row.target_id_N)


def loss_weights(row: Row) -> Tensor:
    """Return how much each kept position of a row with one answer a post counts in the loss, float32 `[K]`."""
    weights_K = row.weight_A.new_zeros(len(row.keep_K))
    return weights_K.index_copy(0, row.target_at_N, row.weight_A[row.target_answer_N])


def weighted_loss(logits_KV: Tensor, labels_K: Tensor, weights_K: Tensor) -> Tensor:
    """Return Σ_k w_k · (-log P(label_k)) in nats, a float32 scalar; ignored labels add nothing."""
    losses_K = F.cross_entropy(logits_KV.float(), labels_K, ignore_index=IGNORED, reduction="none")
    return (losses_K * weights_K).sum()


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
        """Return the model's arguments or the row, `labels` and `weights` `[K]`, and how many of them count.

        A row stays on the host: the trainer would move tensors to the device and wait for that.
        """
        row = pack_row(self.prefix, suffixes)
        counted = {"num_labels": len(row.target_id_N)}
        if self.as_rows:
            return {"row": row} | counted
        held = {"labels": supervised(row), "weights": loss_weights(row)}
        return model_inputs(row, self.config, self.dtype) | held | counted
