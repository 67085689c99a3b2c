"""The kernels in Triton's interpreter on the CPU, against naive definitions."""

import pytest
import torch
from tests.model.kernels.cases import ROUTINGS, ends_of, error, from_planes, layer, planes, product

pytest.importorskip("triton", reason="triton is not installed (pip install triton)")
if torch.cuda.is_available():
    pytest.skip("a GPU is here: tests/gpu runs the kernels on it", allow_module_level=True)

from probatum.model.kernels import grouped, rows
from probatum.model.kernels.dequantise import dequantise
from probatum.model.kernels.grouped import Tile
from probatum.model.mxfp4 import layout


@pytest.fixture
def generator(request):
    return torch.Generator().manual_seed(len(request.node.name))


@pytest.fixture(autouse=True)
def poisoned(monkeypatch):
    """Fill what kernels write into with NaN: an element that nothing writes shows."""
    empty, empty_like, new_empty = torch.empty, torch.empty_like, torch.Tensor.new_empty

    def poison(made):
        return made.fill_(float("nan") if made.is_floating_point() else -9)

    monkeypatch.setattr(torch, "empty", lambda *a, **k: poison(empty(*a, **k)))
    monkeypatch.setattr(torch, "empty_like", lambda *a, **k: poison(empty_like(*a, **k)))
    monkeypatch.setattr(torch.Tensor, "new_empty", lambda *a, **k: poison(new_empty(*a, **k)))


def test_dequantise_is_bit_equal_to_the_reference_and_to_transformers(generator):
    from transformers.integrations.mxfp4 import convert_moe_packed_tensors

    # the interpreter flushes the subnormals of scale bytes 0 to 2 and warns of overflow; tests/gpu covers all bytes
    blocks, scales = layer(generator, experts=3, outputs=40, inputs=96, low=3, high=250)
    ours = dequantise(blocks, scales)
    assert torch.equal(ours, layout.dequantise(blocks, scales, torch.bfloat16))
    assert torch.equal(ours.transpose(1, 2), convert_moe_packed_tensors(blocks, scales, dtype=torch.bfloat16))


def test_dequantise_covers_every_code_at_every_place():
    codes = torch.arange(256, dtype=torch.uint8).view(1, 16, 1, 16)
    scales = torch.full((1, 16, 1), 127, dtype=torch.uint8)
    expected = layout.dequantise(codes, scales, torch.bfloat16)
    assert torch.equal(dequantise(codes, scales).view(torch.int16), expected.view(torch.int16))  # -0.0 too


@pytest.mark.parametrize("counts", ROUTINGS.values(), ids=ROUTINGS)
@pytest.mark.parametrize("swap", [True, False])
def test_forward_product(generator, counts, swap):
    blocks, scales = layer(generator)
    x = torch.randn(sum(counts), 192, generator=generator).bfloat16()
    y = grouped.forward(planes(x), blocks, scales, ends_of(counts), Tile(16, 64, 32, swap))
    assert error(y, product(x, blocks, scales, counts)) < 1e-2


@pytest.mark.parametrize("counts", ROUTINGS.values(), ids=ROUTINGS)
@pytest.mark.parametrize("swap", [True, False])
def test_input_gradient_against_autograd(generator, counts, swap):
    blocks, scales = layer(generator)
    x = torch.randn(sum(counts), 192, generator=generator).double().requires_grad_()
    weight = layout.dequantise(blocks, scales, torch.float32).double()
    y = torch.cat([part @ w.T for part, w in zip(x.split(counts), weight, strict=True)])
    dy = torch.randn(y.shape, generator=generator).bfloat16()
    (expected,) = torch.autograd.grad(y, x, dy.double())
    dx = grouped.backward(dy, blocks, scales, ends_of(counts), Tile(16, 32, 32, swap))
    assert error(from_planes(dx), expected) < 1e-2


def test_widths_that_no_tile_divides(generator):
    counts = [3, 20]
    blocks, scales = layer(generator, experts=2, outputs=72, inputs=224)
    x = torch.randn(23, 224, generator=generator).bfloat16()
    y = grouped.forward(planes(x), blocks, scales, ends_of(counts), Tile(16, 64, 32))
    assert error(y, product(x, blocks, scales, counts)) < 1e-2
    dx = grouped.backward(y, blocks, scales, ends_of(counts), Tile(16, 32, 32))
    assert error(from_planes(dx), product(y, blocks, scales, counts, transpose=False)) < 1e-2


