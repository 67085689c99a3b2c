"""How much memory a study takes, estimated before any weight is read.

T tokens of a row · H hidden · I intermediate · K experts per token
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from probatum.model.mxfp4.experts import Mxfp4Experts
from probatum.model.notices import quiet
from probatum.study import Training

ADAM_BYTES = 16  # float32 weight, gradient and two moments of each adapter parameter
GIB = 2**30


@dataclass(frozen=True)
class Memory:
    """Estimated bytes.

    Attributes:
        weights: the checkpoint as it is held, MXFP4 experts in their bytes.
        adapter: LoRA weights, gradients and optimiser moments.
        activations: what one training step keeps for its backward pass.
        workspace: the largest weights that are dequantised at once.
    """

    weights: int
    adapter: int
    activations: int
    workspace: int

    @property
    def scoring(self) -> int:
        """Peak while scoring."""
        return self.weights + self.workspace

    @property
    def training(self) -> int:
        """Peak while training."""
        return self.weights + self.adapter + self.activations + self.workspace


def skeleton(config: Any, *, is_mxfp4: bool) -> Any:
    """Build the model on the meta device: every shape, no memory.

    Args:
        config: the model's config.
        is_mxfp4: put the frozen MXFP4 experts in, as loading does.
    """
    from transformers import AutoModelForCausalLM

    with torch.device("meta"), quiet():
        model = AutoModelForCausalLM.from_config(config)
        if is_mxfp4:
            for name in [n for n, module in model.named_modules() if type(module).__name__ == "GptOssExperts"]:
                model.set_submodule(name, Mxfp4Experts(config))
    return model


def estimate(model: Any, settings: Training, dtype: torch.dtype, num_tokens: int) -> Memory:
    """Estimate the memory of a study.

    Args:
        model: a skeleton, or the model itself.
        settings: the study's training section.
        dtype: what weights and activations are held in.
        num_tokens: tokens of one training row.
    """
    size = dtype.itemsize
    tensors = [*model.parameters(), *model.buffers()]
    weights = sum(t.numel() * (1 if t.dtype == torch.uint8 else size) for t in tensors)
    return Memory(
        weights=weights,
        adapter=_adapter_parameters(model, settings) * ADAM_BYTES,
        activations=_activations(model.config.get_text_config(), settings, size, num_tokens),
        workspace=_workspace(model, size),
    )


def _adapter_parameters(model: Any, settings: Training) -> int:
    linear = [m for n, m in model.named_modules() if n.rsplit(".", 1)[-1] in settings.targets and hasattr(m, "weight")]
    return sum(settings.rank * sum(module.weight.shape) for module in linear)


def _workspace(model: Any, size: int) -> int:
    """Return the bytes of the largest expert stack once dequantised, with its float copy while that is made."""
    stacks = [t.numel() * 2 for n, t in model.named_buffers() if n.endswith("_blocks")]
    return max(stacks, default=0) * size * 2


def _activations(config: Any, settings: Training, size: int, num_tokens: int) -> int:
    """Return what backward needs: per layer, what attention, the LoRA inputs and the experts keep.

    Eager attention keeps the scores of every head and their softmax, which grow with the square of the row.
    """
    hidden = config.hidden_size
    heads = config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or hidden // heads
    chosen = getattr(config, "num_experts_per_tok", 1) or 1
    intermediate = getattr(config, "moe_intermediate_size", None) or config.intermediate_size
    attention = 2 * heads * num_tokens**2 * size
    linear = num_tokens * (6 * hidden + 4 * heads * head_dim + chosen * (6 * intermediate + 2 * hidden)) * size
    if settings.gradient_checkpointing:
        return config.num_hidden_layers * num_tokens * hidden * size + attention + linear
    return config.num_hidden_layers * (attention + linear)
