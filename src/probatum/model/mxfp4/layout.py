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

    Each block takes, of the two powers of two around its largest magnitude, the one with the smaller squared error;
    values round to nearest, ties to the even code.

    Args:
        weight_EOI: float weights; I must be a multiple of 32.

    Returns:
        blocks uint8 `[E, O, G, 16]` and scales uint8 `[E, O, G]`.

    Raises:
        ValueError: the input dimension is not a multiple of 32.
    """
    if weight_EOI.shape[-1] % BLOCK:
        raise ValueError(f"MXFP4 wants an input dimension that is a multiple of {BLOCK}, got {weight_EOI.shape[-1]}")
    block_EOGV = weight_EOI.detach().float().unflatten(-1, (-1, BLOCK))
    largest = block_EOGV.abs().amax(-1)
    exponent = torch.where(largest > 0, torch.floor(torch.log2(largest.clamp_min(2.0**-126))) - 2, 0)
    candidates = [_round(block_EOGV, exponent + step) for step in (0, 1)]
    better = (candidates[1][2] < candidates[0][2]).unsqueeze(-1)
    codes = torch.where(better, candidates[1][0], candidates[0][0])
    scales = torch.where(better.squeeze(-1), candidates[1][1], candidates[0][1])
    blocks = codes[..., 0::2] | (codes[..., 1::2] << 4)
    return blocks.to(torch.uint8), scales.to(torch.uint8)


def _round(block_EOGV: Tensor, exponent_EOG: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Round blocks at one scale; return codes, scale bytes and squared errors."""
    exponent = exponent_EOG.clamp(-SCALE_BIAS, SCALE_BIAS)
    scaled = torch.ldexp(block_EOGV, -exponent.int().unsqueeze(-1))
    magnitudes = torch.tensor(_MAGNITUDES, device=scaled.device)
    midpoints = (magnitudes[1:] + magnitudes[:-1]) / 2
    below, above = torch.bucketize(scaled.abs(), midpoints), torch.bucketize(scaled.abs(), midpoints, right=True)
    code = torch.where(below % 2 == 0, below, above)  # the two differ at ties only
    rounded = magnitudes[code] * scaled.sign()
    error = torch.ldexp((rounded - scaled).square().sum(-1), 2 * exponent.int())
    return code | ((scaled < 0).int() << 3), exponent.int() + SCALE_BIAS, error
