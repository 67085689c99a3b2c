"""RMS norm and rotary embedding, each one pass over memory each way; eager PyTorch takes ten.

T tokens · H hidden · N heads · D head dimension
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

TOKENS = 16


@triton.jit
def _norm(
    x_ptr: tl.tensor,
    weight_ptr: tl.tensor,
    y_ptr: tl.tensor,
    scale_ptr: tl.tensor,
    eps: tl.tensor,
    H: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    inside = column < H
    x = tl.load(x_ptr + row * H + column, mask=inside, other=0.0).to(tl.float32)
    scale = 1.0 / tl.sqrt(tl.sum(x * x, 0) / H + eps)
    weight = tl.load(weight_ptr + column, mask=inside, other=0.0).to(tl.float32)
    tl.store(scale_ptr + row, scale)
    tl.store(y_ptr + row * H + column, (weight * (x * scale)).to(y_ptr.dtype.element_ty), mask=inside)


@triton.jit
def _norm_backward(
    dy_ptr: tl.tensor,
    x_ptr: tl.tensor,
    weight_ptr: tl.tensor,
    scale_ptr: tl.tensor,
    dx_ptr: tl.tensor,
    H: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    inside = column < H
    x = tl.load(x_ptr + row * H + column, mask=inside, other=0.0).to(tl.float32)
    dy = tl.load(dy_ptr + row * H + column, mask=inside, other=0.0).to(tl.float32)
    dy *= tl.load(weight_ptr + column, mask=inside, other=0.0).to(tl.float32)
    scale = tl.load(scale_ptr + row)
    dx = scale * (dy - x * (scale * scale * tl.sum(dy * x, 0) / H))
    tl.store(dx_ptr + row * H + column, dx.to(dx_ptr.dtype.element_ty), mask=inside)


class RmsNorm(torch.autograd.Function):
    """y = weight · x / √(mean(x²) + eps), in float32 within; the gradient reaches x, never the weight."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight_H: Tensor, eps: float) -> Tensor:
        """Return `x` normalised over its last axis; `x` of any shape `[..., H]`."""
        x = x.contiguous()
        y, hidden = torch.empty_like(x), x.shape[-1]
        scale_T = x.new_empty(x.numel() // hidden, dtype=torch.float32)
        cut = {"H": hidden, "BLOCK": triton.next_power_of_2(hidden)}
        _norm[(len(scale_T),)](x, weight_H, y, scale_T, eps, **cut, num_warps=8)
        ctx.save_for_backward(x, weight_H, scale_T)
        ctx.cut = cut
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        """Return dx."""
        x, weight_H, scale_T = ctx.saved_tensors
        dx = torch.empty_like(x)
        _norm_backward[(len(scale_T),)](grads[0].contiguous(), x, weight_H, scale_T, dx, **ctx.cut, num_warps=8)
        return dx, None, None


@triton.jit
def _rotate(
    x_ptr: tl.tensor,
    cos_ptr: tl.tensor,
    sin_ptr: tl.tensor,
    y_ptr: tl.tensor,
    x_head: tl.tensor,
    x_token: tl.tensor,
    cos_token: tl.tensor,
    cos_pair: tl.tensor,
    T: tl.tensor,
    sign: tl.tensor,
    N: tl.constexpr,
    HALF: tl.constexpr,
    BLOCK: tl.constexpr,
    TOKENS: tl.constexpr,
) -> None:
    """Rotate each pair (j, j + D / 2) of a head by its token's angle, or back if `sign` is -1; y is `[T, N, D]`."""
    token = (tl.program_id(0) * TOKENS + tl.arange(0, TOKENS)).to(tl.int64)
    head = tl.program_id(1)
    pair = tl.arange(0, BLOCK)
    inside = (token < T)[:, None] & (pair < HALF)[None, :]
    at = token[:, None] * cos_token + pair[None, :] * cos_pair
    cos = tl.load(cos_ptr + at, mask=inside, other=0.0).to(tl.float32)
    sin = tl.load(sin_ptr + at, mask=inside, other=0.0).to(tl.float32) * sign
    at = x_ptr + head * x_head + token[:, None] * x_token + pair[None, :]
    first = tl.load(at, mask=inside, other=0.0).to(tl.float32)
    second = tl.load(at + HALF, mask=inside, other=0.0).to(tl.float32)
    at = y_ptr + (token[:, None] * N + head) * (2 * HALF) + pair[None, :]
    tl.store(at, (first * cos - second * sin).to(y_ptr.dtype.element_ty), mask=inside)
    tl.store(at + HALF, (second * cos + first * sin).to(y_ptr.dtype.element_ty), mask=inside)


def _rotated(x_NTD: Tensor, cos_TD: Tensor, sin_TD: Tensor, sign: float) -> Tensor:
    num_heads, num_tokens, dim = x_NTD.shape
    if x_NTD.stride(-1) != 1:
        x_NTD = x_NTD.contiguous()
    y_TND = x_NTD.new_empty((num_tokens, num_heads, dim))
    assert cos_TD.stride() == sin_TD.stride(), (cos_TD.stride(), sin_TD.stride())
    strides = (x_NTD.stride(0), x_NTD.stride(1), *cos_TD.stride())  # angles come transposed
    cut = {"N": num_heads, "HALF": dim // 2, "BLOCK": triton.next_power_of_2(dim // 2), "TOKENS": TOKENS}
    grid = (triton.cdiv(num_tokens, TOKENS), num_heads)
    _rotate[grid](x_NTD, cos_TD, sin_TD, y_TND, *strides, num_tokens, sign, **cut)
    return y_TND.transpose(0, 1)


class Rotary(torch.autograd.Function):
    """Rotary position embedding of one tensor of heads, halves of a head paired (Su et al. 2021)."""

    @staticmethod
    def forward(ctx: Any, x_NTD: Tensor, cos_TD: Tensor, sin_TD: Tensor) -> Tensor:
        """Return `[N, T, D]`; of the angles' cosines and sines the first D / 2 of each token are read."""
        ctx.save_for_backward(cos_TD, sin_TD)
        return _rotated(x_NTD, cos_TD, sin_TD, 1.0)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        """Rotate the gradient back."""
        cos_TD, sin_TD = ctx.saved_tensors
        return _rotated(grads[0], cos_TD, sin_TD, -1.0), None, None
