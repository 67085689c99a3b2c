"""The MXFP4 layout of gpt-oss checkpoints: 4-bit e2m1 values, one e8m0 scale for every 32 along the input.

E experts · O output features · I input features · G = I / 32 blocks

A weight `[E, O, I]` is stored as `blocks` uint8 `[E, O, G, 16]`, two values a byte with the even element in the low
nibble, and `scales` uint8 `[E, O, G]`, a power of two with bias 127.
Source: OCP Microscaling Formats (MX) Specification v1.0, section 5; `gpt_oss/torch/weights.py` in openai/gpt-oss.
"""

from __future__ import annotations

import torch
from torch import Tensor

BLOCK = 32
SCALE_BIAS = 127
_MAGNITUDES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
E2M1_VALUES = (*_MAGNITUDES, *(-m for m in _MAGNITUDES))


def dequantise(blocks_EOGB: Tensor, scales_EOG: Tensor, dtype: torch.dtype) -> Tensor:
    """Return the weights of packed experts, `[E, O, I]`.

    Every value is a power of two times one of 16 small numbers, so float32 and bfloat16 hold it exactly
    (bfloat16 down to a scale byte of 2, below which its subnormals round).

    Args:
        blocks_EOGB: packed values, uint8 `[E, O, G, 16]`.
        scales_EOG: scale bytes, uint8 `[E, O, G]`.
        dtype: floating type of the result.
    """
    values = torch.tensor(E2M1_VALUES, dtype=dtype, device=blocks_EOGB.device)
    low, high = values[(blocks_EOGB & 0x0F).int()], values[(blocks_EOGB >> 4).int()]
    pairs = torch.stack((low, high), dim=-1).flatten(-2)
    exponents = scales_EOG.int().sub_(SCALE_BIAS).unsqueeze(-1)
    return torch.ldexp(pairs, exponents).flatten(-2)


def quantise(weight_EOI: Tensor) -> tuple[Tensor, Tensor]:
    """Return the blocks and scales nearest to given weights.

    Each block takes the smallest power of two under which its largest magnitude does not overflow 6, or the half of it,
    whichever has the lower squared error; values round to nearest, ties towards zero.

    Args:
        weight_EOI: float weights; I must be a multiple of 32.

    Returns:
        blocks uint8 `[E, O, G, 16]` and scales uint8 `[E, O, G]`.

    Raises:
        ValueError: the input dimension is not a multiple of 32.
    """
    if weight_EOI.shape[-1] % BLOCK:
        raise ValueError(f"MXFP4 wants an input dimension that is a multiple of {BLOCK}, got {weight_EOI.shape[-1]}")
    value = weight_EOI.detach().float().unflatten(-1, (-1, BLOCK))
    largest = value.abs().amax(-1, keepdim=True).clamp(min=2.0**-100)
    whole = (largest / _MAGNITUDES[-1]).log2().ceil()
    (codes, error), (finer_codes, finer_error) = (_round(value, exponent) for exponent in (whole, whole - 1))
    finer = finer_error < error
    codes = torch.where(finer, finer_codes, codes)
    exponents = torch.where(finer, whole - 1, whole).squeeze(-1)
    return codes[..., 0::2] | codes[..., 1::2] << 4, (exponents + SCALE_BIAS).clamp(0, 254).to(torch.uint8)


def _round(value: Tensor, exponent: Tensor) -> tuple[Tensor, Tensor]:
    """Round blocks at one scale; return codes and squared errors."""
    magnitudes = torch.tensor(_MAGNITUDES, device=value.device)
    scaled = value / exponent.exp2()
    code = torch.bucketize(scaled.abs().contiguous(), (magnitudes[1:] + magnitudes[:-1]) / 2)
    error = (magnitudes[code] - scaled.abs()).mul(exponent.exp2()).square().sum(-1, keepdim=True)
    return (code + 8 * (scaled < 0)).to(torch.uint8), error
