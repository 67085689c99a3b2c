"""A model's rotary angles, computed before a captured graph and read inside it.

Some rotary embeddings choose their scale by the longest position, which waits for the device: no graph can hold that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn


class Angles:
    """Cosines and sines of the row that is in the buffers; nothing where layers of several kinds turn differently.

    Args:
        model: a causal language model.
        position_ids: int `[1, T]`; the same memory for every row.
    """

    def __init__(self, model: nn.Module, position_ids: Tensor) -> None:
        rotaries: list[Any] = [m for m in model.modules() if type(m).__name__.endswith("RotaryEmbedding")]
        alone = len(rotaries) == 1 and "layer_type" not in signature(rotaries[0].forward).parameters
        self.rotary = rotaries[0] if alone else None
        self.position_ids = position_ids
        self.like = torch.empty(0, dtype=getattr(model, "dtype", None), device=position_ids.device)
        self.held = self._compute() if self.rotary is not None else None

    @torch.no_grad()
    def _compute(self) -> tuple[Tensor, Tensor]:
        assert self.rotary is not None
        return self.rotary(self.like, self.position_ids)

    def fill(self) -> None:
        """Compute the angles of the positions that are in the buffer now."""
        if self.held is not None:
            for held, new in zip(self.held, self._compute(), strict=True):
                held.copy_(new)

    @contextmanager
    def instead(self) -> Iterator[None]:
        """Let the model read what is held while the context lasts."""
        if self.rotary is None:
            yield
            return
        self.rotary.forward = lambda *_, **__: self.held
        try:
            yield
        finally:
            del self.rotary.forward
