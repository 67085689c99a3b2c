"""Random rows for the attention kernel, and attention by its definition, on any device."""

import random
from dataclasses import dataclass

import torch

from probatum.model.masks import row_map
from probatum.model.packing import Suffix, pack_row

PAD = 37


@dataclass(frozen=True)
class Case:
    prefix: int
    posts: int
    heads: int
    key_heads: int
    dim: int
    window: int | None = None
    sinks: bool = False
    answers: int = 1
    dtype: torch.dtype = torch.float32


def dense(q, k, v, sinks, allowed, scale):
    """Softmax attention over all keys, the forbidden ones at minus infinity; `[T, H, D]`."""
    k, v = (t.repeat_interleave(len(q) // len(t), 0) for t in (k, v))
    scores = (q @ k.transpose(1, 2) * scale).masked_fill(~allowed, float("-inf"))
    if sinks is not None:
        scores = torch.cat((scores, sinks[:, None, None].expand(-1, scores.shape[1], 1)), 2)
    return (scores.softmax(-1)[..., : k.shape[1]] @ v).transpose(0, 1)


def off(ours, reference):
    assert not ours.isnan().any()
    return ((ours.cpu().double() - reference).norm() / reference.norm()).item()


def errors(case, device):
    """Return the relative errors of output and gradients against float64."""
    from probatum.model.kernels.attention import attention

    draw = random.Random(0)
    torch.manual_seed(0)
    posts = [
        Suffix([1] * draw.randrange(1, 60), [[1] * draw.randrange(1, 4) for _ in range(case.answers)])
        for _ in range(case.posts)
    ]
    row = pack_row([1] * case.prefix, posts)
    length = len(row.input_ids_T)
    total, scale = length + PAD, case.dim**-0.5
    shapes = ((case.heads, total, case.dim), (case.key_heads, total, case.dim), (total, case.key_heads, case.dim))
    q, k, v = (torch.randn(shape).to(case.dtype) for shape in shapes)
    v = v.transpose(0, 1)  # as a projection leaves it
    sinks = torch.randn(case.heads).to(case.dtype) if case.sinks else None
    grad = torch.randn(total, case.heads, case.dim).to(case.dtype)
    grad[length:] = 0
    allowed = torch.eye(total, dtype=torch.bool)
    allowed[:length, :length] = row.allowed_TT(case.window)

    wide = [t.double().requires_grad_() for t in (q, k, v)]
    expected = dense(*wide, None if sinks is None else sinks.double(), allowed, scale)
    expected_grads = torch.autograd.grad(expected, wide, grad.double())
    given = [t.to(device).detach().requires_grad_() for t in (q, k, v)]
    found_map = row_map(row, total, case.window).to(device)
    out, _ = attention(*given, None if sinks is None else sinks.to(device), found_map, scale)
    grads = torch.autograd.grad(out, given, grad.to(device))
    pairs = zip(grads, expected_grads, strict=True)
    return [
        off(out[:length].detach(), expected[:length].detach()),
        *(off(ours[:, :length], reference[:, :length]) for ours, reference in pairs),
    ]
