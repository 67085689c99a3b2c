"""MXFP4, the format of gpt-oss's published experts: from dense weights and back.

E experts · O, I an expert matrix's output and input dimension
"""

from __future__ import annotations

import torch
from torch import Tensor

E2M1 = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])


def to_mxfp4(weight_EIO: Tensor) -> tuple[Tensor, Tensor]:
    """Round expert weights to MXFP4 (OCP Microscaling Formats 1.0): 32 e2m1 values share a power of two.

    Of the two scales next to the block's largest value, the one with the lower squared error is taken.

    Args:
        weight_EIO: dense weights as `GptOssExperts` holds them, the input dimension a multiple of 32.

    Returns:
        Blocks uint8 [E, O, I/32, 16], the low nibble the even element, and scales uint8 [E, O, I/32], exponent + 127.
    """
    value = weight_EIO.detach().float().cpu().transpose(1, 2)
    value = value.unflatten(-1, (-1, 32))
    top = value.abs().amax(-1, keepdim=True).clamp(min=2.0**-100)
    best_error = torch.full(top.shape, torch.inf)
    codes, exponents = torch.zeros(value.shape, dtype=torch.uint8), torch.zeros(top.shape)
    for exponent in ((top / 6).log2().ceil(), (top / 6).log2().ceil() - 1):
        scaled = value / exponent.exp2()
        nearest = torch.bucketize(scaled.abs().contiguous(), (E2M1[1:] + E2M1[:-1]) / 2)
        error = (E2M1[nearest] - scaled.abs()).mul(exponent.exp2()).square().sum(-1, keepdim=True)
        better = error < best_error
        best_error = torch.where(better, error, best_error)
        codes = torch.where(better, (nearest + 8 * (scaled < 0)).to(torch.uint8), codes)
        exponents = torch.where(better, exponent, exponents)
    return codes[..., ::2] | codes[..., 1::2] << 4, (exponents[..., 0] + 127).clamp(0, 254).to(torch.uint8)


def from_mxfp4(blocks: Tensor, scales: Tensor) -> Tensor:
    """Return the dense weights [E, I, O] in float32 that packed ones stand for: the inverse of `to_mxfp4`."""
    codes = torch.stack([blocks & 15, blocks >> 4], -1).flatten(-2).long()
    value = torch.cat([E2M1, -E2M1])[codes] * (scales.float() - 127).exp2()[..., None]
    return value.flatten(-2).transpose(1, 2).contiguous()
