"""The kernels inside whole models, in Triton's interpreter, against the models' own attention."""

import sys

import pytest
import torch
from tests.model.test_packing import model, random_suffixes  # noqa: F401  # the fixture

from probatum.model import fast
from probatum.model.masks import KERNEL, model_inputs
from probatum.model.packing import pack_row

pytest.importorskip("triton", reason="triton is not installed (pip install triton)")
if torch.cuda.is_available():
    pytest.skip("a GPU is here: tests/gpu runs the kernels on it", allow_module_level=True)


def test_a_cpu_and_soft_caps_keep_the_model_s_own_attention(model):  # noqa: F811
    with fast.fast_rows(model) as used:
        assert not used and model.config._attn_implementation != KERNEL


@pytest.mark.parametrize(
    ("setting", "value"),
    [("attention_dropout", 0.1), ("attn_logit_softcapping", 30.0), ("head_dim", 256), ("v_head_dim", 8)],
)
def test_what_the_kernels_do_not_do_is_left_to_the_model(setting, value):
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {
        "hidden_size": 64,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "vocab_size": 9,
    }
    gpu = torch.device("cuda")
    plain = LlamaForCausalLM(LlamaConfig(**sizes, num_key_value_heads=2))
    assert fast.fits(plain, gpu, torch.bfloat16)
    assert not fast.fits(plain, gpu)  # it is float32
    setattr(plain.config, setting, value)
    assert not fast.fits(plain, gpu, torch.bfloat16)


def test_logits_and_gradients_are_those_of_the_model_s_own_attention(model, monkeypatch):  # noqa: F811
    if model.config.model_type == "gemma2":
        pytest.skip("its scores are capped, which the kernel does not do (and `fits` says so)")
    monkeypatch.setattr(fast, "fits", lambda _: True)
    config, weight = model.config.get_text_config(), model.model.layers[0].self_attn.k_proj.weight
    row = pack_row([5, 6, 7, 8, 9, 10, 11], random_suffixes(seed=2))
    expected = model(**model_inputs(row, config, torch.float32)).logits
    before = config._attn_implementation
    with fast.fast_rows(model) as used:
        assert used
        found = model(**model_inputs(row, config, torch.float32)).logits
        layer = model.model.layers[0]
        assert sys.modules[type(layer.self_attn).__module__].apply_rotary_pos_emb.agrees
        assert ("forward" in vars(layer.input_layernorm)) == (model.config.model_type != "phimoe")  # LayerNorm there
    assert config._attn_implementation == before
    assert "forward" not in vars(layer.input_layernorm)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    gradients = [torch.autograd.grad(logits.square().mean(), weight)[0] for logits in (found, expected)]
    assert gradients[1].abs().max() > 1e-4
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-4)
