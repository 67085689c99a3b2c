"""The experts of gpt-oss, kept in their published bytes.

T tokens · K experts per token · R = T * K rows · E experts · H hidden · I intermediate · O output features
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from probatum.model import kernels
from probatum.model.mxfp4.layout import BLOCK, dequantise


class FrozenGroupedLinear(torch.autograd.Function):
    """y = x · Wᵀ for rows sorted by expert; the gradient reaches x, never W.

    The weights are dequantised again in backward instead of being kept: for gpt-oss-120b they would be 6 GB a layer.
    """

    @staticmethod
    def forward(ctx: Any, x_RI: Tensor, blocks: Tensor, scales: Tensor, ends_E: Tensor) -> Tensor:
        """Return `[R, O]`; `ends_E` holds the row after each expert's last."""
        ctx.save_for_backward(blocks, scales, ends_E)
        weight_EOI = dequantise(blocks, scales, x_RI.dtype)
        return F.grouped_mm(x_RI, weight_EOI.transpose(-2, -1), offs=ends_E)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        """Return dx = dy · W."""
        blocks, scales, ends_E = ctx.saved_tensors
        (grad_RO,) = grads
        weight_EOI = dequantise(blocks, scales, grad_RO.dtype)
        return F.grouped_mm(grad_RO.contiguous(), weight_EOI, offs=ends_E), None, None, None


class Mxfp4Experts(nn.Module):
    """Drop-in for transformers' `GptOssExperts` whose weights are the checkpoint's own `*_blocks` and `*_scales`.

    Args:
        config: a `GptOssConfig`.
    """

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.num_experts = config.num_local_experts
        self.limit = getattr(config, "swiglu_limit", 7.0)  # transformers 5.17 has it in the code
        self.alpha = getattr(config, "swiglu_alpha", 1.702)
        hidden, intermediate = config.hidden_size, config.intermediate_size
        self.use_kernels = True  # where there are any for the device
        self.may_dequantise = True  # a whole layer at once, where the kernels find that quicker
        self._declare("gate_up_proj", 2 * intermediate, hidden)
        self._declare("down_proj", hidden, intermediate)

    def _declare(self, name: str, num_outputs: int, num_inputs: int) -> None:
        if num_inputs % BLOCK:
            raise ValueError(f"{name}: MXFP4 wants inputs in multiples of {BLOCK}, got {num_inputs}")
        shape = (self.num_experts, num_outputs, num_inputs // BLOCK)
        self.register_buffer(f"{name}_blocks", torch.zeros(*shape, BLOCK // 2, dtype=torch.uint8))
        self.register_buffer(f"{name}_scales", torch.zeros(*shape, dtype=torch.uint8))
        self.register_parameter(f"{name}_bias", nn.Parameter(torch.zeros(shape[:2]), requires_grad=False))

    def weight(self, name: str, dtype: torch.dtype) -> Tensor:
        """Return `gate_up_proj` or `down_proj` dequantised, `[E, O, I]`."""
        return dequantise(getattr(self, f"{name}_blocks"), getattr(self, f"{name}_scales"), dtype)

    def _linear(self, name: str, x_RI: Tensor, expert_R: Tensor, ends_E: Tensor) -> Tensor:
        blocks, scales = getattr(self, f"{name}_blocks"), getattr(self, f"{name}_scales")
        bias_EO = getattr(self, f"{name}_bias")
        y_RO = FrozenGroupedLinear.apply(x_RI, blocks, scales, ends_E)
        return y_RO + bias_EO[expert_R].to(y_RO.dtype)

    def forward(self, hidden_TH: Tensor, router_indices: Tensor, routing_weights: Tensor) -> Tensor:
        """Return the weighted sum of each token's experts, `[T, H]`.

        Args:
            hidden_TH: tokens.
            router_indices: the experts of each token, int64 `[T, K]`.
            routing_weights: their weights `[T, K]`.
        """
        if self.use_kernels and hidden_TH.is_cuda and hidden_TH.dtype == torch.bfloat16 and kernels.installed():
            return self.forward_kernels(hidden_TH, router_indices, routing_weights)
        num_tokens, num_chosen = router_indices.shape
        expert_R, order_R = router_indices.reshape(-1).sort(stable=True)
        ends_E = torch.bincount(expert_R, minlength=self.num_experts).cumsum(0).to(torch.int32)
        gate_up = self._linear("gate_up_proj", hidden_TH[order_R // num_chosen], expert_R, ends_E)
        gate = gate_up[..., 0::2].clamp(max=self.limit)
        up = gate_up[..., 1::2].clamp(-self.limit, self.limit)
        inner_RI = (up + 1) * (gate * torch.sigmoid(gate * self.alpha))
        out_RH = self._linear("down_proj", inner_RI, expert_R, ends_E)
        weighted_RH = out_RH * routing_weights.reshape(-1)[order_R, None]
        unsorted_RH = torch.empty_like(weighted_RH).index_copy(0, order_R, weighted_RH)
        return unsorted_RH.view(num_tokens, num_chosen, -1).sum(1).to(hidden_TH.dtype)

    def forward_kernels(self, hidden_TH: Tensor, router_indices: Tensor, routing_weights: Tensor) -> Tensor:
        """Do the same by the kernels."""
        from probatum.model.kernels.experts import experts

        parts = ("blocks", "scales", "bias")
        weights = [getattr(self, f"{name}_{part}") for name in ("gate_up_proj", "down_proj") for part in parts]
        constants = self.limit, self.alpha, self.may_dequantise
        return experts(hidden_TH, router_indices, routing_weights, *weights, *constants)[0]
