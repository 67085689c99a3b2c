"""Predictions as CSV that no spreadsheet executes."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

from probatum.artifacts import write_text_atomic
from probatum.export.finished import Finished
from probatum.report.safe import in_cell

COLUMNS = ("id", "label", "group", "source", "text")
PER_SYSTEM = ("prediction", "score", "status", "answer")


def write_csv(finished: Finished, out: Path) -> list[Path]:
    """Write `predictions.csv`, one row a post, and `metrics.csv`, one row a system and metric.

    Text from outside that a spreadsheet would take for a formula gets an apostrophe in front (`safe.in_cell`).

    Args:
        finished: the run.
        out: the folder.

    Returns:
        The files.
    """
    systems = list(finished.predictions)
    header = [*COLUMNS, *(f"{system}_{name}" for system in systems for name in PER_SYSTEM)]
    rows = []
    for at, post in enumerate(finished.posts):
        row: list[Any] = [getattr(post, name) for name in COLUMNS]
        for system in systems:
            told = finished.predictions[system][at]
            row += [told.prediction, None if math.isnan(told.score) else told.score, told.status.value, told.answer]
        rows.append(row)
    figures = [
        [
            system,
            metric,
            *(_known(getattr(interval, end)) for end in ("value", "low", "high")),
            interval.n,
            interval.reason,
        ]
        for system, result in finished.verdict.systems.items()
        for metric, interval in result.metrics.items()
    ]
    files = {
        "predictions.csv": _csv(header, rows),
        "metrics.csv": _csv(["system", "metric", "value", "low", "high", "n", "reason"], figures),
    }
    for name, text in files.items():
        write_text_atomic(out / name, text)
    return [out / name for name in files]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _csv(header: list[str], rows: list[list[Any]]) -> str:
    """Return rows as RFC 4180 CSV; numbers stay numbers, text is made harmless.

    Cells are quoted for the characters of the line end alone, so it must be CR LF: a bare CR would begin a row.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    for row in [header, *rows]:
        writer.writerow([in_cell(value) if isinstance(value, str) else value for value in row])
    return file.getvalue()