@pytest.mark.parametrize("tokens", [1, 7, 700])
def test_sort_is_stable_and_counts_every_expert(generator, tokens):
    chosen = torch.randint(0, 6, (tokens, 4), generator=generator)
    chosen[chosen == 3] = 5
    expert, order, place, ends = rows.sort(chosen, 6)
    expected, expected_order = chosen.reshape(-1).sort(stable=True)
    assert torch.equal(expert.long(), expected)
    assert torch.equal(order.long(), expected_order)
    assert torch.equal(expected_order[place.long()].flatten(), torch.arange(4 * tokens))
    assert torch.equal(ends.long(), torch.bincount(expected, minlength=6).cumsum(0))


def gated(both, bias, limit, alpha):
    both = both.double() + bias
    gate, up = both[:, 0::2].clamp(max=limit), both[:, 1::2].clamp(-limit, limit)
    return (up + 1) * gate * torch.sigmoid(alpha * gate)


@pytest.mark.parametrize("by_planes", [True, False])
def test_gate_and_its_gradient(generator, by_planes):
    both = (torch.randn(9, 48, generator=generator) * 4).bfloat16()
    bias = torch.randn(3, 48, generator=generator)
    expert = torch.tensor([0, 0, 0, 2, 2, 2, 2, 2, 2], dtype=torch.int32)
    ordered, back = (planes, from_planes) if by_planes else (lambda t: t, lambda t: t)
    wide = both.double().requires_grad_()
    expected = gated(wide, bias[expert.long()].double(), 5.0, 1.702)
    assert (both.abs() > 5).any()
    inner = rows.gate(both, bias, expert, 5.0, 1.702, planes=by_planes)
    assert error(back(inner), expected.detach()) < 1e-2
    grad = torch.randn(9, 24, generator=generator).bfloat16()
    (expected_grad,) = torch.autograd.grad(expected, wide, grad.double())
    ours = rows.gate_backward(ordered(grad), both, bias, expert, 5.0, 1.702, planes=by_planes)
    assert error(ours, expected_grad) < 1e-2


@pytest.mark.parametrize("by_planes", [True, False])
def test_gather_combine_and_their_gradients(generator, by_planes):
    tokens, chosen_per_token, width = 6, 2, 24
    chosen = torch.tensor([[0, 1], [1, 2], [0, 2], [0, 1], [2, 1], [1, 0]])
    expert, order, place, _ = rows.sort(chosen, 3)
    ordered, back = (planes, from_planes) if by_planes else (lambda t: t, lambda t: t)
    hidden = torch.randn(tokens, width, generator=generator).bfloat16()
    token = order.long() // chosen_per_token
    assert torch.equal(back(rows.gather(hidden, order, chosen_per_token, planes=by_planes)), hidden[token])

    routed = torch.randn(tokens * chosen_per_token, width, generator=generator).bfloat16()
    expected = torch.zeros(tokens, width).double().index_add(0, token, routed.double())
    assert error(rows.scatter_sum(ordered(routed), place, planes=by_planes), expected) < 1e-2

    bias = torch.randn(3, width, generator=generator)
    weight = torch.rand(tokens, chosen_per_token, generator=generator).double().requires_grad_()
    wide = routed.double().requires_grad_()
    scaled = (wide + bias[expert.long()]) * weight.flatten()[order.long(), None]
    expected = torch.zeros(tokens, width).double().index_add(0, token, scaled)
    ours = rows.combine(routed, bias, weight.detach().float(), expert, place)
    assert error(ours, expected.detach()) < 1e-2
    grad = torch.randn(tokens, width, generator=generator).bfloat16()
    expected_rows, expected_weight = torch.autograd.grad(expected, (wide, weight), grad.double())
    grad_rows, grad_weight = rows.combine_backward(grad, routed, bias, weight.detach().float(), expert, order)
    assert error(grad_rows, expected_rows) < 1e-2
    assert error(grad_weight, expected_weight) < 1e-2
