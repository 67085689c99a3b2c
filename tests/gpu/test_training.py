"""Whole trainings of the built-in model: the kernels and graphs against PyTorch's and transformers' own layers."""

import json

import pytest
import torch
from safetensors.torch import load_file
from tests.training.test_loop import Killed, examples, ignore, kill_at

from probatum.model.load import load_model
from probatum.study import Model, Training
from probatum.training.loop import train

pytestmark = pytest.mark.gpu


def trained(folder, kernels, num_train=22, device="cuda", **settings):
    """Train the built-in model on posts with something to learn; returns the last row of the log and the adapter."""
    settings = Training(dropout=0, warmup_steps=2, micro_batch_size=8, gradient_checkpointing=False, **settings)
    loaded = load_model(Model(device=device, kernels=kernels))
    result = train(loaded, examples(num_train), settings, folder, ignore)
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    losses = [row["loss"] for row in rows if "loss" in row]
    return result, losses, load_file(folder / "adapter" / "adapter_model.safetensors")


def test_twenty_steps_end_close_to_the_reference(tmp_path):
    fast, fast_losses, ours = trained(tmp_path / "fast", "auto", max_steps=20, eval_steps=20)
    slow, slow_losses, theirs = trained(tmp_path / "slow", "off", max_steps=20, eval_steps=20)
    assert fast.start_loss == pytest.approx(slow.start_loss, rel=1e-3)
    assert fast_losses[0] == pytest.approx(slow_losses[0], rel=1e-3)
    assert fast.final_loss == pytest.approx(slow.final_loss, rel=2e-2)
    changes = [torch.cat([t[name].float().flatten() for name in sorted(t) if "lora_B" in name]) for t in (ours, theirs)]
    assert (changes[0] - changes[1]).norm() < 0.1 * changes[1].norm()


def test_a_killed_training_ends_with_the_same_adapter(tmp_path):
    """Graphs are captured anew after a kill; the dropout that warming them up draws must not show."""
    settings = {"max_steps": 12, "eval_steps": 4, "batch_size": 8}
    loaded = load_model(Model(device="cuda"))
    again = Training(dropout=0.1, warmup_steps=2, micro_batch_size=8, gradient_checkpointing=False, **settings)
    train(loaded, examples(), again, tmp_path / "whole", ignore)
    with pytest.raises(Killed):
        train(loaded, examples(), again, tmp_path / "killed", kill_at(6))
    train(loaded, examples(), again, tmp_path / "killed", ignore)
    first, second = (load_file(tmp_path / n / "adapter" / "adapter_model.safetensors") for n in ("whole", "killed"))
    assert all(torch.equal(first[name], second[name]) for name in first)
