"""Experiment trackers, through the Trainer's own integrations; the verdict's figures go to the same run at the end.

TensorBoard always writes into the run folder. MLflow, Weights & Biases and trackio write where their own settings say
(`MLFLOW_TRACKING_URI`, `WANDB_PROJECT`, …), and only if the study asks for them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from probatum.artifacts import write_json_atomic
from probatum.errors import StudyError

TENSORBOARD, IDS = "tensorboard", "trackers.json"
INSTALL = {
    "mlflow": "pip install 'probatum[mlflow]'",
    "wandb": "pip install 'probatum[wandb]'",
    "trackio": "pip install 'probatum[trackio]'",
}
PROJECT = "probatum"


def check_trackers(names: Sequence[str]) -> None:
    """Refuse a tracker that is not installed, before anything is computed.

    Raises:
        StudyError: which, and how to install it.
    """
    for name in names:
        if name in INSTALL and find_spec(name) is None:
            raise StudyError(f"training.report_to: {name} is not installed; {INSTALL[name]}, or leave it out")


@contextmanager
def tracked(folder: Path) -> Iterator[None]:
    """Let the integrations write into a training's folder and go on with its runs; both are told by environment alone.

    Args:
        folder: of the training; TensorBoard writes to `tensorboard/` in it.
    """
    ids = _read_ids(folder)
    given = {
        "TENSORBOARD_LOGGING_DIR": str(folder / TENSORBOARD),
        "WANDB_CONSOLE": os.environ.get("WANDB_CONSOLE", "off"),  # what is printed may hold posts
    }
    if "mlflow" in ids:
        given["MLFLOW_RUN_ID"] = ids["mlflow"]
    if "wandb" in ids:
        given |= {"WANDB_RUN_ID": ids["wandb"], "WANDB_RESUME": "allow"}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


class TrackerIds(TrainerCallback):
    """Keeps the ids of the trackers' runs, for a resumed training and for the verdict.

    Args:
        folder: of the training.
        names: the trackers that are reported to.
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.folder, self.names = folder, names

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Write the ids down; the Trainer's own integrations have begun by now."""
        ids: dict[str, str] = {}
        if "mlflow" in self.names:
            import mlflow

            if (run := mlflow.active_run()) is not None:
                ids["mlflow"] = run.info.run_id
        if "wandb" in self.names:
            import wandb

            if wandb.run is not None:
                ids["wandb"] = wandb.run.id
        if "trackio" in self.names:
            ids["trackio"] = str(args.run_name)
        if ids:
            write_json_atomic(self.folder / IDS, ids)


def log_figures(folder: Path, figures: Mapping[str, float], step: int) -> None:
    """Log figures to TensorBoard and to every tracker's run that the training in this folder reported to.

    Args:
        folder: of the training.
        figures: name to finite value.
        step: the step that they are of: that of the kept checkpoint.
    """
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(log_dir=str(folder / TENSORBOARD)) as writer:
        for name, value in figures.items():
            writer.add_scalar(name, value, step)
    for tracker, run in _read_ids(folder).items():
        LOGGERS[tracker](run, figures, step)


def _to_mlflow(run: str, figures: Mapping[str, float], step: int) -> None:
    import mlflow

    client = mlflow.MlflowClient()
    for name, value in figures.items():
        client.log_metric(run, name, value, step=step)


def _to_wandb(run: str, figures: Mapping[str, float], _: int) -> None:
    import wandb

    own = wandb.run or wandb.init(project=os.environ.get("WANDB_PROJECT", "huggingface"), id=run, resume="allow")
    own.summary.update(dict(figures))
    own.finish()


def _to_trackio(run: str, figures: Mapping[str, float], step: int) -> None:
    import trackio

    trackio.init(project=PROJECT, name=run, resume="allow")
    trackio.log(dict(figures), step=step)
    trackio.finish()


LOGGERS = {"mlflow": _to_mlflow, "wandb": _to_wandb, "trackio": _to_trackio}


def _read_ids(folder: Path) -> dict[str, str]:
    try:
        ids: dict[str, str] = json.loads((folder / IDS).read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return {}
    return ids
