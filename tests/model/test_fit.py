"""The memory estimate: exact where it can be, and moving the right way where it cannot."""

import pytest
import torch
from safetensors.torch import load_file

from probatum.model.fit import ADAM_BYTES, estimate, skeleton
from probatum.model.load import load_config, load_model
from probatum.model.mxfp4.quantizer import keep_mxfp4
from probatum.study import Model, Training
from probatum.training.lora import attach_adapter

TRAINING = Training(rank=4, alpha=8)


def held_bytes(model):
    return sum(tensor.numel() * tensor.element_size() for tensor in [*model.parameters(), *model.buffers()])


def of_config(name):
    config = load_config(Model(name=str(name)))
    return skeleton(config, is_mxfp4=keep_mxfp4(config))


@pytest.fixture(params=["gpt_oss", "llama", "builtin"])
def folder(request):
    if request.param == "builtin":
        return "builtin"
    made = request.getfixturevalue(request.param)
    return made()[0] if request.param == "llama" else made


def test_the_skeleton_takes_no_memory_and_has_every_shape(folder):
    bones, body = of_config(folder), load_model(Model(name=str(folder))).model
    assert all(tensor.device.type == "meta" for tensor in bones.parameters())
    assert {n: t.shape for n, t in bones.state_dict().items()} == {n: t.shape for n, t in body.state_dict().items()}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_weights_are_those_of_the_loaded_model_to_the_byte(folder, dtype):
    loaded = load_model(Model(name=str(folder), dtype=dtype))
    need = estimate(of_config(folder), TRAINING, loaded.dtype, num_tokens=128)
    rotary = [b for name, b in loaded.model.named_buffers() if "inv_freq" in name]  # kept in float32
    extra = sum(b.numel() * (b.element_size() - loaded.dtype.itemsize) for b in rotary)
    assert need.weights + extra == held_bytes(loaded.model)
    assert estimate(loaded.model, TRAINING, loaded.dtype, 128) == need


def test_mxfp4_weights_take_no_more_than_their_file(gpt_oss):
    file = sum(t.numel() * t.element_size() for f in gpt_oss.glob("*.safetensors") for t in load_file(f).values())
    need = estimate(of_config(gpt_oss), TRAINING, torch.bfloat16, 128)
    assert file <= need.weights < file * 1.01  # the rotary table is not in the file


@pytest.mark.parametrize("targets", [["q_proj", "k_proj", "v_proj", "o_proj"], ["q_proj"], ["o_proj", "v_proj"]])
@pytest.mark.parametrize("rank", [1, 32])
def test_the_adapter_is_what_trains_with_gradient_and_moments(folder, targets, rank):
    settings = Training(rank=rank, alpha=8, targets=targets)
    need = estimate(of_config(folder), settings, torch.float32, 128)
    tuned = attach_adapter(load_model(Model(name=str(folder))), settings)
    trainable = sum(parameter.numel() for parameter in tuned.parameters() if parameter.requires_grad)
    assert need.adapter == trainable * ADAM_BYTES == trainable * 16


def test_more_tokens_need_more(folder):
    model = of_config(folder)
    needs = [estimate(model, TRAINING, torch.float32, tokens) for tokens in (64, 128, 256)]
    assert needs[0].activations < needs[1].activations < needs[2].activations
    assert needs[2].activations > 2 * needs[1].activations  # the scores of eager attention grow with the square
    assert needs[0].scoring == needs[2].scoring


def test_checkpointing_needs_less(folder):
    model = of_config(folder)
    with_it, without = (
        estimate(model, Training(gradient_checkpointing=given), torch.float32, 256) for given in (True, False)
    )
    assert with_it.activations < without.activations
    assert with_it.weights == without.weights


def test_half_the_type_needs_half_the_activations(folder):
    model = of_config(folder)
    whole, half = (estimate(model, TRAINING, dtype, 256).activations for dtype in (torch.float32, torch.bfloat16))
    assert whole == 2 * half


def test_peaks_are_the_sums_of_their_parts(gpt_oss):
    need = estimate(of_config(gpt_oss), TRAINING, torch.float32, 128)
    assert need.scoring == need.weights + need.workspace
    assert need.training == need.scoring + need.adapter + need.activations
    # twice the largest expert stack in float32: 8 experts, 64 outputs, 64 inputs
    assert need.workspace == 2 * 8 * 64 * 64 * 4


def test_a_dense_model_dequantises_nothing(llama):
    assert estimate(of_config(llama()[0]), TRAINING, torch.float32, 128).workspace == 0
