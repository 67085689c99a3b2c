"""Limits are counted right: against a brute-force count, and against the sizes of whole checkpoints."""

import pytest
import torch

from benchmarks.layouts import config_of, tensors_of
from benchmarks.limits import Machine, Work, forward, layer_of, measure, training_step


def products_of(config):
    """Parameters that a token is multiplied with, counted from the published tensors."""
    chosen, experts = config.get("num_experts_per_tok", 1), config.get("num_local_experts", 1)
    total = 0
    for tensor in tensors_of(config):
        if tensor.name.endswith("_blocks"):
            total += 2 * tensor.num_elements * chosen // experts
        elif ".experts." in tensor.name and len(tensor.shape) == 2 and tensor.name.endswith("weight"):
            total += tensor.num_elements * chosen / experts
        elif len(tensor.shape) == 2 and tensor.name.endswith("weight") and "embed" not in tensor.name:
            total += tensor.num_elements
    return total


@pytest.mark.parametrize("size", ["20b", "120b", "phi", "llama-8b"])
def test_a_row_whose_every_logit_is_kept_costs_two_operations_a_weight_it_meets(size):
    config = config_of(size, 0)
    work = forward(config, prefix=0, suffixes=[1], num_kept=1)
    scores = 4 * config["num_attention_heads"] * layer_head(config) * (config["num_hidden_layers"] - 1)
    assert work.flops == pytest.approx(2 * products_of(config) + scores, rel=1e-9)


def layer_head(config):
    return config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]


@pytest.mark.parametrize("size", ["20b", "120b", "phi", "llama-8b"])
def test_many_tokens_read_every_weight_but_the_embedding(size):
    config = config_of(size, 0)
    stored = sum(t.num_bytes for t in tensors_of(config) if "embed" not in t.name)
    assert forward(config, 100, [30] * 2000, 1).num_bytes == pytest.approx(stored, rel=2e-3)


def test_seen_keys_against_the_definition():
    config = config_of("tiny", 100)
    prefix, suffixes, window = 30, [5, 9], config["sliding_window"]
    layer = layer_of(config)
    work = forward(config, prefix, suffixes, 0)
    tokens = prefix + sum(suffixes)
    products = 2 * tokens * layer.keys + tokens * (layer.others + layer.num_chosen * layer.expert)
    positions = [*range(prefix), *range(prefix, prefix + 5), *range(prefix, prefix + 9)]
    seen = sum(len([key for key in range(at + 1) if at - key < window]) for at in positions)
    assert work.flops == 2 * products + 4 * 4 * 16 * seen


def test_one_token_reads_its_own_experts_alone():
    layer = layer_of(config_of("120b", 0))
    assert layer.num_bytes(1) == pytest.approx(2 * (layer.keys + layer.others) + 4 * layer.expert * 17 / 32)


def test_the_larger_of_bytes_and_operations_decides():
    machine = Machine(copy_bytes_s=10, matmul_flops_s=100, upload_bytes_s=1, device_bytes=0)
    assert Work(100, 100).seconds(machine) == 10
    assert Work(10, 1000).seconds(machine) == 10


def test_the_published_limits_of_an_h200():
    machine = Machine(copy_bytes_s=4.3e12, matmul_flops_s=788e12, upload_bytes_s=5e10, device_bytes=0)
    suffixes = [31] * 1009
    assert 1009 / forward(config_of("20b", 0), 104, suffixes, 1009).seconds(machine) == pytest.approx(4200, rel=0.1)
    step = training_step(config_of("120b", 0), 104, [31] * 8, 8)
    assert 1158 * step.seconds(machine) == pytest.approx(33, rel=0.15)


def test_a_machine_is_measured():
    machine = measure(torch.device("cpu"))
    assert machine.copy_bytes_s > 1e8 and machine.matmul_flops_s > 1e8 and machine.upload_bytes_s > 1e8
