"""Run folders, found and read back: for a leaderboard, an export, a card or a notebook."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from probatum.artifacts import short_path
from probatum.data.records import read_predictions, read_written_posts
from probatum.errors import InputError, ProbatumError
from probatum.finished import read_verdict
from probatum.manifest import Manifest, RunFolder
from probatum.pipeline import Run
from probatum.study import Study
from probatum.verdict.evidence import line_up
from probatum.verdict.leaderboard import Entry

MODEL_SYSTEMS = ("baseline", "tuned")
NO_MATTER = (  # settings of training that change no adapter, or not the one that is judged
    "micro_batch_size", "gradient_checkpointing", "keep_checkpoints", "report_to", "seeds", "learning_curve",
)  # fmt: skip


def read_run(path: Path) -> Run:
    """Read a finished run back from its folder.

    Raises:
        InputError: there is no run.
        StageError: it has no verdict yet.
    """
    folder = RunFolder(path.resolve())
    if not folder.manifest.is_file():
        raise InputError(f"{path}: no run there (no manifest.json); runs are in runs/NAME, or where --out said")
    return Run(Study.load(folder.study), folder, read_verdict(folder))


def find_runs(places: Iterable[Path]) -> list[Path]:
    """Return every run folder among or below some folders, each once, by path.

    Raises:
        InputError: a place is no folder, or there is no run in any.
    """
    places = list(places)
    for place in places:
        if not place.is_dir():
            raise InputError(f"{place}: no such folder; name run folders, or a folder that holds some (default: runs)")
    found = dict.fromkeys(run.resolve() for place in places for run in sorted(_runs_below(place)))
    if not found:
        raise InputError(f"no run (a folder with manifest.json) in {', '.join(map(str, places))}")
    return list(found)


def _runs_below(place: Path) -> Iterator[Path]:
    for root, folders, files in os.walk(place):
        if "manifest.json" in files:
            folders.clear()  # a run holds no other runs
            yield Path(root)


def read_entries(runs: Sequence[Path]) -> tuple[list[Entry], dict[str, str]]:
    """Read every scored system of every run.

    Returns:
        The entries, and for runs that could not be read, or not wholly, why.
    """
    entries: list[Entry] = []
    unread: dict[str, str] = {}
    for path in runs:
        name = short_path(path)
        try:
            found, missing = _entries(RunFolder(path), name)
        except (ProbatumError, OSError, KeyError, TypeError, ValueError) as error:
            unread[name] = f"cannot be read: {error}"
            continue
        entries += found
        if missing:
            unread[name] = f"not scored yet: {', '.join(missing)}"
    return entries, unread


def _entries(folder: RunFolder, name: str) -> tuple[list[Entry], list[str]]:
    study, manifest = Study.load(folder.study), Manifest(folder)
    scored = [system for system in study.systems if manifest.stage(system).get("state") == "done"]
    posts = read_written_posts(folder.posts("test")) if scored else []
    entries = []
    for system in scored:
        seconds = manifest.stage(system)["seconds"]
        if system == "tuned":
            seconds += manifest.stage("training")["seconds"]
        cost = None if study.cost_per_hour is None else study.cost_per_hour * seconds / 3600
        rows = read_predictions(folder.predictions(system))
        predictions = line_up(posts, {system: rows}, study.task.positive).predictions[system]
        settings = settings_of(study, system, folder)
        task, cluster = study.task, study.verdict.cluster
        entries.append(Entry(name, system, posts, predictions, task.positive, settings, seconds, cost, cluster))
    return entries, [system for system in study.systems if system not in scored]


def settings_of(study: Study, system: str, folder: RunFolder) -> dict[str, str]:
    """Return the settings that a system's answers depend on, besides the posts, by their short names."""
    if system not in MODEL_SYSTEMS:
        return {}
    prompt = study.prompt.model_dump(mode="json")
    if study.prompt.strategy == "auto":
        prompt["strategy"] = "ready" if (folder.path / "data" / "prompt.yaml").is_file() else "baseline"
    found = {"model": study.model.name, "prompt": prompt.pop("strategy"), **prompt}
    found |= {"revision": study.model.revision, "dtype": study.model.dtype}
    found |= study.scoring.model_dump(mode="json", include={"method", "threshold", "max_new_tokens"})
    if system == "tuned":
        found |= study.training.model_dump(mode="json", exclude=set(NO_MATTER))
    return {key: str(value) for key, value in found.items()}
