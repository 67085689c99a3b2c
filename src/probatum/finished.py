"""A finished run, read back from its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from probatum.data.records import read_jsonl, read_predictions, read_written_posts
from probatum.errors import DataError, InputError, StageError
from probatum.manifest import RunFolder
from probatum.report.content import ReportContent
from probatum.report.context import ReportContext
from probatum.study import Study
from probatum.verdict.decision import Decision
from probatum.verdict.evidence import Evidence, line_up
from probatum.verdict.results import Verdict, decode

# What contexts of earlier versions do not hold; the reports leave it out.
LATER: Mapping[str, Any] = {"began": None, "energy_j": {}, "posts": {}, "digests": {}}
Wanted = TypeVar("Wanted")
AGAIN = "the study's `probatum run` makes it again and keeps what is done"


def read_verdict(folder: RunFolder) -> Verdict:
    """Read the verdict of a finished run.

    Raises:
        StageError: the run has none yet.
    """
    if not folder.verdict.is_file():
        raise StageError(
            f"{folder.path}: no verdict there yet; `probatum status {folder.path}` says how far the run is"
        )
    content = _read_json(folder.verdict)
    try:
        return Verdict.from_json(content)
    except DataError as error:
        raise DataError(f"{folder.verdict}: {error}") from error


def read_evidence(folder: RunFolder, verdict: Verdict) -> Evidence:
    """Read the test posts and what every system of a verdict said about them, in the order of the posts.

    Raises:
        DataError: a file is missing or damaged, or a system did not answer exactly these posts.
    """
    try:
        predictions = {system: read_predictions(folder.predictions(system)) for system in verdict.systems}
        return line_up(read_written_posts(folder.posts("test")), predictions, verdict.positive)
    except DataError as error:
        raise DataError(f"{error}; {AGAIN}") from error


def read_content(folder: RunFolder) -> ReportContent:
    """Read all that a report shows of a finished run.

    Raises:
        InputError: there is no such folder, or no run in it.
        StageError: the run has no verdict yet, or was made by an earlier version.
        DataError: a file in the folder is not what the run left.
    """
    if not folder.path.is_dir():
        raise InputError(f"{folder.path}: no such folder; name a run folder, e.g. runs/NAME")
    if not folder.study.is_file():
        raise InputError(
            f"{folder.path}: no run there (no {folder.study.name}); runs are in runs/NAME, or where --out said"
        )
    verdict = read_verdict(folder)
    if not folder.context.is_file():
        raise StageError(f"{folder.context}: no such file, so an earlier version made this run; {AGAIN}")
    study = Study.load(folder.study)
    context = _decoded(ReportContext, folder.context, LATER)
    return ReportContent(
        name=study.name,
        verdict=verdict,
        evidence=read_evidence(folder, verdict),
        context=context,
        log=list(read_jsonl(folder.training_log)) if folder.training_log.is_file() else [],
        findings=_read_json(folder.audit)["findings"] if folder.audit.is_file() else [],
        decisions={system: read_decision(folder.decision(system)) for system in verdict.systems},
        model=study.model.name,
    )


def read_decision(path: Path) -> Decision:
    """Read how a system's scores became labels, as a run wrote it.

    Raises:
        DataError: the file is missing or not what a run writes.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; {AGAIN}")
    return _decoded(Decision, path)


def _decoded(kind: type[Wanted], path: Path, defaults: Mapping[str, Any] | None = None) -> Wanted:
    content = _read_json(path)
    try:
        found: Wanted = decode(kind, {**(defaults or {}), **content})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: not what a run writes ({error}); {AGAIN}") from error
    return found


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: not JSON ({error.msg}); {AGAIN}") from error
