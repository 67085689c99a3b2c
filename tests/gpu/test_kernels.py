"""The kernels on a GPU at full width against float64 references."""

import pytest
import torch
from tests.model.kernels.cases import ends_of, error, from_planes, layer, planes, product

from probatum.model.mxfp4 import layout

pytestmark = pytest.mark.gpu
WIDTH, GATE_UP = 2880, 5760
COUNTS = {
    "uneven": [70, 0, 3, 1, 300, 0, 17, 64],
    "one token": [0, 0, 1, 0, 0, 0, 0, 0],
    "a few rows each": [11, 9, 14, 0, 16, 17, 8, 13],
    "all on one": [0, 0, 0, 0, 0, 0, 0, 513],
}


@pytest.fixture
def generator(request):
    return torch.Generator().manual_seed(len(request.node.name))


def poisoned(monkeypatch):
    """Fill what kernels write into with NaN."""
    empty = torch.empty
    monkeypatch.setattr(
        torch, "empty", lambda *a, **k: t.fill_(float("nan")) if (t := empty(*a, **k)).is_floating_point() else t
    )


def test_dequantise_is_bit_equal_for_every_scale_byte(generator):
    from probatum.model.kernels.dequantise import dequantise

    blocks = torch.randint(0, 256, (255, 64, 3, 16), dtype=torch.uint8, generator=generator)
    scales = torch.arange(255, dtype=torch.uint8)[:, None, None].expand(255, 64, 3).contiguous()
    ours = dequantise(blocks.cuda(), scales.cuda()).cpu()
    assert torch.equal(ours.view(torch.int16), layout.dequantise(blocks, scales, torch.bfloat16).view(torch.int16))


@pytest.mark.parametrize("counts", COUNTS.values(), ids=COUNTS)
def test_every_cut_of_the_products(generator, monkeypatch, counts):
    from probatum.model.kernels import experts, grouped

    poisoned(monkeypatch)
    blocks, scales = layer(generator, len(counts), GATE_UP, WIDTH)
    x = torch.randn(sum(counts), WIDTH, generator=generator).bfloat16()
    dy = torch.randn(sum(counts), GATE_UP, generator=generator).bfloat16()
    y_expected = product(x, blocks, scales, counts)
    dx_expected = product(dy, blocks, scales, counts, transpose=False)
    packed, ends = (blocks.cuda(), scales.cuda()), ends_of(counts).cuda()
    for _, tile in experts.FORWARD_TILES:
        assert error(grouped.forward(planes(x).cuda(), *packed, ends, tile), y_expected) < 1e-2, tile
    for _, tile in experts.BACKWARD_TILES:
        assert error(from_planes(grouped.backward(dy.cuda(), *packed, ends, tile)), dx_expected) < 1e-2, tile


@pytest.mark.parametrize("tokens", [1, 90, 3000])
def test_a_layer_of_experts_against_float32(generator, tokens):
    from transformers import GptOssConfig

    from probatum.model.mxfp4.experts import Mxfp4Experts

    torch.manual_seed(5)
    config = GptOssConfig(num_local_experts=8, num_experts_per_tok=4)
    module = Mxfp4Experts(config)
    for name in ("gate_up_proj", "down_proj"):
        blocks, scales = layer(generator, 8, GATE_UP if name == "gate_up_proj" else WIDTH, WIDTH, 118, 121)
        getattr(module, f"{name}_blocks").copy_(blocks)
        getattr(module, f"{name}_scales").copy_(scales)
        getattr(module, f"{name}_bias").data.normal_()
    hidden, weight = torch.randn(tokens, WIDTH).bfloat16(), torch.rand(tokens, 4)
    chosen = torch.rand(tokens, 8).topk(4).indices
    grad = torch.randn(tokens, WIDTH).bfloat16()
    found = []
    for dtype, device in ((torch.float32, "cpu"), (torch.bfloat16, "cuda")):
        given = hidden.to(device, dtype).requires_grad_(), weight.to(device).requires_grad_()
        out = module.to(device)(given[0], chosen.to(device), given[1])
        found.append((out, *torch.autograd.grad(out, given, grad.to(device, dtype))))
    for ours, reference in zip(found[1], found[0], strict=True):
        assert error(ours.detach(), reference.detach().double()) < 1.5e-2
