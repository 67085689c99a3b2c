"""The training loop around the trainer: resumption, memory, and what is left on disk."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import EarlyStoppingCallback, TrainerCallback, TrainerState, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from probatum.artifacts import write_json_atomic
from probatum.crew.group import ALONE, Crew
from probatum.crew.shard import lockstep_of
from probatum.errors import TrainingError
from probatum.model.fast import fast_rows
from probatum.model.load import LoadedModel, without_adapter
from probatum.model.notices import quiet
from probatum.study import Training
from probatum.training.callbacks import Checks, Odometer, Progress, StepLog, TrainingProgress
from probatum.training.examples import RowCollator
from probatum.training.graphed import GraphedStep
from probatum.training.lora import attach_adapter, copy_adapter
from probatum.training.shared import ShareCollator, SharedOutOfMemoryError, posts_at_once
from probatum.training.trackers import PROJECT, TENSORBOARD, TrackerIds, tracked
from probatum.training.trainer import Examples, PackedTrainer, shared_validation_loss

ADAPTER, CHECKPOINTS, RESULT = "adapter", "checkpoints", "result.json"
STATE = "trainer_state.json"  # the last file that a checkpoint gets
Report = Callable[[TrainingProgress], None]


@dataclass(frozen=True)
class TrainingResult:
    """What came of training; losses are mean negative log-likelihoods of an answer token, in nats.

    Attributes:
        completed: every planned step ran, or early stopping ended the run as asked.
        planned_steps: optimiser steps planned.
        steps: optimiser steps done.
        start_loss: validation loss before the first step.
        best_loss: validation loss of the kept checkpoint.
        best_step: the step of the kept checkpoint.
        final_loss: validation loss after the last step.
        micro_batch_size: posts in each forward pass, after any halving.
        warmup_steps: steps of warm-up, after any shortening.
        num_tokens: tokens computed in forward passes of training, the shared prefix counted once a row.
        seconds: wall time of the steps and their validation, over all resumptions; loading is not in it.
        energy_j: joules that the GPUs drew, over all resumptions; `None` where not counted.
        notes: advice.
    """

    completed: bool
    planned_steps: int
    steps: int
    start_loss: float
    best_loss: float
    best_step: int
    final_loss: float
    micro_batch_size: int
    warmup_steps: int
    num_tokens: int
    seconds: float
    energy_j: float | None
    notes: list[str]


def train(
    loaded: LoadedModel,
    examples: Examples,
    settings: Training,
    folder: Path,
    report: Report,
    *,
    crew: Crew = ALONE,
    gpus: Sequence[str] = (),
) -> TrainingResult:
    """Train an adapter, or go on from the newest whole checkpoint in `folder`.

    Args:
        loaded: the base model; it is given back without the adapter.
        examples: the posts.
        settings: the study's training section.
        folder: gets `adapter/`, `checkpoints/`, `log.jsonl`, `tensorboard/` and `result.json`.
        report: told of every step.
        crew: the processes that share the training, all of which call this; the leader alone writes and reports.
        gpus: NVML's ids of the GPUs whose energy is counted.

    Raises:
        TrainingError: no training posts, NaN, no gradient, or no memory for one post at a time.
    """
    if not examples.train or not examples.validation:
        raise TrainingError("there are no posts to train on, or none to validate with")
    folder.mkdir(parents=True, exist_ok=True)
    settings, notes = fitting_warmup(settings, len(examples.train))
    job = _Job(loaded, examples, settings, folder, report, crew, gpus)
    micro = min(settings.micro_batch_size, settings.batch_size)
    while True:
        try:
            return job.attempt(micro, notes)
        except torch.OutOfMemoryError as error:
            if crew.size > 1 and not isinstance(error, SharedOutOfMemoryError):
                raise TrainingError(
                    "out of memory where the processes cannot agree on fewer posts (outside of a training step, or "
                    "with model.shard); "
                    f"try training.micro_batch_size: {max(1, micro // 2)} and a smaller scoring.tokens_per_batch"
                ) from error
            if micro == 1:
                raise TrainingError(
                    "out of memory with one post at a time; try training.gradient_checkpointing: true, "
                    "a smaller prompt.max_tokens, or a smaller model"
                ) from error
        smaller = next(size for size in range(micro // 2, 0, -1) if settings.batch_size % size == 0)
        notes.append(f"memory ran out with {micro} posts in a forward pass; went on with {smaller}, same batch")
        micro = smaller
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def fitting_warmup(settings: Training, num_posts: int) -> tuple[Training, list[str]]:
    """Shorten a warm-up that would outlast the training, in which the rate would never come near its peak.

    Returns:
        The settings to train with, and a note if they differ from those given.
    """
    steps = settings.max_steps or math.ceil(settings.epochs * math.ceil(num_posts / settings.batch_size))
    if settings.warmup_steps < max(1, steps):
        return settings, []
    shorter = steps // 10
    note = f"the warm-up of {settings.warmup_steps} steps outlasts the {steps} steps planned: shortened to {shorter}"
    return settings.model_copy(update={"warmup_steps": shorter}), [note]


@dataclass(frozen=True)
class _Job:
    """What stays the same over all attempts."""

    loaded: LoadedModel
    examples: Examples
    settings: Training
    folder: Path
    report: Report
    crew: Crew
    gpus: Sequence[str]

    def attempt(self, micro: int, notes: list[str]) -> TrainingResult:
        """Train with so many posts in a forward pass, from the newest checkpoint if there is one."""
        model = attach_adapter(self.loaded, self.settings)
        try:
            checks = Checks()
            with fast_rows(model, wanted=self.loaded.fast) as fast, quiet(), tracked(self.folder):
                start_loss = _start_loss(model, self.examples, self.folder, self.crew)
                trainer = self._trainer(model, micro, checks, graphed=fast and not self.settings.gradient_checkpointing)
                newest = self.crew.from_leader(lambda: newest_checkpoint(self.folder / CHECKPOINTS))
                if newest is None or not is_finished(newest):
                    trainer.train(resume_from_checkpoint=str(newest) if newest else None)
                if trainer.step is not None and trainer.step.refused:
                    checks.notes.append(f"steps ran without a captured graph, more slowly: {trainer.step.refused}")
        finally:
            without_adapter(replace(self.loaded, model=model))
        return self.crew.from_leader(lambda: self._keep_best(micro, start_loss, notes + checks.notes))

    def _keep_best(self, micro: int, start_loss: float, notes: list[str]) -> TrainingResult:
        """Copy the best checkpoint's adapter out, and say what came of training."""
        newest = newest_checkpoint(self.folder / CHECKPOINTS)
        assert newest is not None, "training saves a checkpoint after its last step"
        state = TrainerState.load_from_json(str(newest / STATE))
        evaluations = [row for row in state.log_history if "eval_loss" in row]
        best = min(evaluations, key=lambda row: row["eval_loss"])
        copy_adapter(self.folder / CHECKPOINTS / f"checkpoint-{int(best['step'])}", self.folder / ADAPTER)
        stopped_early = self.settings.early_stopping is not None and state.global_step < state.max_steps
        odometer = Odometer(self.folder)
        odometer.read()
        result = TrainingResult(
            completed=state.global_step == state.max_steps or stopped_early,
            planned_steps=state.max_steps,
            steps=state.global_step,
            start_loss=start_loss,
            best_loss=best["eval_loss"],
            best_step=int(best["step"]),
            final_loss=evaluations[-1]["eval_loss"],
            micro_batch_size=micro,
            warmup_steps=self.settings.warmup_steps,
            num_tokens=odometer.num_tokens,
            seconds=round(odometer.seconds_before, 3),
            energy_j=odometer.joules_before,
            notes=notes + ([f"stopped early at step {state.global_step}"] if stopped_early else []),
        )
        write_json_atomic(self.folder / RESULT, vars(result))
        return result

    def _trainer(self, model: Any, micro: int, checks: Checks, *, graphed: bool) -> PackedTrainer:
        most_labels = micro * max(len(answer) for suffix in self.examples.train for answer in suffix.answers)
        odometer = Odometer(self.folder, self.gpus)
        callbacks: list[TrainerCallback] = [checks]
        if self.crew.leads:
            trackers = TrackerIds(self.folder, self.settings.report_to)
            callbacks = [Progress(self.report, odometer), StepLog(self.folder), checks, odometer, trackers]
        if self.settings.early_stopping:
            callbacks.append(EarlyStoppingCallback(early_stopping_patience=self.settings.early_stopping))
        collator = RowCollator(self.examples.prefix, self.loaded.text_config, self.loaded.dtype, as_rows=graphed)
        trainer = PackedTrainer(
            self.examples,
            odometer,
            GraphedStep(model, most_labels) if graphed else None,
            self.crew,
            model=model,
            args=_arguments(self.settings, micro, self.folder, self.loaded.device, self.crew),
            data_collator=ShareCollator(collator, self.crew, always=lockstep_of(model) is not None),
            callbacks=callbacks,
        )
        trainer.remove_callback(PrinterCallback)
        return trainer


