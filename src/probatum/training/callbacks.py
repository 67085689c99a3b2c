"""What watches a training run: its log, its progress, and checks that give advice."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from probatum.artifacts import write_json_atomic, write_text_atomic
from probatum.errors import TrainingError
from probatum.model.gpus import EnergyMeter
from probatum.training.lora import check_gradients

FLAT_AFTER_STEPS = 100
FLAT_FALL = 0.02  # a fall of the loss by less than this share counts as flat
LOG = "log.jsonl"


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """Where training stands.

    Attributes:
        step: optimiser steps done.
        num_steps: optimiser steps planned.
        loss: latest training loss, mean over answer tokens; `None` before the first log.
        validation_loss: latest validation loss; `None` before the first evaluation.
        left_s: estimated seconds left, `None` in the first step.
        posts: posts trained on, over all epochs.
        tokens: tokens computed in forward passes of training.
    """

    step: int
    num_steps: int
    loss: float | None
    validation_loss: float | None
    left_s: float | None
    posts: int = 0
    tokens: int = 0


class Progress(TrainerCallback):
    """Reports every step, with the time left by the pace of this process."""

    def __init__(self, report: Callable[[TrainingProgress], None], odometer: Odometer) -> None:
        self.report, self.odometer = report, odometer
        self.began_s = self.began_step = 0.0
        self.loss: float | None = None
        self.validation_loss: float | None = None

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Start the clock at the step that training resumes from."""
        self.began_s, self.began_step = time.monotonic(), state.global_step

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **_: Any
    ) -> None:
        """Keep the latest losses."""
        self.loss = logs.get("loss", self.loss)
        self.validation_loss = logs.get("eval_loss", self.validation_loss)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Report."""
        done = state.global_step - self.began_step
        pace_s = (time.monotonic() - self.began_s) / done if done else None
        left_s = None if pace_s is None else pace_s * (state.max_steps - state.global_step)
        posts = state.global_step * args.per_device_train_batch_size * args.gradient_accumulation_steps
        step, tokens = state.global_step, self.odometer.num_tokens
        self.report(TrainingProgress(step, state.max_steps, self.loss, self.validation_loss, left_s, posts, tokens))


class StepLog(TrainerCallback):
    """Writes `log.jsonl`: one row a log or evaluation; a resumed run drops the rows that it will write again."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOG

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Keep the rows up to the step that training resumes from."""
        old = self.path.read_text(encoding="utf-8").splitlines() if self.path.is_file() else []
        kept = [line for line in old if _step_of(line) <= state.global_step]
        write_text_atomic(self.path, "".join(f"{line}\n" for line in kept))

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **_: Any
    ) -> None:
        """Append one row."""
        if "train_runtime" in logs:
            return
        row = {"step": state.global_step, "num_steps": state.max_steps, "time": round(time.time(), 3), **logs}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


class Odometer(TrainerCallback):
    """Counts tokens, seconds and energy over all resumptions of a run.

    Args:
        folder: of the training.
        gpus: NVML's ids of the GPUs whose energy is counted.

    Attributes:
        num_tokens: tokens computed in forward passes of training.
    """

    def __init__(self, folder: Path, gpus: Sequence[str] = ()) -> None:
        self.path = folder / "odometer.json"
        self.num_tokens, self.seconds_before, self.began_s = 0, 0.0, time.monotonic()
        self.joules_before: float | None = 0.0
        self.meter = EnergyMeter(gpus)

    @property
    def energy_j(self) -> float | None:
        """Joules up to now; `None` where a part of the training was not counted."""
        spent_j = self.meter.spent_j
        return None if spent_j is None or self.joules_before is None else self.joules_before + spent_j

    @property
    def seconds(self) -> float:
        """Wall time up to now."""
        return self.seconds_before + time.monotonic() - self.began_s

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Go on from the reading of the checkpoint."""
        if state.global_step:
            self.read()

    def read(self) -> None:
        """Take over the reading kept beside the newest checkpoint, if there is one."""
        if self.path.is_file():
            reading = json.loads(self.path.read_text(encoding="utf-8"))
            self.num_tokens, self.seconds_before = reading["num_tokens"], reading["seconds"]
            self.joules_before = reading.get("energy_j")

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Keep the reading beside the checkpoint."""
        reading = {"num_tokens": self.num_tokens, "seconds": self.seconds, "energy_j": self.energy_j}
        write_json_atomic(self.path, reading)


def seconds_kept(folder: Path) -> float:
    """Return the wall seconds of earlier sittings, up to the checkpoint from which a training goes on; 0 for none."""
    odometer = Odometer(folder)
    odometer.read()
    return round(odometer.seconds_before, 3)


def _step_of(line: str) -> float:
    """Return the step of a log line; a half-written last line counts as after the end."""
    try:
        return json.loads(line)["step"]
    except (json.JSONDecodeError, KeyError, TypeError):
        return math.inf


class Checks(TrainerCallback):
    """Stops on what cannot end well, and advises on what looks wrong."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.losses: list[tuple[int, float]] = []
        self.saw_gradients = False

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Take the losses up to the step that training resumes from out of the checkpoint's history."""
        self.losses = [(int(row["step"]), row["loss"]) for row in state.log_history if "loss" in row]

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **_: Any
    ) -> None:
        """After the first backward pass of a fresh adapter: every target has a gradient."""
        if not self.saw_gradients and state.global_step == 0:
            check_gradients(model)
        self.saw_gradients = True

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: Any = None, **_: Any
    ) -> None:
        """Stop on NaN; note a loss that does not fall."""
        for name in ("loss", "eval_loss", "grad_norm"):
            if name in logs and not math.isfinite(logs[name]):
                raise TrainingError(
                    f"{name} is {logs[name]} at step {state.global_step}; try --learning-rate "
                    f"{args.learning_rate / 2:g}, or model.dtype: float32; the last checkpoint is kept"
                )
        if "loss" in logs:
            self.losses.append((state.global_step, logs["loss"]))
            self._note_flat_loss()

    def _note_flat_loss(self) -> None:
        early = [loss for step, loss in self.losses if step <= FLAT_AFTER_STEPS // 5]
        step, _ = self.losses[-1]
        if self.notes or step < FLAT_AFTER_STEPS or not early:
            return
        late = fmean(loss for at, loss in self.losses if at > step - FLAT_AFTER_STEPS // 5)
        if late > fmean(early) * (1 - FLAT_FALL):
            self.notes.append(
                f"the training loss has not fallen in {step} steps ({fmean(early):.3f} to {late:.3f}): "
                "try --learning-rate 3e-4, and check the data with `probatum audit`"
            )
