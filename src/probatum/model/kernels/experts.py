"""All that a layer's experts do, forward and backward, on packed weights.

T tokens · K experts per token · R = T * K rows, sorted by expert · E experts · H hidden · I intermediate · J = 2 I

Two ways, chosen by rows per expert: few rows read the packed weights inside the product; for many rows, a layer is
dequantised once, if it may be, and `grouped_mm` does the product. Neither keeps bfloat16 weights for backward. Nothing
waits for the device, so that both can be captured in a CUDA graph.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from probatum.model.kernels import grouped, rows
from probatum.model.kernels.dequantise import dequantise
from probatum.model.kernels.grouped import Tile

# Mean rows per expert up to which the fused product wins, and the best cut up to so many; docs/performance.md.
FUSED_FORWARD_ROWS, FUSED_BACKWARD_ROWS = 256, 160
FORWARD_TILES = (
    (16, Tile(rows=16, outputs=128, words=64, swap=False)),
    (96, Tile(rows=64, outputs=128, words=32, swap=True)),
    (FUSED_FORWARD_ROWS, Tile(rows=128, outputs=128, words=32, swap=True, warps=8)),
)
BACKWARD_TILES = (
    (16, Tile(rows=16, outputs=64, words=64, swap=False)),
    (FUSED_BACKWARD_ROWS, Tile(rows=64, outputs=32, words=64, swap=False)),
)


def is_fused(num_rows: int, num_experts: int, most_rows: int, *, may_dequantise: bool) -> bool:
    """Whether products read packed weights: with few rows for each expert, or where dequantising is not allowed."""
    return num_rows <= most_rows * num_experts or not may_dequantise


def choose_tile(tiles: tuple[tuple[int, Tile], ...], mean_rows: float) -> Tile:
    """Return the cut measured best for so many rows per expert."""
    return next((tile for most, tile in tiles if mean_rows <= most), tiles[-1][1])


def linear(x_RI: Tensor, blocks: Tensor, scales: Tensor, ends_E: Tensor, *, fused: bool) -> Tensor:
    """Return y = x · Wᵀ; `x_RI` is in planes if `fused`."""
    if fused:
        return grouped.forward(x_RI, blocks, scales, ends_E, choose_tile(FORWARD_TILES, len(x_RI) / len(ends_E)))
    return F.grouped_mm(x_RI, dequantise(blocks, scales).transpose(-2, -1), offs=ends_E)


def linear_backward(dy_RO: Tensor, blocks: Tensor, scales: Tensor, ends_E: Tensor, *, fused: bool) -> Tensor:
    """Return dx = dy · W, in planes if `fused`."""
    if fused:
        return grouped.backward(dy_RO, blocks, scales, ends_E, choose_tile(BACKWARD_TILES, len(dy_RO) / len(ends_E)))
    return F.grouped_mm(dy_RO, dequantise(blocks, scales), offs=ends_E)


@torch.library.custom_op("probatum::experts", mutates_args=())
def experts(
    hidden_TH: Tensor,
    router_indices_TK: Tensor,
    weight_TK: Tensor,
    gate_up_blocks: Tensor,
    gate_up_scales: Tensor,
    gate_up_bias: Tensor,
    down_blocks: Tensor,
    down_scales: Tensor,
    down_bias: Tensor,
    limit: float,
    alpha: float,
    may_dequantise: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return each token's weighted sum of its experts `[T, H]`, and what backward needs."""
    num_experts, num_chosen = len(gate_up_bias), router_indices_TK.shape[1]
    expert_R, order_R, place_TK, ends_E = rows.sort(router_indices_TK, num_experts)
    fused = is_fused(len(expert_R), num_experts, FUSED_FORWARD_ROWS, may_dequantise=may_dequantise)
    x_RH = rows.gather(hidden_TH, order_R, num_chosen, planes=fused)
    both_RJ = linear(x_RH, gate_up_blocks, gate_up_scales, ends_E, fused=fused)
    inner_RI = rows.gate(both_RJ, gate_up_bias, expert_R, limit, alpha, planes=fused)
    down_RH = linear(inner_RI, down_blocks, down_scales, ends_E, fused=fused)
    out_TH = rows.combine(down_RH, down_bias, weight_TK, expert_R, place_TK)
    return out_TH, both_RJ, down_RH, expert_R, order_R, place_TK, ends_E


@experts.register_fake
def _(
    hidden_TH: Tensor, router_indices_TK: Tensor, weight_TK: Tensor, gate_up_blocks: Tensor, *others: Any
) -> tuple[Tensor, ...]:
    num_tokens, num_chosen = router_indices_TK.shape
    num_rows = num_tokens * num_chosen
    return (
        torch.empty_like(hidden_TH),
        hidden_TH.new_empty((num_rows, gate_up_blocks.shape[1])),
        hidden_TH.new_empty((num_rows, hidden_TH.shape[1])),
        router_indices_TK.new_empty((num_rows,), dtype=torch.int32),
        router_indices_TK.new_empty((num_rows,), dtype=torch.int32),
        router_indices_TK.new_empty((num_tokens, num_chosen), dtype=torch.int32),
        router_indices_TK.new_empty((len(gate_up_blocks),), dtype=torch.int32),
    )


@torch.library.custom_op("probatum::experts_backward", mutates_args=())
def experts_backward(
    grad_TH: Tensor,
    weight_TK: Tensor,
    both_RJ: Tensor,
    down_RH: Tensor,
    expert_R: Tensor,
    order_R: Tensor,
    place_TK: Tensor,
    ends_E: Tensor,
    gate_up_blocks: Tensor,
    gate_up_scales: Tensor,
    gate_up_bias: Tensor,
    down_blocks: Tensor,
    down_scales: Tensor,
    down_bias: Tensor,
    limit: float,
    alpha: float,
    may_dequantise: bool,
) -> tuple[Tensor, Tensor]:
    """Return the gradients for hidden states and routing weights."""
    fused = is_fused(len(expert_R), len(ends_E), FUSED_BACKWARD_ROWS, may_dequantise=may_dequantise)
    grad_RH, grad_weight_TK = rows.combine_backward(
        grad_TH.contiguous(), down_RH, down_bias, weight_TK, expert_R, order_R
    )
    grad_RI = linear_backward(grad_RH, down_blocks, down_scales, ends_E, fused=fused)
    grad_RJ = rows.gate_backward(grad_RI, both_RJ, gate_up_bias, expert_R, limit, alpha, planes=fused)
    grad_x_RH = linear_backward(grad_RJ, gate_up_blocks, gate_up_scales, ends_E, fused=fused)
    return rows.scatter_sum(grad_x_RH, place_TK, planes=fused), grad_weight_TK.to(weight_TK.dtype)


@experts_backward.register_fake
def _(grad_TH: Tensor, weight_TK: Tensor, *others: Any) -> tuple[Tensor, Tensor]:
    return torch.empty_like(grad_TH, memory_format=torch.contiguous_format), torch.empty_like(weight_TK)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    _, _, weight_TK, *weights, limit, alpha, may_dequantise = inputs
    ctx.save_for_backward(weight_TK, *output[1:], *weights)
    ctx.mark_non_differentiable(*output[1:])
    ctx.constants = limit, alpha, may_dequantise


def _backward(ctx: Any, grad_TH: Tensor, *_: Any) -> tuple[Any, ...]:
    grad_hidden_TH, grad_weight_TK = experts_backward(grad_TH, *ctx.saved_tensors, *ctx.constants)
    return grad_hidden_TH, None, grad_weight_TK, *[None] * 9


experts.register_autograd(_backward, setup_context=_keep)