def _arguments(
    settings: Training, micro: int, folder: Path, device: torch.device, crew: Crew = ALONE
) -> TrainingArguments:
    at_once = posts_at_once(settings.batch_size, micro, crew.size)
    arguments = TrainingArguments(
        output_dir=str(folder / CHECKPOINTS),
        per_device_train_batch_size=at_once,
        gradient_accumulation_steps=settings.batch_size // at_once,
        num_train_epochs=settings.epochs,
        max_steps=settings.max_steps or -1,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.schedule,
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        eval_strategy="steps",
        eval_steps=settings.eval_steps,
        save_strategy="steps" if crew.leads else "no",
        save_steps=settings.eval_steps,
        save_total_limit=settings.keep_checkpoints if crew.leads else None,
        load_best_model_at_end=crew.leads,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        restore_callback_states_from_checkpoint=bool(settings.early_stopping),
        gradient_checkpointing=settings.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        logging_steps=10,
        logging_first_step=True,
        logging_nan_inf_filter=False,
        report_to=[TENSORBOARD, *settings.report_to] if crew.leads else [],
        run_name=folder.parent.name,
        project=PROJECT,
        seed=settings.seed,
        data_seed=settings.seed,
        use_cpu=device.type == "cpu",
        dataloader_pin_memory=False,
        remove_unused_columns=False,
        disable_tqdm=True,
    )
    arguments._n_gpu = min(arguments.n_gpu, 1)  # a process uses one GPU; of several the trainer makes a DataParallel
    return arguments


