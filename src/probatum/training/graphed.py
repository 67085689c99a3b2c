"""Forward and backward passes as CUDA graphs: a step of a few posts is bound by launches, not by the GPU.

K kept positions · T tokens of a row
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from probatum.model.buffers import RowBuffers, padded_length
from probatum.model.kept import only_kept
from probatum.model.packing import Row
from probatum.training.angles import Angles
from probatum.training.examples import loss_weights, weighted_loss

WARM_UPS = 2


@dataclass
class _Captured:
    """A graph with the memory that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    buffers: RowBuffers
    angles: Angles
    loss: Tensor
    gradients: list[Tensor]


class GraphedStep:
    """Computes the loss and gradients of packed rows, a captured graph for every padded length.

    Args:
        model: a causal language model on a GPU, inside `fast_rows`, its adapter trainable.
        num_kept: the most positions with a label in one row.
    """

    def __init__(self, model: Any, num_kept: int) -> None:
        self.model, self.num_kept = model, num_kept
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.captured: dict[int, _Captured] = {}
        self.pool: Any = None
        self.refused = ""

    def __call__(self, row: Row, labels_K: Tensor, num_items: float) -> Tensor:
        """Add a row's gradients to the parameters' and return its loss: the weighted sum over labels, by `num_items`.

        Args:
            row: the packed row.
            labels_K: the token to predict at each kept position.
            num_items: labels in the whole optimiser step.
        """
        length = padded_length(len(row.input_ids_T))
        if length not in self.captured and not self.refused:
            self._try_capture(length, row, labels_K)
        if length not in self.captured:
            return self._without_graph(length, row, labels_K, num_items)
        step = self.captured[length]
        step.buffers.fill(row, labels_K, loss_weights(row))
        step.angles.fill()
        step.graph.replay()
        self._add(step.gradients, num_items)
        return step.loss / num_items

    def _try_capture(self, length: int, row: Row, labels_K: Tensor) -> None:
        """Capture a step; a model that waits for the device somewhere cannot be, and goes on without graphs."""
        random_state = torch.get_rng_state() if self.model.device.type == "cpu" else torch.cuda.get_rng_state()
        try:
            self.captured[length] = self._capture(length, row, labels_K)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            self.refused = (str(error).strip().splitlines() or [type(error).__name__])[0]
        finally:  # warming up draws dropout that the training must not miss
            (torch.set_rng_state if self.model.device.type == "cpu" else torch.cuda.set_rng_state)(random_state)

    def _without_graph(self, length: int, row: Row, labels_K: Tensor, num_items: float) -> Tensor:
        buffers = self._buffers(length, row, labels_K)
        with only_kept(self.model, buffers.keep_long_K, length):
            loss = self._loss(buffers)
            gradients = torch.autograd.grad(loss, self.parameters)
        self._add(gradients, num_items)
        return loss.detach() / num_items

    def _buffers(self, length: int, row: Row, labels_K: Tensor) -> RowBuffers:
        buffers = RowBuffers(length, self.num_kept, self.model.config.get_text_config(), self.model.device)
        buffers.fill(row, labels_K, loss_weights(row))
        return buffers

    def _add(self, gradients: Sequence[Tensor], num_items: float) -> None:
        scaled = torch._foreach_div(list(gradients), float(num_items))
        if self.parameters[0].grad is None:
            for parameter, gradient in zip(self.parameters, scaled, strict=True):
                parameter.grad = gradient
        else:
            torch._foreach_add_([p.grad for p in self.parameters], scaled)

    def _loss(self, buffers: RowBuffers) -> Tensor:
        logits_KV = self.model(**buffers.inputs()).logits[0]
        return weighted_loss(logits_KV, buffers.labels_K.long(), buffers.weights_K)

    def _capture(self, length: int, row: Row, labels_K: Tensor) -> _Captured:
        buffers = self._buffers(length, row, labels_K)
        angles = Angles(self.model, buffers.position_T[None])
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        graph = torch.cuda.CUDAGraph()
        with only_kept(self.model, buffers.keep_long_K, length), angles.instead():
            with torch.cuda.stream(stream):
                for _ in range(WARM_UPS):
                    torch.autograd.grad(self._loss(buffers), self.parameters)
            torch.cuda.current_stream().wait_stream(stream)
            torch.cuda.synchronize()
            with torch.cuda.graph(graph, pool=self.pool, capture_error_mode=_strictness()):
                loss = self._loss(buffers)
                gradients = torch.autograd.grad(loss, self.parameters)
        self.pool = self.pool or graph.pool()
        return _Captured(graph, buffers, angles, loss.detach(), list(gradients))


def _strictness() -> str:
    """Return whose CUDA calls a capture forbids: with several GPUs, NCCL's own thread polls its events."""
    return "thread_local" if torch.distributed.is_initialized() else "global"
