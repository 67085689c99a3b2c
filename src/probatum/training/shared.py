"""A training step that the processes of a crew share: each computes its posts, and the gradients are summed once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from probatum.crew.group import Crew
from probatum.crew.shard import lockstep_of
from probatum.model.buffers import IGNORED
from probatum.model.packing import Suffix
from probatum.training.callbacks import Odometer
from probatum.training.examples import RowCollator


class SharedOutOfMemoryError(torch.OutOfMemoryError):
    """Memory ran out in some process, and all of them know."""


def posts_at_once(batch_size: int, micro_batch_size: int, num_processes: int) -> int:
    """Return how many posts all processes together take in a forward pass: the most that divide the batch.

    Args:
        batch_size: posts in an optimiser step.
        micro_batch_size: most posts in one process's forward pass.
        num_processes: the crew's size.
    """
    most = min(batch_size, micro_batch_size * num_processes)
    return next(count for count in range(most, 0, -1) if batch_size % count == 0)


@dataclass(frozen=True)
class ShareCollator:
    """Packs this process's share of the posts that all processes take at once.

    Attributes:
        whole: packs posts into a row.
        crew: the processes.
        always: give a row also for an empty share, as sharded weights need of every process.
    """

    whole: RowCollator
    crew: Crew
    always: bool = False

    def __call__(self, suffixes: Sequence[Suffix]) -> dict[str, Any]:
        """Return what `whole` does for this process's posts; for an empty share no row, or one without labels."""
        share = self.crew.deal([suffix.num_tokens for suffix in suffixes])[self.crew.rank]
        if not share and not self.always:
            return {"num_labels": 0}
        row = self.whole([suffixes[index] for index in share or [0]])
        if not share:
            row |= {"labels": torch.full_like(row["labels"], IGNORED), "num_labels": 0}
        return row


class SharedStep:
    """Gives every process the gradients of the whole optimiser step.

    A process computes the mean loss over its own answer tokens, g_r over n_r of them; the whole step's gradient is
    sum(n_r g_r) / sum(n_r). One all-reduce a step carries gradients, loss and n together, and before it one over the
    CPUs tells whether memory ran out anywhere, which must not wait for a GPU.

    Args:
        crew: the processes.
        model: its trainable parameters are the adapter, the same in every process.
        odometer: counts tokens; the leader's counts everyone's.
        seed: of the dropout, whose draws differ from process to process.
    """

    def __init__(self, crew: Crew, model: Any, odometer: Odometer, seed: int) -> None:
        self.crew, self.odometer, self.seed = crew, odometer, seed
        self.parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.is_sharded = lockstep_of(model) is not None
        self.begin()

    def begin(self) -> None:
        """Begin an optimiser step."""
        self.loss: Tensor | None = None
        self.ran_out = False
        self.own_tokens = self.num_passes = 0

    def add(self, compute: Callable[[], Tensor] | None, step: int) -> None:
        """Compute one forward and backward pass.

        Args:
            compute: adds to the parameters' gradients and returns the loss; `None` for an empty share.
            step: optimiser steps done.
        """
        self.num_passes += 1
        if compute is None or self.ran_out:
            return
        before = self.odometer.num_tokens
        try:
            with self._own_dropout(step):
                loss = compute()
        except torch.OutOfMemoryError:
            if self.is_sharded:  # the others wait for this process's part of the weights
                raise
            self.ran_out = True
            return
        self.loss = loss.clone() if self.loss is None else self.loss + loss
        self.own_tokens += self.odometer.num_tokens - before

    def sum(self, num_items: int) -> Tensor:
        """End the optimiser step: replace the gradients by the whole step's, and return its loss.

        Args:
            num_items: answer tokens of this process in this step.

        Raises:
            SharedOutOfMemoryError: memory ran out in some process; all raise it.
        """
        ran_out, tokens = self.crew.sum_(torch.tensor([int(self.ran_out), self.own_tokens])).tolist()
        if ran_out:
            raise SharedOutOfMemoryError("memory ran out in one of the processes")
        self.odometer.num_tokens += tokens - self.own_tokens
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        device = gradients[0].device
        weight = torch.full((), num_items, dtype=torch.float32, device=device)
        loss = torch.zeros((), device=device) if self.loss is None else self.loss.float()
        flat = torch.cat([*(gradient.reshape(-1) for gradient in gradients), loss.reshape(1), weight.new_ones(1)])
        flat = self.crew.sum_(flat.mul_(weight))  # its last number is now the answer tokens of the whole step
        *parts, loss, _ = flat.div_(flat[-1].clone()).split([*(gradient.numel() for gradient in gradients), 1, 1])
        for parameter, part in zip(self.parameters, parts, strict=True):
            parameter.grad = part.view_as(parameter)
        self.begin()
        return loss[0]

    @contextmanager
    def _own_dropout(self, step: int) -> Iterator[None]:
        """Draw from this process's own stream; the common one, which orders the posts, stays as it is."""
        devices = [parameter.device for parameter in self.parameters[:1] if parameter.device.type == "cuda"]
        with torch.random.fork_rng(devices):
            torch.manual_seed(hash((self.seed, step, self.num_passes, self.crew.rank)) & (2**63 - 1))
            yield