def _start_loss(model: Any, examples: Examples, folder: Path, crew: Crew) -> float:
    """Return the loss before training, measured once however often the run is resumed."""
    path = folder / "start.json"
    if not crew.from_leader(path.is_file):
        loss = shared_validation_loss(model, examples, crew)
        if not math.isfinite(loss):
            raise TrainingError(
                f"the validation loss is {loss} before any step: the model's weights or their products are not finite; "
                "copy or download the checkpoint again, or try model.dtype: float32"
            )
        crew.from_leader(lambda: write_json_atomic(path, {"validation_loss": loss}))
    return float(json.loads(path.read_text(encoding="utf-8"))["validation_loss"])


def is_finished(checkpoint: Path) -> bool:
    """Whether a checkpoint is a run's last: all its steps are done, or early stopping had ended it."""
    state = TrainerState.load_from_json(str(checkpoint / STATE))
    control = state.stateful_callbacks.get("TrainerControl", {}).get("args", {})
    return state.global_step >= state.max_steps or bool(control.get("should_training_stop"))


def newest_checkpoint(folder: Path) -> Path | None:
    """Return the newest whole checkpoint, and delete those that a kill left half-written.

    The trainer's state is the last file that one gets, so one without it is not whole.
    """
    whole: list[tuple[int, Path]] = []
    for path in folder.glob("checkpoint-*"):
        try:
            state = json.loads((path / STATE).read_text(encoding="utf-8"))
            whole.append((state["global_step"], path))
        except (OSError, json.JSONDecodeError, KeyError):
            shutil.rmtree(path)
    return max(whole)[1] if whole else None
