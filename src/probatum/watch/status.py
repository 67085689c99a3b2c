"""How far a run is, read from its folder alone, from any shell."""

from __future__ import annotations

import json
import math
import os
import socket
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from probatum.errors import InputError, StageError
from probatum.manifest import ON_VALIDATION, Manifest, RunFolder
from probatum.model.gpus import Gauge, gauges
from probatum.study import AUTO
from probatum.verdict.decision import NEVER_CHOSEN


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
        process: pid, host and start (seconds since 1970) of the process that worked in it last.
        progress: what that process told last: stage, counts, `posts_per_s`, `tokens_per_s`, `left_s`, its memory.
        losses: training losses so far.
        gpus: those that the run uses, while it is at work on this host.
    """

    folder: str
    alive: bool | None
    stages: list[StageStatus] = field(default_factory=list)
    outcome: str | None = None
    process: dict[str, Any] = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)
    losses: list[float] = field(default_factory=list)
    gpus: list[Gauge] = field(default_factory=list)

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
    progress = _read_progress(folder)
    stages = [_stage(name, record, progress, alive) for name, record in begun.items()]
    stages += [StageStatus(name, "waiting") for name in planned_stages(folder) if name not in begun]
    judged = manifest.stage("compare")
    outcome = judged["facts"]["outcome"] if judged.get("state") == "done" else None
    process = manifest.content.get("process", {})
    watched = gauges(progress.get("gpus", [])) if alive else []
    return RunStatus(str(path), alive, stages, outcome, process, progress, losses(folder), watched)


def planned_stages(folder: RunFolder) -> list[str]:
    """Return the stages of the run's study, in order; none where there is no study to read."""
    try:
        study = yaml.safe_load(folder.study.read_text(encoding="utf-8"))
        return ["data", "cases", *_systems(study), *_beside(study, folder), "compare"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError):
        return []


def _chooses(study: dict[str, Any]) -> bool:
    scoring = study.get("scoring", {})
    return bool(scoring.get("threshold") == AUTO or scoring.get("calibration", "none") != "none")


def _systems(study: dict[str, Any]) -> list[str]:
    systems = list(study["systems"])
    if _chooses(study):
        scored = [[name] if name in NEVER_CHOSEN else [name, name + ON_VALIDATION] for name in systems]
        systems = [name for names in scored for name in names]
    if "tuned" in systems:
        systems.insert(systems.index("tuned"), "training")
    return systems


def _beside(study: dict[str, Any], folder: RunFolder) -> list[str]:
    """Return the stages beside the test, as `stages.further` goes through them; what has no posts falls away."""
    systems, training = study["systems"], study.get("training", {})
    tuned, chooses = "tuned" in systems, _chooses(study)
    found = ["noise floor"] if study.get("scoring", {}).get("noise_floor") and "baseline" in systems else []
    for seed in (training.get("seeds") or [])[1:] if tuned else []:
        found += [
            f"train seed {seed}",
            f"score seed {seed}",
            *([f"score seed {seed} on validation"] if chooses else []),
        ]
    wanted = {"behaviour": study.get("data", {}).get("behaviour"), "swaps": study.get("swaps", {}).get("most")}
    for side, asked in wanted.items():
        path = folder.posts(side)
        if asked and not (path.is_file() and not path.stat().st_size):
            found += [f"{side} of {system}" for system in ("linear", "baseline", "tuned") if system in systems]
    if "linear" in systems:
        found.append("learning curve")
    if tuned and training.get("learning_curve"):
        found += [f"{verb} on {share}" for share in ("0.25", "0.5") for verb in ("train", "validate")]
        found += [] if chooses else ["validate on all"]
    return found


def _alive(folder: RunFolder, process: dict[str, Any]) -> bool | None:
    """Whether a process works in the folder; `None` where it cannot be known from this host.

    A process holds the folder's lock as long as it lives, and no other can have its place, as one can have its number.
    """
    if process.get("host") != socket.gethostname():
        return None
    lock = folder.path / ".lock"
    return is_held(lock) if lock.is_file() else _runs(process)


def is_held(lock: Path) -> bool:
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


def _stage(name: str, record: dict[str, Any], progress: dict[str, Any], alive: bool | None) -> StageStatus:
    state = record["state"]
    if state == "done":
        return StageStatus(name, state, record["seconds"])
    if state == "failed":
        return StageStatus(name, state, None, record["error"])
    state = "stopped" if alive is False else "running"
    note = _progress(name, progress)
    if state == "stopped":
        note += "; start the run again to go on" if note else "start the run again to go on"
    return StageStatus(name, state, time.time() - record["started"] if state == "running" else None, note)


def _read_progress(folder: RunFolder) -> dict[str, Any]:
    try:
        progress = json.loads(folder.progress.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return {}
    return progress if isinstance(progress, dict) else {}


def _progress(stage: str, progress: dict[str, Any]) -> str:
    """Return where the running stage stands, in words."""
    if progress.get("stage") != stage:
        return ""
    if "tensors" in progress:
        return f"loading weights, {progress['tensors']:,} of {progress['num_tensors']:,} tensors"
    if "step" in progress:
        parts = [f"step {progress['step']:,} of {progress['num_steps']:,}"]
    else:
        total = progress.get("num_posts")
        parts = [f"{progress['posts']:,} posts" if total is None else f"{progress['posts']:,} of {total:,} posts"]
    parts += [
        f"{title} {progress[key]:.3f}"
        for key, title in (("loss", "loss"), ("validation_loss", "validation loss"))
        if progress.get(key) is not None
    ]
    if progress.get("left_s") is not None:
        parts.append(f"{clock(progress['left_s'])} left")
    return ", ".join(parts)


def losses(folder: RunFolder) -> list[float]:
    """Return the training losses that were logged so far, in order; half a line, or NaN, is left out."""
    try:
        lines = (folder.training / "log.jsonl").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            found.append(float(json.loads(line)["loss"]))
        except (json.JSONDecodeError, KeyError, TypeError, ValueError):
            continue
    return [loss for loss in found if math.isfinite(loss)]


def clock(seconds: float) -> str:
    """Return seconds as minutes and seconds, with hours where there are some."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
