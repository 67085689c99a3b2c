"""The graphed step on the kernels against the reference step, at full width."""

import random

import pytest
import torch
from tests.training.mixed_lengths import check_mixed_lengths
from torch.nn import functional as F
from transformers import GptOssConfig, GptOssForCausalLM

from probatum.model.fast import fast_rows
from probatum.model.forward import row_logits
from probatum.model.masks import model_inputs
from probatum.model.mxfp4.experts import Mxfp4Experts
from probatum.model.packing import Suffix, answer_log_likelihoods, pack_row
from probatum.training.examples import supervised
from probatum.training.graphed import GraphedStep

pytestmark = pytest.mark.gpu
ROUTER_GAIN = 8  # decided routers: rounding alone must not send a token elsewhere


@pytest.fixture
def tuned():
    """Two layers of gpt-oss at full width with an adapter, in bfloat16 on the GPU."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    config = GptOssConfig(num_hidden_layers=2, num_local_experts=8, vocab_size=1000)
    config._attn_implementation = "eager"
    model = GptOssForCausalLM(config).to(torch.bfloat16)
    for layer in model.model.layers:
        layer.mlp.experts = Mxfp4Experts(config).to(torch.bfloat16)
        for name, buffer in layer.mlp.experts.named_buffers():
            low, high = (117, 119) if name.endswith("_scales") else (0, 256)
            buffer.copy_(torch.randint(low, high, buffer.shape))
        layer.mlp.router.weight.data.normal_(0, 0.02 * ROUTER_GAIN)
    model.requires_grad_(False)
    adapted = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj", "o_proj"]))
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.02)
    return adapted.cuda()


@pytest.fixture
def row():
    draw = random.Random(0)
    suffixes = [Suffix([draw.randrange(1000) for _ in range(31)], [[draw.randrange(1000)]]) for _ in range(8)]
    return pack_row(range(104), suffixes)


def loss_and_gradient(model, parameters, logits, row):
    loss = F.cross_entropy(logits.float(), supervised(row).cuda())
    gradients = torch.autograd.grad(loss, parameters)
    return loss.item(), torch.cat([g.double().flatten() for g in gradients]).cpu()


def off(ours, reference):
    return ((ours - reference).norm() / reference.norm()).item()


def use_kernels(model, on):
    for module in model.modules():
        if isinstance(module, Mxfp4Experts):
            module.use_kernels = on


def test_graphed_step_is_as_close_to_float32_as_the_reference_is(tuned, row):
    parameters = [p for p in tuned.parameters() if p.requires_grad]
    use_kernels(tuned, False)
    given = model_inputs(row.on(tuned.device), tuned.config, torch.bfloat16)
    reference = loss_and_gradient(tuned, parameters, tuned(**given).logits[0], row)
    use_kernels(tuned, True)
    with fast_rows(tuned) as used:
        assert used
        graphed = GraphedStep(tuned, 8)
        losses = [graphed(row, supervised(row), 8).item() for _ in range(2)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    gradient = torch.cat([p.grad.double().flatten() / 2 for p in parameters]).cpu()  # two rows were added

    exact = tuned.cpu().float()
    given = model_inputs(row, exact.config, torch.float32)
    loss = F.cross_entropy(exact(**given).logits[0], supervised(row))
    wanted = torch.cat([g.double().flatten() for g in torch.autograd.grad(loss, parameters)])
    assert losses[0] == pytest.approx(loss.item(), abs=max(1e-3, 2 * abs(reference[0] - loss.item())))
    assert off(gradient, wanted) < max(2e-2, 1.5 * off(reference[1], wanted))


def test_rows_of_two_lengths_in_turn_are_each_its_own(tuned, row):
    """Two graphs share a pool: what one gives out must outlive the other's replay."""
    parameters = [p for p in tuned.parameters() if p.requires_grad]
    draw = random.Random(1)
    longer = [Suffix([draw.randrange(1000) for _ in range(57)], [[draw.randrange(1000)]]) for _ in range(8)]
    with fast_rows(tuned):
        mixed = check_mixed_lengths(
            lambda most: GraphedStep(tuned, most), parameters, [row, pack_row(range(104), longer)], off=1e-3
        )
    assert len(mixed.captured) == 2
    assert not mixed.refused


def test_the_adapter_overfits_one_row(tuned, row):
    parameters = [p for p in tuned.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=3e-3, fused=True)
    with fast_rows(tuned):
        graphed = GraphedStep(tuned, 8)
        for _ in range(150):
            loss = graphed(row, supervised(row), 8)
            optimiser.step()
            optimiser.zero_grad()
    assert loss.item() < 0.05


def test_a_post_in_a_row_scores_as_it_does_alone(tuned, row):
    """At full width, by the kernels: what a row computes for a post does not depend on its neighbours."""
    draw = random.Random(1)
    posts = [Suffix([draw.randrange(1000) for _ in range(draw.randrange(5, 90))], [[1], [2, 3]]) for _ in range(20)]
    with fast_rows(tuned):
        tuned.eval()
        packed = pack_row(range(104), posts)
        together = answer_log_likelihoods(row_logits(tuned, packed), packed)
        alone = []
        for post in posts:
            single = pack_row(range(104), [post])
            alone.append(answer_log_likelihoods(row_logits(tuned, single), single))
    assert (together - torch.cat(alone)).abs().max() < 0.05
