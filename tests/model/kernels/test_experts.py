"""All of a layer's experts through the kernels against the reference path, in Triton's interpreter."""

import pytest
import torch
from transformers import GptOssConfig

pytest.importorskip("triton", reason="triton is not installed (pip install triton)")
if torch.cuda.is_available():
    pytest.skip("a GPU is here: tests/gpu runs the kernels on it", allow_module_level=True)

from probatum.model.kernels import experts as fast
from probatum.model.mxfp4.experts import Mxfp4Experts

CHOSEN = torch.tensor([[0, 1], [0, 3], [0, 1], [3, 0], [0, 3], [0, 1], [1, 0], [0, 1], [0, 3]])  # expert 2 has no token


@pytest.fixture(scope="module")
def layer():
    torch.manual_seed(3)
    config = GptOssConfig(num_local_experts=4, hidden_size=64, intermediate_size=96, num_experts_per_tok=2)
    module = Mxfp4Experts(config)
    for buffer in module.buffers():
        low, high = (119, 123) if buffer.dim() == 3 else (0, 256)
        buffer.copy_(torch.randint(low, high, buffer.shape))
    for parameter in module.parameters():
        parameter.data.normal_()
    return module


def relative(ours, reference):
    return ((ours.float() - reference.float()).norm() / reference.float().norm()).item()


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("tokens", [1, 9])
def test_output_and_gradients_equal_the_reference(layer, monkeypatch, fused, tokens):
    monkeypatch.setattr(fast, "FUSED_FORWARD_ROWS", 1000 * fused)
    monkeypatch.setattr(fast, "FUSED_BACKWARD_ROWS", 1000 * fused)
    hidden, weight = torch.randn(tokens, 64).bfloat16(), torch.rand(tokens, 2)
    grad, chosen = torch.randn(tokens, 64).bfloat16(), CHOSEN[:tokens]
    found = []
    for forward, dtype in ((layer.forward, torch.float32), (layer.forward_kernels, torch.bfloat16)):
        inputs = hidden.to(dtype).requires_grad_(), weight.clone().requires_grad_()
        out = forward(inputs[0], chosen, inputs[1])
        found.append((out, *torch.autograd.grad(out, inputs, grad.to(dtype))))
    # the interpreter truncates to bfloat16 where the GPU rounds, at every step of the chain
    for ours, reference in zip(found[1], found[0], strict=True):
        assert relative(ours, reference) < 2.5e-2


def test_a_compiled_call_gives_the_same(layer):
    hidden, weight = torch.randn(9, 64).bfloat16().requires_grad_(), torch.rand(9, 2)

    def run():
        return layer.forward_kernels(hidden, CHOSEN, weight)

    compiled = torch.compile(run, backend="aot_eager", fullgraph=True)()
    assert torch.equal(compiled, run())
    grads = [torch.autograd.grad(out.float().square().sum(), hidden)[0] for out in (compiled, run())]
    assert torch.equal(*grads)


def test_tiles_are_chosen_by_rows_per_expert():
    tiles = fast.FORWARD_TILES
    assert fast.choose_tile(tiles, 0.03) is tiles[0][1]
    assert fast.choose_tile(tiles, tiles[0][0]) is tiles[0][1]
    assert fast.choose_tile(tiles, tiles[0][0] + 0.1) is tiles[1][1]
    assert fast.choose_tile(tiles, 1e9) is tiles[-1][1]


def test_without_leave_to_dequantise_many_rows_read_packed_weights_too(layer, monkeypatch):
    monkeypatch.setattr(fast, "FUSED_FORWARD_ROWS", 1)
    assert not fast.is_fused(9, 4, 1, may_dequantise=True)
    monkeypatch.setattr(fast, "dequantise", lambda *_: pytest.fail("a whole layer was dequantised"))
    hidden_TH, weight_TK = torch.randn(9, 64).to(torch.bfloat16), torch.full((9, 2), 0.5, dtype=torch.bfloat16)
    monkeypatch.setattr(layer, "may_dequantise", False)
    layer.forward_kernels(hidden_TH, CHOSEN, weight_TK)
