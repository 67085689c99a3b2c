"""Decoder layers compiled one by one: norms, rotary and adapters fused, every layer of a kind the same code."""

from __future__ import annotations

from typing import Any

import torch

RECOMPILE_LIMIT = 64  # kinds of layers × padded lengths × with and without gradients


def compile_layers(model: Any, backend: str = "inductor") -> None:
    """Compile a model's decoder layers in place; compilation happens at their first call with each length.

    Args:
        model: a causal language model, with or without an adapter.
        backend: of `torch.compile`.
    """
    torch._dynamo.config.recompile_limit = RECOMPILE_LIMIT
    torch._dynamo.config.skip_nnmodule_hook_guards = False  # the last layer's hooks (kept.py) make it another kind
    torch.set_float32_matmul_precision("high")  # the adapters alone are float32; their products may use tensor cores
    for module in model.modules():
        if type(module).__name__.endswith("DecoderLayer"):
            module.compile(dynamic=False, backend=backend)
