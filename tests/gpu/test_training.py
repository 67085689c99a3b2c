"""Whole trainings of the built-in model: the kernels and graphs against PyTorch's and transformers' own layers."""

import pytest
import torch
from safetensors.torch import load_file
from tests.training.small_training import Killed, ignore, kill_at

from probatum.data.demo import demo_posts
from probatum.model.load import load_model
from probatum.model.packing import Suffix
from probatum.prompt.render import Renderer
from probatum.prompt.strategy import load_strategy
from probatum.study import Model, Prompt, Task, Training
from probatum.training.loop import train
from probatum.training.trainer import Examples

pytestmark = pytest.mark.gpu
STEPS = 20


def demo_examples(loaded):
    renderer = Renderer(loaded.tokenizer, load_strategy("baseline"), Task().label_set(), Prompt())
    sides = demo_posts(train=160, validation=48, test=8)
    suffixes = {
        side: [
            Suffix(renderer.render(p.text).post_ids + renderer.tail_ids, [renderer.answer_ids(p.label)]) for p in posts
        ]
        for side, posts in sides.items()
    }
    return Examples(renderer.prefix_ids, suffixes["train"], suffixes["validation"], tokens_per_row=4096)


def trained(folder, report=ignore, dtype="auto", kernels="auto", **settings):
    """Train the built-in model; returns the result and the change of the adapter's B, which begins at zero."""
    defaults = {"dropout": 0, "warmup_steps": 2, "batch_size": 8, "max_steps": STEPS, "eval_steps": STEPS}
    settings = Training(micro_batch_size=8, gradient_checkpointing=False, **defaults | settings)
    loaded = load_model(Model(device="cuda", dtype=dtype, kernels=kernels))
    result = train(loaded, demo_examples(loaded), settings, folder, report)
    adapter = load_file(folder / "adapter" / "adapter_model.safetensors")
    return result, torch.cat([adapter[name].float().flatten() for name in sorted(adapter) if "lora_B" in name])


def test_twenty_steps_end_as_close_to_float32_as_the_reference_does(tmp_path):
    exact, wanted = trained(tmp_path / "exact", dtype="float32", kernels="off")
    slow, reference = trained(tmp_path / "slow", kernels="off")
    fast, ours = trained(tmp_path / "fast")
    assert fast.start_loss == pytest.approx(
        exact.start_loss, abs=max(1e-3, 2 * abs(slow.start_loss - exact.start_loss))
    )
    assert fast.final_loss == pytest.approx(
        exact.final_loss, abs=max(1e-3, 2 * abs(slow.final_loss - exact.final_loss))
    )
    off = [((change - wanted).norm() / wanted.norm()).item() for change in (ours, reference)]
    assert off[0] < max(0.05, 1.5 * off[1])


def test_a_killed_training_ends_with_the_same_adapter(tmp_path):
    """Graphs are captured anew after a kill; the dropout that warming them up draws must not show."""
    settings = {"dropout": 0.1, "eval_steps": 5}
    _, whole = trained(tmp_path / "whole", **settings)
    with pytest.raises(Killed):
        trained(tmp_path / "killed", kill_at(8), **settings)
    _, resumed = trained(tmp_path / "killed", **settings)
    assert torch.equal(whole, resumed)
