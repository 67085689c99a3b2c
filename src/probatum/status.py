"""How far a run is, read from its folder alone, from any shell."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table
from rich.text import Text

from probatum.errors import InputError, StageError
from probatum.manifest import Manifest, RunFolder
from probatum.pipeline import ON_VALIDATION
from probatum.study import AUTO
from probatum.verdict.decision import NEVER_CHOSEN

STYLES = {"done": "green", "running": "yellow", "stopped": "red", "failed": "red", "waiting": "dim"}


@dataclass(frozen=True)
class StageStatus:
    """One stage.

    Attributes:
        name: the stage.
        state: done, running, stopped (its process is gone), failed or waiting.
        seconds: how long it took, or has taken so far; `None` if it never began.
        note: step, loss and time left, the error, or what it gave.
    """

    name: str
    state: str
    seconds: float | None = None
    note: str = ""


@dataclass(frozen=True)
class RunStatus:
    """A run.

    Attributes:
        folder: where it is.
        alive: whether its process still works; `None` if that was another host's.
        stages: every stage, in order: those begun, then those that the study still has before it.
        outcome: of the verdict, if there is one.
    """

    folder: str
    alive: bool | None
    stages: list[StageStatus] = field(default_factory=list)
    outcome: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the status as a JSON object."""
        return asdict(self)


def read_status(path: Path) -> RunStatus:
    """Read how far a run is.

    Raises:
        InputError: the folder holds no run.
        StageError: its manifest is damaged, or this host has no locks to tell whether it is at work.
    """
    folder = RunFolder(path)
    if not folder.manifest.is_file():
        raise InputError(f"{path}: no run there (no manifest.json); runs are in runs/NAME, or where --out said")
    manifest = Manifest(folder)
    alive = _alive(folder, manifest.content.get("process", {}))
    begun = manifest.content["stages"]
    stages = [_stage(name, record, folder, alive) for name, record in begun.items()]
    stages += [StageStatus(name, "waiting") for name in _planned(folder) if name not in begun]
    judged = manifest.stage("compare")
    outcome = judged["facts"]["outcome"] if judged.get("state") == "done" else None
    return RunStatus(str(path), alive, stages, outcome)


def _planned(folder: RunFolder) -> Iterable[str]:
    """Return the stages of the run's study, in order; none where there is no study to read."""
    try:
        study = yaml.safe_load(folder.study.read_text(encoding="utf-8"))
        systems, scoring = list(study["systems"]), study.get("scoring", {})
        if scoring.get("threshold") == AUTO or scoring.get("calibration", "none") != "none":
            scored = [[name] if name in NEVER_CHOSEN else [name, name + ON_VALIDATION] for name in systems]
            systems = [name for names in scored for name in names]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError):
        return []
    if "tuned" in systems:
        systems.insert(systems.index("tuned"), "training")
    return ["data", *systems, "compare"]


def _alive(folder: RunFolder, process: dict[str, Any]) -> bool | None:
    """Whether a process works in the folder; `None` where it cannot be known from this host.

    A process holds the folder's lock as long as it lives, and no other can have its place, as one can have its number.
    """
    if process.get("host") != socket.gethostname():
        return None
    lock = folder.path / ".lock"
    return _is_held(lock) if lock.is_file() else _runs(process)


def _is_held(lock: Path) -> bool:
    """Whether a process holds a lock for itself; asked by a shared one, so that two who ask do not see each other."""
    try:
        import fcntl
    except ImportError as error:
        raise StageError(
            f"{lock}: this system has no fcntl, so whether the run is at work cannot be known; "
            "use Linux, macOS or WSL, where runs work"
        ) from error
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _runs(process: dict[str, Any]) -> bool:
    try:
        os.kill(int(process["pid"]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _stage(name: str, record: dict[str, Any], folder: RunFolder, alive: bool | None) -> StageStatus:
    state = record["state"]
    if state == "done":
        return StageStatus(name, state, record["seconds"])
    if state == "failed":
        return StageStatus(name, state, None, record["error"])
    state = "stopped" if alive is False else "running"
    note = _progress(name, folder)
    if state == "stopped":
        note += "; start the run again to go on" if note else "start the run again to go on"
    return StageStatus(name, state, time.time() - record["started"] if state == "running" else None, note)


def _progress(stage: str, folder: RunFolder) -> str:
    try:
        progress = json.loads(folder.progress.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return ""
    if progress.get("stage") != stage:
        return ""
    if "posts" in progress:
        return f"{progress['posts']:,} posts"
    if "tensors" in progress:
        return f"loading weights, {progress['tensors']:,} of {progress['num_tensors']:,} tensors"
    parts = [f"step {progress['step']:,} of {progress['num_steps']:,}"]
    parts += [
        f"{title} {progress[key]:.3f}"
        for key, title in (("loss", "loss"), ("validation_loss", "validation loss"))
        if progress.get(key) is not None
    ]
    if progress.get("left_s") is not None:
        parts.append(f"{_clock(progress['left_s'])} left")
    return ", ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def print_status(console: Console, status: RunStatus) -> None:
    """Print a run's stages, one line each."""
    table = Table(title=Text(status.folder), title_justify="left", box=None, pad_edge=False)
    for name in ("stage", "state", "time", "where it stands"):
        table.add_column(name, justify="right" if name == "time" else "left")
    for stage in status.stages:
        took = "" if stage.seconds is None else _clock(stage.seconds)
        table.add_row(stage.name, Text(stage.state, style=STYLES[stage.state]), took, Text(stage.note))
    console.print(table)
    if status.outcome is not None:
        console.print(f"verdict: {status.outcome}", markup=False, highlight=False)
