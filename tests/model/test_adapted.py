"""A linear layer with LoRA against PEFT's own."""

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from probatum.model.adapted import adapted_linear, is_plain


def tuned(dropout=0.0, bias=True, **settings):
    """A model of one linear layer with an adapter whose B is not zero."""
    torch.manual_seed(0)
    layer = nn.Sequential(nn.Linear(24, 40, bias=bias))
    model = get_peft_model(
        layer, LoraConfig(r=4, lora_alpha=12, lora_dropout=dropout, target_modules=["0"], **settings)
    )
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter)
    return model.base_model.model[0]


def gradients(module, y, x):
    adapter = [parameter for parameter in module.parameters() if parameter.requires_grad]
    return torch.autograd.grad(y.square().sum(), [x, *adapter])


@pytest.mark.parametrize("bias", [True, False])
def test_output_and_gradients_without_dropout(bias):
    module = tuned(bias=bias)
    assert is_plain(module)
    x = torch.randn(2, 7, 24, requires_grad=True)
    ours, theirs = adapted_linear(module, x), module(x)
    torch.testing.assert_close(ours, theirs)
    for mine, wanted in zip(gradients(module, ours, x), gradients(module, theirs, x), strict=True):
        torch.testing.assert_close(mine, wanted, rtol=1e-4, atol=1e-4)


def test_what_is_dropped_reaches_neither_adapter_nor_gradient():
    module = tuned(dropout=0.5).train()
    x = torch.randn(9, 24, requires_grad=True)
    torch.manual_seed(1)
    ours = adapted_linear(module, x)
    torch.manual_seed(1)
    mask = torch.native_dropout(x.detach(), 0.5, True)[1]
    a, b = (getattr(module, name)["default"].weight for name in ("lora_A", "lora_B"))
    theirs = module.base_layer(x) + 3 * ((x * mask * 2) @ a.T) @ b.T
    assert 0.3 < mask.float().mean() < 0.7
    torch.testing.assert_close(ours, theirs)
    for mine, wanted in zip(gradients(module, ours, x), gradients(module, theirs, x), strict=True):
        torch.testing.assert_close(mine, wanted, rtol=1e-4, atol=1e-4)


def test_an_evaluated_layer_drops_nothing():
    module = tuned(dropout=0.5).eval()
    x = torch.randn(3, 24)
    torch.testing.assert_close(adapted_linear(module, x), module(x))


def test_bfloat16_activations_give_float32_gradients():
    module = tuned()
    module.base_layer.bfloat16()
    x = torch.randn(5, 24).bfloat16().requires_grad_()
    ours, theirs = adapted_linear(module, x), module(x)
    assert ours.dtype == torch.bfloat16
    assert (ours - theirs).float().norm() < 1e-2 * theirs.float().norm()
    for mine, wanted in zip(gradients(module, ours, x), gradients(module, theirs, x), strict=True):
        assert mine.dtype == wanted.dtype
        assert (mine - wanted).float().norm() < 2e-2 * wanted.float().norm()


@pytest.mark.parametrize("settings", [{"use_dora": True}, {"lora_bias": True}])
def test_other_kinds_of_adapters_are_left_to_peft(settings):
    assert not is_plain(tuned(**settings))


def test_what_is_no_adapter_is_left_alone():
    assert not is_plain(nn.Linear(2, 2))
    module = tuned()
    module.merge()
    assert not is_plain(module)
