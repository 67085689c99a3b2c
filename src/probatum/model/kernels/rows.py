"""What happens to routed rows around the two products: sort, gather, gate, weighted sum, and their gradients.

T tokens · K experts per token · R = T * K rows, sorted by expert · E experts · H hidden · I intermediate

One pass over memory each, in float32 inside. `planes` says that a product that reads packed words stands next to it: it
takes and gives its input axis in planes, see `grouped.py`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

COLUMNS = 1024


@triton.jit
def _sort(
    choice_ptr: tl.tensor,
    expert_ptr: tl.tensor,
    order_ptr: tl.tensor,
    place_ptr: tl.tensor,
    ends_ptr: tl.tensor,
    num_rows: tl.tensor,
    CHUNK: tl.constexpr,
) -> None:
    """Stable counting sort: one program an expert, which reads all choices to count those before its own."""
    expert = tl.program_id(0)
    before = tl.zeros((CHUNK,), tl.int32)
    own = tl.zeros((CHUNK,), tl.int32)
    for begin in range(0, num_rows, CHUNK):
        at = begin + tl.arange(0, CHUNK)
        choice = tl.load(choice_ptr + at, mask=at < num_rows, other=2147483647)
        before += (choice < expert).to(tl.int32)
        own += (choice == expert).to(tl.int32)
    row = tl.sum(before, 0)
    tl.store(ends_ptr + expert, row + tl.sum(own, 0))
    for begin in range(0, num_rows, CHUNK):
        at = begin + tl.arange(0, CHUNK)
        choice = tl.load(choice_ptr + at, mask=at < num_rows, other=2147483647)
        mine = (choice == expert).to(tl.int32)
        place = row + tl.cumsum(mine, 0) - 1
        tl.store(place_ptr + at, place, mask=mine != 0)
        tl.store(order_ptr + place, at, mask=mine != 0)
        tl.store(expert_ptr + place, mine * expert, mask=mine != 0)
        row += tl.sum(mine, 0)


@triton.jit
def _place(column: tl.tensor, WIDTH: tl.constexpr, PLANES: tl.constexpr) -> tl.tensor:
    """Return where a feature lies in its row."""
    if PLANES:
        return (column % 4) * (WIDTH // 4) + column // 4
    else:  # noqa: RET505
        return column


@triton.jit
def _gather(
    hidden_ptr: tl.tensor,
    order_ptr: tl.tensor,
    out_ptr: tl.tensor,
    CHOSEN: tl.constexpr,
    WIDTH: tl.constexpr,
    PLANES: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> None:
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    inside = column < WIDTH
    token = (tl.load(order_ptr + row) // CHOSEN).to(tl.int64)
    value = tl.load(hidden_ptr + token * WIDTH + column, mask=inside)
    tl.store(out_ptr + row * WIDTH + _place(column, WIDTH, PLANES), value, mask=inside)


@triton.jit
def _scatter_sum(
    rows_ptr: tl.tensor,
    place_ptr: tl.tensor,
    out_ptr: tl.tensor,
    CHOSEN: tl.constexpr,
    WIDTH: tl.constexpr,
    PLANES: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> None:
    token = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    inside = column < WIDTH
    total = tl.zeros((COLUMNS,), tl.float32)
    for k in tl.static_range(CHOSEN):
        row = tl.load(place_ptr + token * CHOSEN + k).to(tl.int64)
        total += tl.load(rows_ptr + row * WIDTH + _place(column, WIDTH, PLANES), mask=inside, other=0.0).to(tl.float32)
    tl.store(out_ptr + token * WIDTH + column, total.to(tl.bfloat16), mask=inside)


@triton.jit
def _gate_and_up(
    both_ptr: tl.tensor,
    bias_ptr: tl.tensor,
    row: tl.tensor,
    expert: tl.tensor,
    WIDTH: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> tl.tensor:
    """Load the interleaved gate and up of one row with their biases, float32 `[COLUMNS]` each."""
    column = tl.program_id(1) * (2 * COLUMNS) + tl.arange(0, 2 * COLUMNS)
    inside = column < 2 * WIDTH
    both = tl.load(both_ptr + row * (2 * WIDTH) + column, mask=inside, other=0.0).to(tl.float32)
    both += tl.load(bias_ptr + expert * (2 * WIDTH) + column, mask=inside, other=0.0).to(tl.float32)
    return both.reshape(COLUMNS, 2).split()


@triton.jit
def _gate(
    both_ptr: tl.tensor,
    bias_ptr: tl.tensor,
    expert_ptr: tl.tensor,
    out_ptr: tl.tensor,
    limit: tl.tensor,
    alpha: tl.tensor,
    WIDTH: tl.constexpr,
    PLANES: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> None:
    row = tl.program_id(0).to(tl.int64)
    gate, up = _gate_and_up(both_ptr, bias_ptr, row, tl.load(expert_ptr + row), WIDTH, COLUMNS)
    gate = tl.minimum(gate, limit)
    up = tl.minimum(tl.maximum(up, -limit), limit)
    inner = (up + 1) * gate * tl.sigmoid(gate * alpha)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    place = _place(column, WIDTH, PLANES)
    tl.store(out_ptr + row * WIDTH + place, inner.to(tl.bfloat16), mask=column < WIDTH)


@triton.jit
def _gate_backward(
    grad_ptr: tl.tensor,
    both_ptr: tl.tensor,
    bias_ptr: tl.tensor,
    expert_ptr: tl.tensor,
    out_ptr: tl.tensor,
    limit: tl.tensor,
    alpha: tl.tensor,
    WIDTH: tl.constexpr,
    PLANES: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> None:
    row = tl.program_id(0).to(tl.int64)
    raw_gate, raw_up = _gate_and_up(both_ptr, bias_ptr, row, tl.load(expert_ptr + row), WIDTH, COLUMNS)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    inside = column < WIDTH
    grad = tl.load(grad_ptr + row * WIDTH + _place(column, WIDTH, PLANES), mask=inside, other=0.0).to(tl.float32)
    gate = tl.minimum(raw_gate, limit)
    up = tl.minimum(tl.maximum(raw_up, -limit), limit)
    sigmoid = tl.sigmoid(gate * alpha)
    grad_gate = grad * (up + 1) * sigmoid * (1 + alpha * gate * (1 - sigmoid))
    grad_gate = tl.where(raw_gate <= limit, grad_gate, 0.0)
    grad_up = tl.where((raw_up <= limit) & (raw_up >= -limit), grad * gate * sigmoid, 0.0)
    both = tl.join(grad_gate, grad_up).reshape(2 * COLUMNS).to(tl.bfloat16)
    at = tl.program_id(1) * (2 * COLUMNS) + tl.arange(0, 2 * COLUMNS)
    tl.store(out_ptr + row * (2 * WIDTH) + at, both, mask=at < 2 * WIDTH)


@triton.jit
def _combine(
    rows_ptr: tl.tensor,
    bias_ptr: tl.tensor,
    weight_ptr: tl.tensor,
    expert_ptr: tl.tensor,
    place_ptr: tl.tensor,
    out_ptr: tl.tensor,
    CHOSEN: tl.constexpr,
    WIDTH: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> None:
    token = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    inside = column < WIDTH
    total = tl.zeros((COLUMNS,), tl.float32)
    for k in tl.static_range(CHOSEN):
        row = tl.load(place_ptr + token * CHOSEN + k).to(tl.int64)
        expert = tl.load(expert_ptr + row)
        value = tl.load(rows_ptr + row * WIDTH + column, mask=inside, other=0.0).to(tl.float32)
        value += tl.load(bias_ptr + expert * WIDTH + column, mask=inside, other=0.0).to(tl.float32)
        total += value * tl.load(weight_ptr + token * CHOSEN + k).to(tl.float32)
    tl.store(out_ptr + token * WIDTH + column, total.to(tl.bfloat16), mask=inside)


@triton.jit
def _combine_backward(
    grad_ptr: tl.tensor,
    rows_ptr: tl.tensor,
    bias_ptr: tl.tensor,
    weight_ptr: tl.tensor,
    expert_ptr: tl.tensor,
    order_ptr: tl.tensor,
    grad_rows_ptr: tl.tensor,
    grad_weight_ptr: tl.tensor,
    CHOSEN: tl.constexpr,
    WIDTH: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> None:
    row = tl.program_id(0).to(tl.int64)
    choice = tl.load(order_ptr + row).to(tl.int64)
    expert = tl.load(expert_ptr + row)
    weight = tl.load(weight_ptr + choice).to(tl.float32)
    product = tl.zeros((COLUMNS,), tl.float32)
    for begin in range(0, WIDTH, COLUMNS):
        column = begin + tl.arange(0, COLUMNS)
        inside = column < WIDTH
        grad = tl.load(grad_ptr + (choice // CHOSEN) * WIDTH + column, mask=inside, other=0.0).to(tl.float32)
        value = tl.load(rows_ptr + row * WIDTH + column, mask=inside, other=0.0).to(tl.float32)
        value += tl.load(bias_ptr + expert * WIDTH + column, mask=inside, other=0.0).to(tl.float32)
        product += grad * value
        tl.store(grad_rows_ptr + row * WIDTH + column, (grad * weight).to(tl.bfloat16), mask=inside)
    tl.store(grad_weight_ptr + choice, tl.sum(product, 0))


def _grid(num_rows: int, width: int) -> tuple[int, int]:
    return num_rows, triton.cdiv(width, COLUMNS)


def sort(router_indices_TK: Tensor, num_experts: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Sort choices by expert, stably; all results are int32.

    Returns:
        each row's expert `[R]`, its place among the unsorted choices `[R]`, each choice's row `[T, K]`, and the row
        after each expert's last `[E]`.
    """
    num_rows = router_indices_TK.numel()
    empty = partial(torch.empty, dtype=torch.int32, device=router_indices_TK.device)
    expert_R, order_R, place_TK, ends_E = (
        empty(num_rows),
        empty(num_rows),
        empty(router_indices_TK.shape),
        empty(num_experts),
    )
    choices = router_indices_TK.contiguous()
    chunk, warps = (COLUMNS, 4) if num_rows <= 16 * COLUMNS else (8 * COLUMNS, 8)
    outputs = (expert_R, order_R, place_TK, ends_E)
    _sort[(num_experts,)](choices, *outputs, num_rows, CHUNK=chunk, num_warps=warps)
    return expert_R, order_R, place_TK, ends_E


