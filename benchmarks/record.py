"""The result files: one a job, with everything that is needed to judge its figure; and the table of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.jobs import BY_NAME, KINDS, Given, Job, training_steps
from probatum.artifacts import write_json_atomic
from probatum.manifest import versions

ROOT = Path(__file__).parents[1]


def record(job: Job, given: Given, folder: Path, commit: str) -> Path | None:
    """Write `JOB.json`, if the job's value and the machine's figures are there.

    Args:
        job: what was measured.
        given: what the parts found.
        folder: where results are kept.
        commit: of the code that was measured.

    Returns:
        The file, or `None` if there is nothing to write yet.
    """
    kind, machine = KINDS[job.kind], given.machine
    value = kind.value(given)
    if value is None:
        return None
    result = {
        "job": job.name,
        "value": rounded(value),
        "unit": kind.unit,
        "limit": rounded(kind.limit(given, machine)) if machine else None,
        "peers": {name: rounded(figure) for name, figure in (kind.peers(given) | dict(job.elsewhere)).items()},
        "must": job.must,
        "aim": job.aim,
        "hardware": _hardware(given),
        "versions": versions() | {"triton": _version("triton")},
        "date": date.today().isoformat(),
        "commit": commit,
        "notes": _notes(job, given),
        "machine": machine.to_json() if machine else None,
        "measured": _measured(job, given),
    }
    path = folder / f"{job.name}.json"
    write_json_atomic(path, result)
    return path


def rounded(value: float | None, digits: int = 4) -> float | None:
    """Return a figure to so many significant digits."""
    return None if value is None else float(f"{value:.{digits}g}")


def commit_of(root: Path = ROOT) -> str:
    """Return the commit of the working tree, with `+` if it was changed, or `unknown` where there is no repository."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _hardware(given: Given) -> str:
    parts = (given.part("scale"), given.part("product"), *given.parts.values())
    return next((part["hardware"] for part in parts if "hardware" in part), "unknown")


def _measured(job: Job, given: Given) -> dict[str, Any]:
    """Return what stands behind a job's value: its own piece of the product's part, or a part of its own."""
    own, *_ = (kind for kind in reversed(KINDS[job.kind].parts) if kind not in ("checkpoint", "peers"))
    found = given.part(own)
    return found.get(KINDS[job.kind].piece, {}) if own == "product" else found


def _notes(job: Job, given: Given) -> list[str]:
    kind, product = KINDS[job.kind], given.part("product")
    notes = [
        given.part("checkpoint").get("note", "random weights in the published layout"),
        f"posts: {given.prompts.source}",
        f"limit: {kind.how_limited}",
    ]
    if kind.piece == "score" and (score := product.get("score")):
        notes.append(f"best of {len(score['passes_s'])} passes; the first, cold one took {score['cold_s']:.2f} s")
    if kind.piece == "train" and (train := product.get("train")):
        notes.append(
            f"{train['steps']} of {training_steps(given.prompts):,} steps, after a warm-up: the median pace of the "
            f"training loop's log; the mean is {train['mean_rate']:.1f} posts/s; {train['whole_s']:.1f} s in all, "
            "with warm-up and compilation"
        )
    if kind.piece == "memory" and (memory := product.get("memory")):
        shown = memory.get("shown_gb")
        notes.append(f"limit set: {memory['limit_gb']} GB; most that nvidia-smi showed: {shown} GB")
    if "peers" in kind.parts:
        why = given.does_not_fit()
        notes += [why] if why else given.part("peers").get("notes", [])
        notes.append("peers in the same command; the guide's prompts are its own plain text, about half as long")
    return notes


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Return the results that are kept, in the order of the jobs, others after them."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    order = list(BY_NAME)
    return sorted(found, key=lambda result: order.index(result["job"]) if result["job"] in order else len(order))


def table_of(results: Sequence[dict[str, Any]]) -> Table:
    """Lay results out as one table; the share of the limit is 100 % at the limit, however the unit counts."""
    table = Table(title="Measured, with limits and peers")
    for heading in ("job", "value", "limit", "of limit", "must", "aim", "reached"):
        table.add_column(heading, justify="left" if heading in ("job", "reached") else "right")
    table.add_column("peers (ours over theirs)", ratio=1)
    for result in results:
        value, limit = result["value"], result["limit"]
        more = result["unit"] not in ("s", "ms", "GB")
        share = None if not limit else limit / value if result["unit"] in ("s", "ms") else value / limit
        table.add_row(
            result["job"],
            f"{value:,g} {result['unit']}",
            _figure(limit),
            "" if share is None else f"{share:.0%}",
            _figure(result.get("must")),
            _figure(result.get("aim")),
            _reached(value, result.get("must"), result.get("aim"), more=more),
            "\n".join(_peer(name, figure, value, more=more) for name, figure in result["peers"].items()),
        )
    return table


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,g}"


def _reached(value: float, must: float | None, aim: float | None, *, more: bool) -> str:
    at_least = lambda wanted: value >= wanted if more else value <= wanted
    if must is None or aim is None:
        return ""
    return "aim" if at_least(aim) else "must" if at_least(must) else "no"


def _peer(name: str, figure: float | None, value: float, *, more: bool) -> str:
    if not figure:
        return f"{name}: does not fit"
    times = value / figure if more else figure / value
    return f"{name}: {figure:,g} ({times:.3g} ×)"
