"""What ran where, how long and at what cost, and how every report tells it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from probatum.verdict.evidence import TrainingSummary

Rows = tuple[Sequence[str], list[Sequence[str]]]  # the columns' names, and the cells as text


@dataclass(frozen=True)
class ReportContext:
    """What ran where, how long and at what cost.

    Attributes:
        study_yaml: the resolved study.
        versions: package to version.
        hardware: kind to what it is, such as `gpu` to its name.
        stage_seconds: stage to its wall-clock seconds, in order; of a resumed training, those of all its sittings.
        cost: of the whole run, in the currency of `cost_per_hour`.
        audit: findings of the audit, one line each.
        training: how training went, if there was any.
        command: what makes the same run again.
        began: when the run began, in seconds since 1970.
        energy_j: stage to the joules that the GPUs drew, where they were counted.
        posts: train, validation and test to their number of posts.
        digests: train, validation and test to the SHA-256 of their posts as the run wrote them.
    """

    study_yaml: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    hardware: dict[str, str] = field(default_factory=dict)
    stage_seconds: dict[str, float] = field(default_factory=dict)
    cost: float | None = None
    audit: list[str] = field(default_factory=list)
    training: TrainingSummary | None = None
    command: str = "probatum run study.yaml"
    began: float | None = None
    energy_j: dict[str, float] = field(default_factory=dict)
    posts: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)


def machine_words(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return a machine's facts, as the manifest holds them, in words."""
    gpus = Counter(facts.get("gpus", ()))
    named = ", ".join(f"{count} × {name}" if count > 1 else name for name, count in gpus.items()) or "none"
    memory = {"memory": f"{facts['memory_gib']:g} GiB"} if facts.get("memory_gib") else {}
    return {kind: str(facts[kind]) for kind in ("processor", "cores") if facts.get(kind)} | memory | {"GPUs": named}


def stage_rows(context: ReportContext) -> Rows:
    """Return the seconds of every stage, what its GPUs drew where that was counted, and the cost of all."""
    joules = context.energy_j
    rows: list[Sequence[str]] = [
        (stage, f"{seconds:,.1f}", *([_watt_hours(joules.get(stage))] if joules else []))
        for stage, seconds in context.stage_seconds.items()
    ]
    if len(rows) > 1:
        total = f"{sum(context.stage_seconds.values()):,.1f}"
        rows.append(("together", total, *([_watt_hours(sum(joules.values()))] if joules else [])))
    if context.cost is not None:
        rows.append(("cost of the whole run", f"{context.cost:,.2f}", *([""] if joules else [])))
    return ("stage", "seconds", *(["energy of the GPUs (Wh)"] if joules else [])), rows


def seconds_words(context: ReportContext) -> str:
    """Return what the seconds of the stages count; "" where there are none."""
    if not context.stage_seconds:
        return ""
    words = (
        "Seconds are wall clock, loading included; a training that was resumed counts all its sittings, each up to its "
        "last checkpoint."
    )
    return words if context.cost is None else f"{words} The cost is of the same seconds."


def _watt_hours(joules: float | None) -> str:
    return "–" if joules is None else f"{joules / 3600:,.2f}"


def post_rows(context: ReportContext) -> Rows:
    """Return how many posts each file has, and the digest that tells whether others are the same."""
    rows = [(side, f"{count:,}", context.digests.get(side, "–")) for side, count in context.posts.items()]
    return ("posts", "number", "SHA-256 of the run's data/*.jsonl"), list(rows)


def machine_rows(context: ReportContext) -> Rows:
    """Return when the run began, the machine, and the packages."""
    began = {"began": began_words(context)} if context.began is not None else {}
    return ("", ""), list((began | context.hardware | context.versions).items())


def began_words(context: ReportContext) -> str:
    """Return when the run began, to the minute; "" where that is not known."""
    return "" if context.began is None else f"{datetime.fromtimestamp(context.began, UTC):%Y-%m-%d %H:%M} UTC"