def gather(hidden_TH: Tensor, order_R: Tensor, num_chosen: int, *, planes: bool) -> Tensor:
    """Return each row's token, `[R, H]`; `order_R` holds each row's place in the unsorted choices `[T * K]`."""
    out_RH = hidden_TH.new_empty((len(order_R), hidden_TH.shape[1]))
    width = hidden_TH.shape[1]
    _gather[_grid(len(order_R), width)](
        hidden_TH, order_R, out_RH, CHOSEN=num_chosen, WIDTH=width, PLANES=planes, COLUMNS=COLUMNS
    )
    return out_RH


def scatter_sum(rows_RH: Tensor, place_TK: Tensor, *, planes: bool) -> Tensor:
    """Return for each token the sum of its rows, `[T, H]`: the gradient of `gather`."""
    num_tokens, num_chosen = place_TK.shape
    width = rows_RH.shape[1]
    out_TH = rows_RH.new_empty((num_tokens, width))
    _scatter_sum[_grid(num_tokens, width)](
        rows_RH, place_TK, out_TH, CHOSEN=num_chosen, WIDTH=width, PLANES=planes, COLUMNS=COLUMNS
    )
    return out_TH


def gate(both_RJ: Tensor, bias_EJ: Tensor, expert_R: Tensor, limit: float, alpha: float, *, planes: bool) -> Tensor:
    """Return `(up + 1) · gate · sigmoid(alpha · gate)` of clamped gate and up, `[R, I]`; `both_RJ` interleaves them."""
    num_rows, width = both_RJ.shape[0], both_RJ.shape[1] // 2
    out_RI = both_RJ.new_empty((num_rows, width))
    _gate[_grid(num_rows, width)](
        both_RJ, bias_EJ, expert_R, out_RI, limit, alpha, WIDTH=width, PLANES=planes, COLUMNS=COLUMNS
    )
    return out_RI


