"""Attention over packed rows: every token sees the prefix and its own post, and no other block of keys is read.

T tokens · H query heads · G query heads that share a key head · D head dimension

A program takes some tokens times the heads that share a key head, so that few tokens fill a tile. A row's map, int32
`[7, T]`, says who sees whom (`masks.row_map`). A program loops over few blocks of keys: the prefix's, and those from
the first post among its tokens up to itself.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

LOG2E = tl.constexpr(1.4426950408889634)
FORWARD_ROWS, BACKWARD_ROWS, KEYS = 128, 64, 64
MOST_PACKED = 8  # heads of one program


@triton.jit
def _dot(a: tl.tensor, b: tl.tensor, WIDE: tl.constexpr) -> tl.tensor:
    """Return the product in float32; `WIDE` operands are float32 and stay so."""
    if WIDE:
        return tl.dot(a.to(tl.float32), b.to(tl.float32), input_precision="ieee")
    else:  # noqa: RET505
        return tl.dot(a, b)


@triton.jit
def _load(pointer: tl.tensor, offset: tl.tensor, inside: tl.tensor, D: tl.constexpr, DIM: tl.constexpr) -> tl.tensor:
    """Load vectors of a head `[rows, DIM]` from their offsets; what lies outside or beyond the head dimension is 0."""
    dim = tl.arange(0, DIM)
    mask = inside[:, None] & (dim < D)[None, :]
    return tl.load(pointer + offset[:, None] + dim[None, :], mask=mask, other=0.0)


@triton.jit
def _store(
    pointer: tl.tensor,
    values: tl.tensor,
    offset: tl.tensor,
    inside: tl.tensor,
    D: tl.constexpr,
    DIM: tl.constexpr,
) -> None:
    dim = tl.arange(0, DIM)
    mask = inside[:, None] & (dim < D)[None, :]
    tl.store(pointer + offset[:, None] + dim[None, :], values, mask=mask)


@triton.jit
def _load_token(map_ptr: tl.tensor, token: tl.tensor, T: tl.tensor) -> tl.tensor:
    """Load what a map says of tokens: segment, parent, position. Beyond the row nothing is kin to anything."""
    segment = tl.load(map_ptr + token, mask=token < T, other=-2)
    parent = tl.load(map_ptr + T + token, mask=token < T, other=-2)
    position = tl.load(map_ptr + 2 * T + token, mask=token < T, other=-1)
    return segment, parent, position


@triton.jit
def _seen(
    segment_q: tl.tensor,
    parent_q: tl.tensor,
    position_q: tl.tensor,
    segment_k: tl.tensor,
    position_k: tl.tensor,
    window: tl.tensor,
) -> tl.tensor:
    """Return which keys each query sees, bool of the broadcast shape; a query beyond the row has position -1."""
    back = position_q - position_k
    kin = (segment_k == 0) | (segment_k == segment_q) | (segment_k == parent_q)
    return kin & (back >= 0) & (back < window)


@triton.jit
def _tile(T: tl.tensor, PACK: tl.constexpr, M: tl.constexpr) -> tl.tensor:
    """Return the token and the head of each of a program's rows, and whether the token is in the row."""
    row = (tl.program_id(0) * (M // PACK) + tl.arange(0, M) // PACK).to(tl.int64)
    return row, tl.program_id(1) * PACK + tl.arange(0, M) % PACK, row < T


@triton.jit
def _blocks(
    map_ptr: tl.tensor,
    row: tl.tensor,
    num_prefix: tl.tensor,
    T: tl.tensor,
    PACK: tl.constexpr,
    M: tl.constexpr,
    N: tl.constexpr,
) -> tl.tensor:
    """Return the first key behind the prefix that a program reads, and how many blocks the prefix and all keys are."""
    first = tl.min(tl.load(map_ptr + 3 * T + row, mask=row < T, other=2147483647), 0)
    first = tl.maximum(first, num_prefix) // N * N
    end = tl.minimum((tl.program_id(0) + 1) * (M // PACK), T)
    prefix_blocks = tl.cdiv(num_prefix, N)
    return first, prefix_blocks, prefix_blocks + tl.maximum(tl.cdiv(end - first, N), 0)


@triton.jit
def _keys(
    step: tl.tensor, first: tl.tensor, prefix_blocks: tl.tensor, num_prefix: tl.tensor, N: tl.constexpr
) -> tl.tensor:
    """Return the keys of a block, and which of them are its own: a key of prefix and post is counted once."""
    in_prefix = step < prefix_blocks
    begin = tl.where(in_prefix, step * N, first + (step - prefix_blocks) * N)
    key = (begin + tl.arange(0, N)).to(tl.int64)
    return key, (key < num_prefix) == in_prefix


@triton.jit
def _forward(
    q_ptr: tl.tensor,
    k_ptr: tl.tensor,
    v_ptr: tl.tensor,
    sinks_ptr: tl.tensor,
    map_ptr: tl.tensor,
    out_ptr: tl.tensor,
    lse_ptr: tl.tensor,
    q_head: tl.tensor,
    q_row: tl.tensor,
    k_head: tl.tensor,
    k_row: tl.tensor,
    v_head: tl.tensor,
    v_row: tl.tensor,
    out_row: tl.tensor,
    T: tl.tensor,
    scale: tl.tensor,
    G: tl.constexpr,
    PACK: tl.constexpr,
    D: tl.constexpr,
    DIM: tl.constexpr,
    SINKS: tl.constexpr,
    WIDE: tl.constexpr,
    M: tl.constexpr,
    N: tl.constexpr,
) -> None:
    row, head, inside = _tile(T, PACK, M)
    num_prefix, window = tl.load(map_ptr + 5 * T), tl.load(map_ptr + 6 * T)
    segment_q, parent_q, position_q = _load_token(map_ptr, row, T)
    first, prefix_blocks, num_blocks = _blocks(map_ptr, row, num_prefix, T, PACK, M, N)
    q = _load(q_ptr, head * q_head + row * q_row, inside, D, DIM)
    group = tl.program_id(1) * PACK // G
    k_base, v_base = k_ptr + group * k_head, v_ptr + group * v_head
    acc = tl.zeros((M, DIM), tl.float32)
    if SINKS:
        top = tl.load(sinks_ptr + head).to(tl.float32) * LOG2E
        total = tl.full((M,), 1.0, tl.float32)
    else:
        top = tl.full((M,), float("-inf"), tl.float32)
        total = tl.zeros((M,), tl.float32)
    for step in range(0, num_blocks):
        key, mine = _keys(step, first, prefix_blocks, num_prefix, N)
        k = _load(k_base, key * k_row, key < T, D, DIM)
        scores = _dot(q, tl.trans(k), WIDE) * (scale * LOG2E)
        segment_k, _, position_k = _load_token(map_ptr, key, T)
        seen = _seen(
            segment_q[:, None], parent_q[:, None], position_q[:, None], segment_k[None, :], position_k[None, :], window
        )
        scores = tl.where(seen & mine[None, :], scores, float("-inf"))
        higher = tl.maximum(top, tl.max(scores, 1))
        level = tl.where(higher == float("-inf"), 0.0, higher)
        shrink = tl.exp2(top - level)
        p = tl.exp2(scores - level[:, None])
        total = total * shrink + tl.sum(p, 1)
        v = _load(v_base, key * v_row, key < T, D, DIM)
        acc = acc * shrink[:, None] + _dot(p.to(v.dtype), v, WIDE)
        top = higher
    total = tl.where(total == 0.0, 1.0, total)
    out = acc / total[:, None]
    _store(out_ptr, out.to(out_ptr.dtype.element_ty), row * out_row + head * D, inside, D, DIM)
    tl.store(lse_ptr + head * T + row, top + tl.log2(total), mask=inside)


@triton.jit
def _backward_queries(
    q_ptr: tl.tensor,
    k_ptr: tl.tensor,
    v_ptr: tl.tensor,
    map_ptr: tl.tensor,
    out_ptr: tl.tensor,
    grad_ptr: tl.tensor,
    lse_ptr: tl.tensor,
    delta_ptr: tl.tensor,
    dq_ptr: tl.tensor,
    q_head: tl.tensor,
    q_row: tl.tensor,
    k_head: tl.tensor,
    k_row: tl.tensor,
    v_head: tl.tensor,
    v_row: tl.tensor,
    out_row: tl.tensor,
    T: tl.tensor,
    scale: tl.tensor,
    G: tl.constexpr,
    PACK: tl.constexpr,
    D: tl.constexpr,
    DIM: tl.constexpr,
    WIDE: tl.constexpr,
    M: tl.constexpr,
    N: tl.constexpr,
) -> None:
    row, head, inside = _tile(T, PACK, M)
    num_prefix, window = tl.load(map_ptr + 5 * T), tl.load(map_ptr + 6 * T)
    segment_q, parent_q, position_q = _load_token(map_ptr, row, T)
    first, prefix_blocks, num_blocks = _blocks(map_ptr, row, num_prefix, T, PACK, M, N)
    q = _load(q_ptr, head * q_head + row * q_row, inside, D, DIM)
    out = _load(out_ptr, row * out_row + head * D, inside, D, DIM)
    grad = _load(grad_ptr, row * out_row + head * D, inside, D, DIM)
    lse = tl.load(lse_ptr + head * T + row, mask=inside, other=0.0)
    delta = tl.sum(out.to(tl.float32) * grad.to(tl.float32), 1)
    tl.store(delta_ptr + head * T + row, delta, mask=inside)
    group = tl.program_id(1) * PACK // G
    k_base, v_base = k_ptr + group * k_head, v_ptr + group * v_head
    dq = tl.zeros((M, DIM), tl.float32)
    for step in range(0, num_blocks):
        key, mine = _keys(step, first, prefix_blocks, num_prefix, N)
        k = _load(k_base, key * k_row, key < T, D, DIM)
        v = _load(v_base, key * v_row, key < T, D, DIM)
        scores = _dot(q, tl.trans(k), WIDE) * (scale * LOG2E)
        segment_k, _, position_k = _load_token(map_ptr, key, T)
        seen = _seen(
            segment_q[:, None], parent_q[:, None], position_q[:, None], segment_k[None, :], position_k[None, :], window
        )
        p = tl.where(seen & mine[None, :], tl.exp2(scores - lse[:, None]), 0.0)
        ds = p * (_dot(grad, tl.trans(v), WIDE) - delta[:, None])
        dq += _dot(ds.to(k.dtype), k, WIDE)
    at = (head.to(tl.int64) * T + row) * D
    _store(dq_ptr, (dq * scale).to(dq_ptr.dtype.element_ty), at, inside, D, DIM)


@triton.jit
def _backward_keys(
    q_ptr: tl.tensor,
    k_ptr: tl.tensor,
    v_ptr: tl.tensor,
    map_ptr: tl.tensor,
    grad_ptr: tl.tensor,
    lse_ptr: tl.tensor,
    delta_ptr: tl.tensor,
    dk_ptr: tl.tensor,
    dv_ptr: tl.tensor,
    q_head: tl.tensor,
    q_row: tl.tensor,
    k_head: tl.tensor,
    k_row: tl.tensor,
    v_head: tl.tensor,
    v_row: tl.tensor,
    out_row: tl.tensor,
    T: tl.tensor,
    scale: tl.tensor,
    G: tl.constexpr,
    D: tl.constexpr,
    DIM: tl.constexpr,
    WIDE: tl.constexpr,
    M: tl.constexpr,
    N: tl.constexpr,
) -> None:
    block, head = tl.program_id(0), tl.program_id(1)
    key = (block * N + tl.arange(0, N)).to(tl.int64)
    num_prefix, window = tl.load(map_ptr + 5 * T), tl.load(map_ptr + 6 * T)
    segment_k, _, position_k = _load_token(map_ptr, key, T)
    last = tl.max(tl.load(map_ptr + 4 * T + key, mask=key < T, other=0), 0)
    last = tl.where(block * N < num_prefix, T, last)
    k = _load(k_ptr + head // G * k_head, key * k_row, key < T, D, DIM)
    v = _load(v_ptr + head // G * v_head, key * v_row, key < T, D, DIM)
    dk = tl.zeros((N, DIM), tl.float32)
    dv = tl.zeros((N, DIM), tl.float32)
    for begin in range(block * N, last, M):
        row = (begin + tl.arange(0, M)).to(tl.int64)
        inside = row < T
        q = _load(q_ptr, head * q_head + row * q_row, inside, D, DIM)
        grad = _load(grad_ptr, row * out_row + head * D, inside, D, DIM)
        lse = tl.load(lse_ptr + head * T + row, mask=inside, other=0.0)
        delta = tl.load(delta_ptr + head * T + row, mask=inside, other=0.0)
        scores = _dot(k, tl.trans(q), WIDE) * (scale * LOG2E)
        segment_q, parent_q, position_q = _load_token(map_ptr, row, T)
        seen = _seen(
            segment_q[None, :], parent_q[None, :], position_q[None, :], segment_k[:, None], position_k[:, None], window
        )
        p = tl.where(seen, tl.exp2(scores - lse[None, :]), 0.0)
        dv += _dot(p.to(grad.dtype), grad, WIDE)
        ds = p * (_dot(v, tl.trans(grad), WIDE) - delta[None, :])
        dk += _dot(ds.to(q.dtype), q, WIDE)
    at = (head.to(tl.int64) * T + key) * D
    _store(dk_ptr, dk * scale, at, key < T, D, DIM)
    _store(dv_ptr, dv, at, key < T, D, DIM)


def _cut(q_HTD: Tensor, k_HTD: Tensor) -> dict[str, Any]:
    """Return what all three kernels are specialised on."""
    num_heads, _, dim = q_HTD.shape
    shared = num_heads // len(k_HTD)
    return {
        "G": shared,
        "PACK": min(shared & -shared, MOST_PACKED),  # a power of two that divides it
        "D": dim,
        "DIM": max(16, triton.next_power_of_2(dim)),
        "WIDE": q_HTD.dtype == torch.float32 or not q_HTD.is_cuda,  # the interpreter takes bfloat16 for integers
        "N": KEYS,
    }


def _grid(num_tokens: int, num_heads: int, packed: int, rows: int) -> tuple[int, int]:
    return triton.cdiv(num_tokens, rows // packed), num_heads // packed


def _strides(*tensors: Tensor) -> list[int]:
    assert all(t.stride(-1) == 1 for t in tensors), "the head dimension lies together"
    return [stride for t in tensors for stride in t.stride()[:2]]


@torch.library.custom_op("probatum::attention", mutates_args=())
def attention(
    q_HTD: Tensor, k_HTD: Tensor, v_HTD: Tensor, sinks_H: Tensor | None, map_FT: Tensor, scale: float
) -> tuple[Tensor, Tensor]:
    """Return each token's attention `[T, H, D]`, and the base-2 logarithm of its softmax's denominator `[H, T]`.

    Args:
        q_HTD: queries.
        k_HTD: keys, for H / G heads.
        v_HTD: values, likewise.
        sinks_H: a logit of each head that takes its share of the softmax and gives nothing; frozen.
        map_FT: who sees whom, int32 `[7, T]`, contiguous.
        scale: factor of the scores.
    """
    num_heads, num_tokens, dim = q_HTD.shape
    out_THD = q_HTD.new_empty((num_tokens, num_heads, dim))
    lse_HT = q_HTD.new_empty((num_heads, num_tokens), dtype=torch.float32)
    cut = _cut(q_HTD, k_HTD)
    _forward[_grid(num_tokens, num_heads, cut["PACK"], FORWARD_ROWS)](
        q_HTD, k_HTD, v_HTD, sinks_H if sinks_H is not None else q_HTD, map_FT, out_THD, lse_HT,
        *_strides(q_HTD, k_HTD, v_HTD), num_heads * dim, num_tokens, scale,
        SINKS=sinks_H is not None, M=FORWARD_ROWS, **cut, num_warps=4,
    )  # fmt: skip
    return out_THD, lse_HT


@attention.register_fake
def _(q_HTD: Tensor, *others: Any) -> tuple[Tensor, Tensor]:
    num_heads, num_tokens, dim = q_HTD.shape
    out_THD = q_HTD.new_empty((num_tokens, num_heads, dim))
    return out_THD, q_HTD.new_empty((num_heads, num_tokens), dtype=torch.float32)


@torch.library.custom_op("probatum::attention_backward", mutates_args=())
def attention_backward(
    grad_THD: Tensor,
    q_HTD: Tensor,
    k_HTD: Tensor,
    v_HTD: Tensor,
    map_FT: Tensor,
    out_THD: Tensor,
    lse_HT: Tensor,
    scale: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients for queries, keys and values, contiguous in their own shapes."""
    num_heads, num_tokens, dim = q_HTD.shape
    grad_THD = grad_THD.contiguous()
    dq_HTD = torch.empty_like(q_HTD, memory_format=torch.contiguous_format)
    delta_HT = torch.empty_like(lse_HT)
    cut = _cut(q_HTD, k_HTD) | {"M": BACKWARD_ROWS, "num_warps": 4}
    keyed = {name: value for name, value in cut.items() if name != "PACK"}
    partial = [q_HTD.new_empty((num_heads, num_tokens, dim), dtype=torch.float32) for _ in range(2)]
    strides = [*_strides(q_HTD, k_HTD, v_HTD), num_heads * dim, num_tokens]
    _backward_queries[_grid(num_tokens, num_heads, cut["PACK"], BACKWARD_ROWS)](
        q_HTD, k_HTD, v_HTD, map_FT, out_THD, grad_THD, lse_HT, delta_HT, dq_HTD, *strides, scale, **cut
    )
    # The prefix's keys are seen by all tokens: a program for each head, or few programs would have long ways.
    _backward_keys[(triton.cdiv(num_tokens, KEYS), num_heads)](
        q_HTD, k_HTD, v_HTD, map_FT, grad_THD, lse_HT, delta_HT, *partial, *strides, scale, **keyed
    )
    dk_HTD, dv_HTD = (part.unflatten(0, (len(k_HTD), -1)).sum(1).to(k_HTD.dtype) for part in partial)
    return dq_HTD, dk_HTD, dv_HTD


@attention_backward.register_fake
def _(grad_THD: Tensor, q_HTD: Tensor, k_HTD: Tensor, v_HTD: Tensor, *others: Any) -> tuple[Tensor, ...]:
    return tuple(torch.empty_like(t, memory_format=torch.contiguous_format) for t in (q_HTD, k_HTD, v_HTD))


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    q_HTD, k_HTD, v_HTD, _, map_FT, ctx.scale = inputs
    ctx.save_for_backward(q_HTD, k_HTD, v_HTD, map_FT, *output)
    ctx.mark_non_differentiable(output[1])


def _backward(ctx: Any, grad_THD: Tensor, _: Any) -> tuple[Any, ...]:
    return *attention_backward(grad_THD, *ctx.saved_tensors, ctx.scale), None, None, None


attention.register_autograd(_backward, setup_context=_keep)
