"""The frozen MXFP4 experts against transformers' dequantised ones."""

import pytest
import torch
from tests.checkpoints import write_gpt_oss
from transformers import AutoConfig, GptOssForCausalLM, Mxfp4Config

from probatum.model.mxfp4.experts import Mxfp4Experts
from probatum.model.mxfp4.quantizer import keep_mxfp4


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The same checkpoint with its experts kept in MXFP4, and dequantised by transformers; both float32."""
    folder = write_gpt_oss(tmp_path_factory.mktemp("gpt-oss"))
    config = AutoConfig.from_pretrained(folder)
    assert keep_mxfp4(config)
    frozen, info = GptOssForCausalLM.from_pretrained(
        folder, config=config, dtype=torch.float32, output_loading_info=True
    )
    assert not any(info.values()), info
    dense = GptOssForCausalLM.from_pretrained(folder, quantization_config=Mxfp4Config(dequantize=True)).float()
    return frozen.eval(), dense.eval()


def test_the_bytes_of_the_checkpoint_are_kept(pair):
    experts = pair[0].model.layers[0].mlp.experts
    assert isinstance(experts, Mxfp4Experts)
    assert experts.gate_up_proj_blocks.dtype == torch.uint8
    assert experts.gate_up_proj_blocks.any()


@pytest.mark.parametrize("name", ["gate_up_proj", "down_proj"])
def test_dequantisation_is_bit_equal_to_transformers(pair, name):
    for ours, theirs in zip(pair[0].model.layers, pair[1].model.layers, strict=True):
        weight = ours.mlp.experts.weight(name, torch.float32).transpose(1, 2)
        assert torch.equal(weight, getattr(theirs.mlp.experts, name))


def test_logits_equal_the_dequantised_model(pair):
    ids = torch.randint(0, 97, (2, 20), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(pair[0](ids).logits, pair[1](ids).logits, rtol=1e-5, atol=1e-5)


def test_input_gradients_equal_the_dequantised_model(pair):
    ids = torch.randint(0, 97, (2, 20), generator=torch.Generator().manual_seed(2))
    grads = []
    for model in pair:
        embedded = model.get_input_embeddings()(ids).detach().requires_grad_()
        model(inputs_embeds=embedded).logits.square().mean().backward()
        grads.append(embedded.grad)
    assert grads[1].abs().max() > 1e-3
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-4, atol=1e-6)


def test_gradcheck_of_one_layer_with_uneven_routing():
    from transformers import GptOssConfig

    config = GptOssConfig(num_local_experts=4, hidden_size=32, intermediate_size=32, num_experts_per_tok=2)
    experts = Mxfp4Experts(config).double()
    for buffer in experts.buffers():
        torch.manual_seed(buffer.numel())
        low, high = (120, 124) if buffer.dim() == 3 else (0, 256)
        buffer.copy_(torch.randint(low, high, buffer.shape))
    # expert 2 gets no token at all, expert 0 most of them
    chosen = torch.tensor([[0, 1], [0, 3], [0, 1]])
    weights = torch.rand(3, 2, dtype=torch.float64)
    hidden = torch.randn(3, 32, dtype=torch.float64, requires_grad=True)

    def dense(hidden):
        out = torch.zeros_like(hidden)
        for token in range(3):
            for slot in range(2):
                e = chosen[token, slot]
                both = experts.weight("gate_up_proj", torch.float64)[e] @ hidden[token]
                gate, up = both[0::2].clamp(max=7), both[1::2].clamp(-7, 7)
                inner = (up + 1) * gate * torch.sigmoid(1.702 * gate)
                out = out.clone()
                out[token] += weights[token, slot] * (experts.weight("down_proj", torch.float64)[e] @ inner)
        return out

    # grouped_mm has no double kernel, so the float32 module is held against a float64 reference
    ours = experts.float()(hidden.float(), chosen, weights.float())
    torch.testing.assert_close(ours.double(), dense(hidden), rtol=1e-4, atol=1e-5)
    probe = torch.randn(3, 32, dtype=torch.float64)
    (expected,) = torch.autograd.grad((dense(hidden) * probe).sum(), hidden)
    (got,) = torch.autograd.grad((ours.double() * probe).sum(), hidden)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


def test_a_layer_width_that_mxfp4_cannot_hold_is_refused():
    from transformers import GptOssConfig

    with pytest.raises(ValueError, match="multiples of 32"):
        Mxfp4Experts(GptOssConfig(num_local_experts=2, hidden_size=48, intermediate_size=32))