def gate_backward(
    grad_RI: Tensor, both_RJ: Tensor, bias_EJ: Tensor, expert_R: Tensor, limit: float, alpha: float, *, planes: bool
) -> Tensor:
    """Return the gradient of `gate` for `both_RJ`."""
    num_rows, width = grad_RI.shape
    out_RJ = torch.empty_like(both_RJ)
    _gate_backward[_grid(num_rows, width)](
        grad_RI, both_RJ, bias_EJ, expert_R, out_RJ, limit, alpha, WIDTH=width, PLANES=planes, COLUMNS=COLUMNS
    )
    return out_RJ


def combine(rows_RH: Tensor, bias_EH: Tensor, weight_TK: Tensor, expert_R: Tensor, place_TK: Tensor) -> Tensor:
    """Return each token's weighted sum of its rows with their experts' biases, `[T, H]`."""
    num_tokens, num_chosen = place_TK.shape
    width = rows_RH.shape[1]
    out_TH = rows_RH.new_empty((num_tokens, width))
    _combine[_grid(num_tokens, width)](
        rows_RH, bias_EH, weight_TK, expert_R, place_TK, out_TH, CHOSEN=num_chosen, WIDTH=width, COLUMNS=COLUMNS
    )
    return out_TH


def combine_backward(
    grad_TH: Tensor, rows_RH: Tensor, bias_EH: Tensor, weight_TK: Tensor, expert_R: Tensor, order_R: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the gradients of `combine` for the rows and for the weights (float32)."""
    width = rows_RH.shape[1]
    grad_RH = torch.empty_like(rows_RH)
    grad_weight_TK = torch.empty(weight_TK.shape, dtype=torch.float32, device=weight_TK.device)
    tensors: tuple[Any, ...] = (grad_TH, rows_RH, bias_EH, weight_TK, expert_R, order_R, grad_RH, grad_weight_TK)
    _combine_backward[(len(rows_RH),)](*tensors, CHOSEN=weight_TK.shape[1], WIDTH=width, COLUMNS=COLUMNS)
    return grad_RH, grad_weight_TK
