"""Whole expert stacks from MXFP4 to bfloat16, at the speed of memory.

E experts · O output features · I input features · G = I / 32 blocks
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from probatum.model.kernels.unpack import BLOCK_WORDS, scale_of, unpack

TILE_BLOCKS = 128


@triton.jit
def _dequantise(
    words_ptr: tl.tensor,
    scales_ptr: tl.tensor,
    out_ptr: tl.tensor,
    num_blocks: tl.tensor,
    TILE: tl.constexpr,
    WORDS: tl.constexpr,
    PACKED: tl.constexpr,
) -> None:
    block = tl.program_id(0).to(tl.int64) * TILE + tl.arange(0, TILE)
    inside = block < num_blocks
    word = block[:, None] * WORDS + tl.arange(0, WORDS)[None, :]
    words = tl.load(words_ptr + word, mask=inside[:, None], other=0)
    scale = scale_of(tl.load(scales_ptr + block, mask=inside, other=127), PACKED)
    first, second, third, fourth = unpack(words, tl.broadcast_to(scale[:, None], (TILE, WORDS)), PACKED)
    values = tl.join(tl.join(first, third), tl.join(second, fourth)).reshape(TILE, WORDS * 4)
    at = block[:, None] * (WORDS * 4) + tl.arange(0, WORDS * 4)[None, :]
    tl.store(out_ptr + at, values, mask=inside[:, None])


def dequantise(blocks_EOGB: Tensor, scales_EOG: Tensor, out: Tensor | None = None) -> Tensor:
    """Return the weights of packed experts in bfloat16, `[E, O, I]`; twin of `mxfp4.layout.dequantise`.

    Args:
        blocks_EOGB: packed values, uint8 `[E, O, G, 16]`, contiguous.
        scales_EOG: scale bytes, uint8 `[E, O, G]`, contiguous.
        out: where to write; a new tensor if not given.
    """
    num_experts, num_outputs, num_blocks, _ = blocks_EOGB.shape
    if out is None:
        shape = (num_experts, num_outputs, num_blocks * 32)
        out = torch.empty(shape, dtype=torch.bfloat16, device=blocks_EOGB.device)
    total = scales_EOG.numel()
    grid = (triton.cdiv(total, TILE_BLOCKS),)
    words = blocks_EOGB.view(torch.int16)
    cut = {"TILE": TILE_BLOCKS, "WORDS": BLOCK_WORDS, "PACKED": out.is_cuda}
    _dequantise[grid](words, scales_EOG, out, total, **cut, num_warps=4)
    return out
