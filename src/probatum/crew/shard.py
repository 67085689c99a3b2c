"""Weights that no single GPU holds: each layer's are split over the crew and gathered while a row passes through it.

The adapter is not split: it is small, and its gradients are summed as always.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from probatum.crew.group import Crew
from probatum.errors import InputError, ModelError
from probatum.model.load import LoadedModel, LoadingProgress, choose_device, load_config, load_tokenizer, read_model
from probatum.model.memory import enforce_limit
from probatum.model.mxfp4.quantizer import keep_mxfp4
from probatum.study import Model as ModelSettings


class Lockstep:
    """Lets a layer's weights be gathered although the processes have rows of different numbers.

    Gathering takes all processes. Before each row every one says whether it has a row of its own; who has none passes
    a token through the model, until nobody has any.

    Args:
        crew: the processes.
        model: the sharded model, without an adapter.
    """

    def __init__(self, crew: Crew, model: Any) -> None:
        self.crew, self.has_row = crew, True
        # not on the whole model, whose hooks PEFT passes by
        model.base_model.register_forward_pre_hook(self._say)
        model.base_model.probatum_lockstep = self

    def _say(self, *_: Any) -> None:
        if self.has_row:
            self.crew.sum_(torch.ones(1))

    def catch_up(self, model: nn.Module) -> None:
        """Take part in the rows that others still have."""
        self.has_row = False
        while self.crew.sum_(torch.zeros(1)).item():
            pass_token(model)
        self.has_row = True


@torch.no_grad()
def pass_token(model: Any) -> None:
    """Pass one token through a model."""
    model(input_ids=torch.zeros((1, 1), dtype=torch.int64, device=model.device), use_cache=False)


def lockstep_of(model: nn.Module) -> Lockstep | None:
    """Return what keeps a sharded model's processes in step, `None` for a model that each process holds whole."""
    return next((module.probatum_lockstep for module in model.modules() if hasattr(module, "probatum_lockstep")), None)  # type: ignore[return-value]


def catch_up(model: nn.Module) -> None:
    """After this process's own rows: take part in those that others still have, where that takes all processes."""
    lockstep = lockstep_of(model)
    if lockstep is not None:
        lockstep.catch_up(model)


def check_shardable(settings: ModelSettings, num_processes: int) -> None:
    """Check that a model's weights can be split over so many processes.

    Raises:
        InputError: there is one process alone.
        ModelError: its experts are MXFP4, which are not split.
    """
    if num_processes == 1:
        raise InputError("model.shard splits the weights over several GPUs; say how many: --gpus 2")
    if keep_mxfp4(load_config(settings)):
        raise ModelError(
            f"{settings.name}: model.shard splits parameters, and this model's experts stay in their published MXFP4 "
            "bytes, which every GPU would hold whole, nearly all of the model; leave model.shard (--shard) out"
        )


def load_sharded(
    settings: ModelSettings, crew: Crew, report: Callable[[LoadingProgress], None] | None = None
) -> LoadedModel:
    """Load a model with each layer's weights split over the crew; no process ever holds more than its part.

    transformers makes the model without memory, shards it (FSDP2), and reads of each tensor this process's part.

    Raises:
        InputError: there is one process alone.
        ModelError: the model, or a file of it, is missing or damaged, or its experts are MXFP4, which are not split.
    """
    from transformers.distributed.configuration_utils import DistributedConfig

    check_shardable(settings, crew.size)
    config = load_config(settings)
    enforce_limit(choose_device(settings), settings.memory_limit)
    split = DistributedConfig(fsdp_size=crew.size)
    model = read_model(settings, config, report, is_mxfp4=False, distributed_config=split)
    model.set_reshard_after_forward(reshard_after_forward=True)  # or a save by the leader alone would set it apart
    _own(model)
    Lockstep(crew, model)
    pass_token(model)  # the place for gathered weights is made now: made in inference mode it would serve no training
    return LoadedModel(model, load_tokenizer(settings), settings.name, is_mxfp4=False, fast=False)


def _own(model: Any) -> None:
    """Take away transformers' marks of a sharded model, by which others would take over what is done here.

    `generate` would keep the processes in step batch by batch, the trainer would refuse to resume (the optimiser's
    state is the adapter's alone, and whole), and PEFT would gather an adapter that is not split.
    """
    model._is_fsdp_managed_module = model._is_distributed_loading_by_transformers = False
    model._tp_size = model._device_mesh = None
    model.config.distributed_config = None
