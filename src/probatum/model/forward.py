"""One packed row through a model, without gradients."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from probatum.model.kept import only_kept
from probatum.model.masks import KERNEL, model_inputs
from probatum.model.packing import Row


@torch.no_grad()
def row_logits(model: Any, row: Row) -> Tensor:
    """Return the logits at a row's kept positions, `[K, V]` on the model's device.

    Args:
        model: a causal language model, with or without an adapter, in evaluation mode.
        row: the packed row.
    """
    config = model.config.get_text_config()
    inputs = model_inputs(row.on(model.device), config, model.dtype)
    fast = config._attn_implementation == KERNEL
    with only_kept(model, inputs["logits_to_keep"], len(row.input_ids_T)) if fast else nullcontext():
        return model(**inputs).logits[0]
