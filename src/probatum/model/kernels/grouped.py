"""Products of rows sorted by expert with weights that stay packed, forward and for the input's gradient.

R rows · E experts · O output features · I input features · P = I / 4 words of four values

A word's four values take four places on the input axis. Rather than interleave weights in registers, kernels keep
the input axis in four planes: plane p, place j is feature 4 j + p. `rows.py` writes and reads planes on the way, so the
order costs nothing. A program works out its rows on the device, from `ends_E`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from probatum.model.kernels.unpack import scale_of, unpack


@dataclass(frozen=True)
class Tile:
    """How a product is cut.

    Attributes:
        rows: rows of one program.
        outputs: output features of one program, or of one of its steps backward.
        words: words of one step, or of one program backward.
        swap: take weights as the left operand; tensor cores of sm90 want 64 rows there, and routed rows are fewer.
        warps: warps of one program.
        stages: steps in flight.
    """

    rows: int
    outputs: int
    words: int
    swap: bool = True
    warps: int = 4
    stages: int = 3


@triton.jit
def _find(
    ends_ptr: tl.tensor, tile: tl.tensor, E: tl.constexpr, EXPERTS: tl.constexpr, ROWS: tl.constexpr
) -> tl.tensor:
    """Return the expert of a row tile (E if there is no such tile), its first row and the expert's end."""
    expert = tl.arange(0, EXPERTS)
    ends = tl.load(ends_ptr + expert, mask=expert < E, other=0)
    starts = tl.load(ends_ptr + expert - 1, mask=(expert > 0) & (expert < E), other=0)
    num_tiles = tl.where(expert < E, (ends - starts + ROWS - 1) // ROWS, 0)
    after = tl.cumsum(num_tiles, 0)
    mine = tl.sum((after <= tile).to(tl.int32), 0)
    here = expert == mine
    offset = tile - tl.sum(tl.where(here, after - num_tiles, 0), 0)
    start = tl.sum(tl.where(here, starts, 0), 0)
    end = tl.sum(tl.where(here, ends, 0), 0)
    return tl.minimum(mine, E), start + offset * ROWS, end


@triton.jit
def _load_tile(
    pointer: tl.tensor,
    row_O: tl.tensor,
    column_W: tl.tensor,
    inside_O: tl.tensor,
    WIDTH: tl.constexpr,
    FLIP: tl.constexpr,
) -> tl.tensor:
    """Load a tile of words or scales `[O, W]`, or `[W, O]` if `FLIP`.

    A tile that is needed flipped is addressed so: a transposition after unpacking would move four times the bytes.
    """
    if FLIP:
        mask = inside_O[None, :] & (column_W < WIDTH)[:, None]
        return tl.load(pointer + row_O[None, :] * WIDTH + column_W[:, None], mask=mask, other=0)
    else:  # noqa: RET505
        mask = inside_O[:, None] & (column_W < WIDTH)[None, :]
        return tl.load(pointer + row_O[:, None] * WIDTH + column_W[None, :], mask=mask, other=0)


@triton.jit
def _spread(
    byte: tl.tensor, OUTPUTS: tl.constexpr, WORDS: tl.constexpr, FLIP: tl.constexpr, PACKED: tl.constexpr
) -> tl.tensor:
    """Return the scale of every word of a tile."""
    scale = scale_of(byte, PACKED)
    if FLIP:
        return tl.broadcast_to(scale[:, None, :], (WORDS // 8, 8, OUTPUTS)).reshape(WORDS, OUTPUTS)
    else:  # noqa: RET505
        return tl.broadcast_to(scale[:, :, None], (OUTPUTS, WORDS // 8, 8)).reshape(OUTPUTS, WORDS)


@triton.jit
def _multiply(
    rows: tl.tensor, weights: tl.tensor, acc: tl.tensor, SWAP: tl.constexpr, PACKED: tl.constexpr
) -> tl.tensor:
    """Accumulate `rows [M, C] · weights [C, N]`, or `weights [N, C] · rowsᵀ` if `SWAP`."""
    if not PACKED:  # the interpreter takes bfloat16 for integers here
        rows, weights = rows.to(tl.float32), weights.to(tl.float32)
    if SWAP:
        return tl.dot(weights, tl.trans(rows), acc)
    else:  # noqa: RET505
        return tl.dot(rows, weights, acc)


@triton.jit
def _forward(
    x_ptr: tl.tensor,
    words_ptr: tl.tensor,
    scales_ptr: tl.tensor,
    ends_ptr: tl.tensor,
    y_ptr: tl.tensor,
    O: tl.constexpr,
    P: tl.constexpr,
    E: tl.constexpr,
    EXPERTS: tl.constexpr,
    ROWS: tl.constexpr,
    OUTPUTS: tl.constexpr,
    WORDS: tl.constexpr,
    SWAP: tl.constexpr,
    PACKED: tl.constexpr,
) -> None:
    expert, first, end = _find(ends_ptr, tl.program_id(0), E, EXPERTS, ROWS)
    if expert < E:
        row = (first + tl.arange(0, ROWS)).to(tl.int64)
        output = tl.program_id(1) * OUTPUTS + tl.arange(0, OUTPUTS)
        weight_row = expert.to(tl.int64) * O + output
        here, inside = row < end, output < O
        if SWAP:
            acc = tl.zeros((OUTPUTS, ROWS), tl.float32)
        else:
            acc = tl.zeros((ROWS, OUTPUTS), tl.float32)
        block = tl.arange(0, WORDS // 8)
        byte = _load_tile(scales_ptr, weight_row, block, inside, P // 8, not SWAP)
        for begin in range(0, P, WORDS):
            word = begin + tl.arange(0, WORDS)
            words = _load_tile(words_ptr, weight_row, word, inside, P, not SWAP)
            scales = _spread(byte, OUTPUTS, WORDS, not SWAP, PACKED)
            byte = _load_tile(scales_ptr, weight_row, block + (begin + WORDS) // 8, inside, P // 8, not SWAP)
            plane0, plane1, plane2, plane3 = unpack(words, scales, PACKED)
            at = x_ptr + row[:, None] * (4 * P) + word[None, :]
            mask = here[:, None] & (word < P)[None, :]
            acc = _multiply(tl.load(at, mask=mask, other=0.0), plane0, acc, SWAP, PACKED)
            acc = _multiply(tl.load(at + P, mask=mask, other=0.0), plane1, acc, SWAP, PACKED)
            acc = _multiply(tl.load(at + 2 * P, mask=mask, other=0.0), plane2, acc, SWAP, PACKED)
            acc = _multiply(tl.load(at + 3 * P, mask=mask, other=0.0), plane3, acc, SWAP, PACKED)
        if SWAP:
            acc = tl.trans(acc)
        tl.store(y_ptr + row[:, None] * O + output[None, :], acc.to(tl.bfloat16), mask=here[:, None] & inside[None, :])


@triton.jit
def _store_plane(
    dx_ptr: tl.tensor,
    acc: tl.tensor,
    row: tl.tensor,
    word: tl.tensor,
    mask: tl.tensor,
    P: tl.constexpr,
    SWAP: tl.constexpr,
) -> None:
    if SWAP:
        acc = tl.trans(acc)
    tl.store(dx_ptr + row[:, None] * (4 * P) + word[None, :], acc.to(tl.bfloat16), mask=mask)


@triton.jit
def _backward(
    dy_ptr: tl.tensor,
    words_ptr: tl.tensor,
    scales_ptr: tl.tensor,
    ends_ptr: tl.tensor,
    dx_ptr: tl.tensor,
    O: tl.constexpr,
    P: tl.constexpr,
    E: tl.constexpr,
    EXPERTS: tl.constexpr,
    ROWS: tl.constexpr,
    OUTPUTS: tl.constexpr,
    WORDS: tl.constexpr,
    SWAP: tl.constexpr,
    PACKED: tl.constexpr,
) -> None:
    expert, first, end = _find(ends_ptr, tl.program_id(0), E, EXPERTS, ROWS)
    if expert < E:
        row = (first + tl.arange(0, ROWS)).to(tl.int64)
        here = row < end
        begin = tl.program_id(1) * WORDS
        word = begin + tl.arange(0, WORDS)
        block = begin // 8 + tl.arange(0, WORDS // 8)
        if SWAP:
            acc0 = tl.zeros((WORDS, ROWS), tl.float32)
        else:
            acc0 = tl.zeros((ROWS, WORDS), tl.float32)
        acc1 = acc0
        acc2 = acc0
        acc3 = acc0
        output = tl.arange(0, OUTPUTS)
        first_row = expert.to(tl.int64) * O
        byte = _load_tile(scales_ptr, first_row + output, block, output < O, P // 8, SWAP)
        for begin_o in range(0, O, OUTPUTS):
            output = begin_o + tl.arange(0, OUTPUTS)
            inside = output < O
            words = _load_tile(words_ptr, first_row + output, word, inside, P, SWAP)
            scales = _spread(byte, OUTPUTS, WORDS, SWAP, PACKED)
            ahead = output + OUTPUTS
            byte = _load_tile(scales_ptr, first_row + ahead, block, ahead < O, P // 8, SWAP)
            plane0, plane1, plane2, plane3 = unpack(words, scales, PACKED)
            dy = tl.load(dy_ptr + row[:, None] * O + output[None, :], mask=here[:, None] & inside[None, :], other=0.0)
            acc0 = _multiply(dy, plane0, acc0, SWAP, PACKED)
            acc1 = _multiply(dy, plane1, acc1, SWAP, PACKED)
            acc2 = _multiply(dy, plane2, acc2, SWAP, PACKED)
            acc3 = _multiply(dy, plane3, acc3, SWAP, PACKED)
        mask = here[:, None] & (word < P)[None, :]
        _store_plane(dx_ptr, acc0, row, word, mask, P, SWAP)
        _store_plane(dx_ptr + P, acc1, row, word, mask, P, SWAP)
        _store_plane(dx_ptr + 2 * P, acc2, row, word, mask, P, SWAP)
        _store_plane(dx_ptr + 3 * P, acc3, row, word, mask, P, SWAP)


def forward(x_RI: Tensor, blocks: Tensor, scales: Tensor, ends_E: Tensor, tile: Tile) -> Tensor:
    """Return y = x · Wᵀ, bfloat16 `[R, O]`.

    Args:
        x_RI: inputs in planes, bfloat16, rows sorted by expert.
        blocks: packed values, uint8 `[E, O, I / 32, 16]`.
        scales: scale bytes, uint8 `[E, O, I / 32]`.
        ends_E: the row after each expert's last, int32.
        tile: how to cut.
    """
    num_experts, num_outputs, num_blocks, _ = blocks.shape
    y_RO = torch.empty((len(x_RI), num_outputs), dtype=torch.bfloat16, device=x_RI.device)
    grid = (_most_tiles(len(x_RI), num_experts, tile.rows), triton.cdiv(num_outputs, tile.outputs))
    _forward[grid](
        x_RI,
        blocks.view(torch.int16),
        scales,
        ends_E,
        y_RO,
        num_outputs,
        num_blocks * 8,
        **_cut(x_RI, num_experts, tile),
    )
    return y_RO


def backward(dy_RO: Tensor, blocks: Tensor, scales: Tensor, ends_E: Tensor, tile: Tile) -> Tensor:
    """Return dx = dy · W in planes, bfloat16 `[R, I]`; arguments as for `forward`."""
    num_experts, num_outputs, num_blocks, _ = blocks.shape
    dx_RI = torch.empty((len(dy_RO), num_blocks * 32), dtype=torch.bfloat16, device=dy_RO.device)
    grid = (_most_tiles(len(dy_RO), num_experts, tile.rows), triton.cdiv(num_blocks * 8, tile.words))
    _backward[grid](
        dy_RO,
        blocks.view(torch.int16),
        scales,
        ends_E,
        dx_RI,
        num_outputs,
        num_blocks * 8,
        **_cut(dy_RO, num_experts, tile),
    )
    return dx_RI


def _most_tiles(num_rows: int, num_experts: int, rows: int) -> int:
    """Return how many row tiles there can be at most: each expert may end in one that is not full."""
    return min(num_rows, num_rows // rows + num_experts)


def constants(tile: Tile) -> dict[str, Any]:
    """Return what a kernel is compiled with for a cut."""
    return {"ROWS": tile.rows, "OUTPUTS": tile.outputs, "WORDS": tile.words, "SWAP": tile.swap}


def _cut(x: Tensor, num_experts: int, tile: Tile) -> dict[str, Any]:
    return constants(tile) | {
        "E": num_experts,
        "EXPERTS": triton.next_power_of_2(num_experts),
        "PACKED": x.is_cuda,  # elsewhere Triton's interpreter runs the kernels
        "num_warps": tile.warps,
        "num_stages": tile.stages,
    }
