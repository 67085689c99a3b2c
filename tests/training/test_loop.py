"""Training on a tiny gpt-oss in the published layout: exact gradients, resumption, memory, checks."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file
from tests.training.small_training import SETTINGS, Killed, examples, gradients_of_a_step, ignore, kill_at
from transformers import (
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from probatum.errors import StudyError, TrainingError
from probatum.training.callbacks import Checks
from probatum.training.loop import fitting_warmup, newest_checkpoint, train
from probatum.training.trainer import Examples, PackedTrainer, validation_loss


def test_training_learns_and_leaves_an_adapter(loaded, tmp_path):
    seen = []
    result = train(loaded, examples(), SETTINGS, tmp_path, seen.append)
    assert result.completed
    assert result.steps == result.planned_steps == 12
    assert result.best_loss < result.start_loss
    assert [progress.step for progress in seen] == list(range(1, 13))
    assert seen[-1].loss is not None
    assert seen[-1].left_s == 0
    adapter = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert len(adapter) == 3 * 4 * 2
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "tiny"
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {row["step"] for row in rows if "eval_loss" in row} == {4, 8, 12}
    assert list((tmp_path / "tensorboard").iterdir())
    # the base model is given back as it was
    assert not any("lora" in name for name, _ in loaded.model.named_modules())


def test_the_kept_adapter_is_the_best_checkpoints(loaded, tmp_path):
    from probatum.model.load import with_adapter

    result = train(loaded, examples(), SETTINGS, tmp_path, ignore)
    tuned = with_adapter(loaded, tmp_path / "adapter")
    assert validation_loss(tuned.model, examples()) == pytest.approx(result.best_loss, abs=1e-6)


@pytest.mark.parametrize("early_stopping", [None, 5])
def test_a_killed_run_ends_with_the_same_adapter_bit_for_bit(loaded, tmp_path, early_stopping):
    settings = SETTINGS.model_copy(update={"early_stopping": early_stopping})
    whole = train(loaded, examples(), settings, tmp_path / "whole", ignore)
    for step in (6, 11):
        with pytest.raises(Killed):
            train(loaded, examples(), settings, tmp_path / "killed", kill_at(step))
    # the kill came while a checkpoint was being written
    shutil.copytree(tmp_path / "killed/checkpoints/checkpoint-8", tmp_path / "killed/checkpoints/checkpoint-11")
    (tmp_path / "killed/checkpoints/checkpoint-11/trainer_state.json").write_text('{"global_st')
    resumed = train(loaded, examples(), settings, tmp_path / "killed", ignore)
    a, b = (load_file(tmp_path / name / "adapter" / "adapter_model.safetensors") for name in ("whole", "killed"))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert (resumed.best_loss, resumed.final_loss) == (whole.best_loss, whole.final_loss)
    logs = [
        [{k: v for k, v in json.loads(line).items() if k != "time"} for line in path.read_text().splitlines()]
        for path in (tmp_path / "whole/log.jsonl", tmp_path / "killed/log.jsonl")
    ]
    strip = [[{k: row[k] for k in ("step", "eval_loss") if k in row} for row in log] for log in logs]
    assert [row for row in strip[0] if "eval_loss" in row] == [row for row in strip[1] if "eval_loss" in row]


@pytest.mark.parametrize("changes", [{"max_steps": 2}, {"early_stopping": 1, "eval_steps": 1, "learning_rate": 1e-9}])
def test_a_run_killed_after_its_last_checkpoint_does_not_take_another_step(loaded, tmp_path, changes):
    settings = SETTINGS.model_copy(update=changes | {"epochs": 5})
    first = train(loaded, examples(), settings, tmp_path, ignore)
    adapter = (tmp_path / "adapter" / "adapter_model.safetensors").read_bytes()
    shutil.rmtree(tmp_path / "adapter")
    seen = []
    again = train(loaded, examples(), settings, tmp_path, seen.append)
    assert not seen
    assert again.completed
    assert (again.steps, again.best_step, again.best_loss) == (first.steps, first.best_step, first.best_loss)
    assert (tmp_path / "adapter" / "adapter_model.safetensors").read_bytes() == adapter


def test_gradients_of_a_packed_step_equal_posts_alone(loaded, tmp_path):
    """One step of batch 4 as two packed rows of 2, against four plain passes whose losses are summed."""
    settings = SETTINGS.model_copy(update={"dropout": 0.0, "max_steps": 1, "gradient_checkpointing": False})
    data = examples(num_train=4)
    grads = gradients_of_a_step(loaded, data, settings, tmp_path)
    from probatum.training.lora import attach_adapter

    model = attach_adapter(loaded, settings)
    total = sum(len(suffix.answers[0]) for suffix in data.train)
    for suffix in data.train:
        ids = torch.tensor([[*data.prefix, *suffix.tokens, *suffix.answers[0]]])
        log_probs = model(ids).logits[0].log_softmax(-1)
        start = len(data.prefix) + len(suffix.tokens) - 1
        loss = -sum(log_probs[start + i, token] for i, token in enumerate(suffix.answers[0])) / total
        loss.backward()
    expected = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    assert grads.keys() == expected.keys()
    assert max(grad.abs().max() for grad in grads.values()) > 1e-3
    for name, grad in grads.items():
        torch.testing.assert_close(grad, expected[name], rtol=1e-4, atol=1e-6)


def test_when_memory_runs_out_the_micro_batch_halves_and_the_batch_stays(loaded, tmp_path, monkeypatch):
    original = PackedTrainer.compute_loss

    def hungry(self, model, inputs, *args, **kwargs):
        if self.args.per_device_train_batch_size > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return original(self, model, inputs, *args, **kwargs)

    monkeypatch.setattr(PackedTrainer, "compute_loss", hungry)
    settings = SETTINGS.model_copy(update={"micro_batch_size": 4})
    result = train(loaded, examples(), settings, tmp_path, ignore)
    assert (result.micro_batch_size, result.steps) == (1, 12)
    assert [note for note in result.notes if "memory ran out with 4" in note]
    assert [note for note in result.notes if "memory ran out with 2" in note]


def test_no_memory_even_for_one_post_says_what_to_do(loaded, tmp_path, monkeypatch):
    def starved(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(PackedTrainer, "compute_loss", starved)
    with pytest.raises(TrainingError, match=r"one post at a time; try training.gradient_checkpointing"):
        train(loaded, examples(), SETTINGS, tmp_path, ignore)


def test_nan_stops_with_advice(loaded, tmp_path):
    settings = SETTINGS.model_copy(update={"learning_rate": 1e30, "warmup_steps": 0, "max_grad_norm": 1e30})
    with pytest.raises(TrainingError, match=r"at step .*try --learning-rate"):
        train(loaded, examples(), settings, tmp_path, ignore)


def test_weights_that_are_not_finite_are_told_before_the_first_step(loaded, tmp_path):
    loaded.model.lm_head.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"validation loss is nan before any step: .*download the checkpoint again"):
        train(loaded, examples(), SETTINGS, tmp_path, ignore)


def test_a_target_without_gradient_is_named(loaded, tmp_path):
    attention = loaded.model.model.layers[1].self_attn
    forward = attention.forward
    attention.forward = lambda *a, **k: tuple(x.detach() if x is not None else None for x in forward(*a, **k))
    with pytest.raises(TrainingError, match=r"no gradient reaches.*layers.1.self_attn"):
        train(loaded, examples(), SETTINGS, tmp_path, ignore)


def test_an_unknown_target_names_the_nearest(loaded, tmp_path):
    settings = SETTINGS.model_copy(update={"targets": ["q_prj"]})
    with pytest.raises(StudyError, match="no linear layer named 'q_prj'; did you mean 'q_proj'"):
        train(loaded, examples(), settings, tmp_path, ignore)


def test_early_stopping_counts_as_completed(loaded, tmp_path):
    settings = SETTINGS.model_copy(update={"early_stopping": 1, "eval_steps": 1, "learning_rate": 1e-9})
    result = train(loaded, examples(), settings.model_copy(update={"epochs": 20}), tmp_path, ignore)
    assert result.completed
    assert result.steps < result.planned_steps
    assert any("stopped early" in note for note in result.notes)


def test_a_flat_loss_is_noted(loaded, tmp_path):
    settings = SETTINGS.model_copy(
        update={"learning_rate": 1e-9, "epochs": 25, "eval_steps": 100, "gradient_checkpointing": False}
    )
    result = train(loaded, examples(num_train=20), settings, tmp_path, ignore)
    assert any("has not fallen in 1" in note and "3e-4" in note for note in result.notes)


def test_a_warmup_longer_than_the_training_is_shortened_and_told(loaded, tmp_path):
    result = train(loaded, examples(), SETTINGS.model_copy(update={"warmup_steps": 100}), tmp_path, ignore)
    assert "the warm-up of 100 steps outlasts the 12 steps planned: shortened to 1" in result.notes
    assert result.best_loss < result.start_loss
    assert fitting_warmup(SETTINGS, 22) == (SETTINGS, [])


def test_a_flat_loss_is_noted_after_a_resumption_too():
    checks, arguments, control = Checks(), TrainingArguments(), TrainerControl()
    before = [{"step": step, "loss": 0.7} for step in range(10, 100, 10)] + [{"step": 90, "eval_loss": 0.7}]
    state = TrainerState(global_step=90, log_history=before)
    checks.on_train_begin(arguments, state, control)
    for state.global_step in (100, 110):
        checks.on_log(arguments, state, control, logs={"loss": 0.7})
    assert len(checks.notes) == 1
    assert "has not fallen in 100 steps (0.700 to 0.700)" in checks.notes[0]


def test_nothing_to_train_on_is_an_error(loaded, tmp_path):
    with pytest.raises(TrainingError, match="no posts to train on"):
        train(loaded, Examples([1], [], [], 64), SETTINGS, tmp_path, ignore)


def test_newest_checkpoint_of_an_empty_folder(tmp_path):
    assert newest_checkpoint(tmp_path / "nothing") is None
