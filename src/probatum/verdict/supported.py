"""What a paired comparison supports, as a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping

from probatum.metrics.intervals import Interval
from probatum.metrics.power import POWER, half_width_for_power, posts_to_settle
from probatum.verdict.pairing import Pairing
from probatum.verdict.results import Comparison
from probatum.verdict.settling import FARTHEST, out_of_reach
from probatum.verdict.wording import joined, metric_name, number


def statement(
    system: str,
    other: str,
    pairing: Pairing,
    found: Comparison | None,
    *,
    supported: list[str],
    holm_p: Mapping[str, float],
    count: int,
    num_pairs: int,
    confidence: float,
) -> str:
    """Say what the shared posts support, after what the two runs do not share.

    Args:
        system: the later run.
        other: the earlier run.
        pairing: which rows are about the same posts.
        found: the comparison; `None` where no post is left to compare on.
        supported: which of F1 and accuracy differ.
        holm_p: of F1 and accuracy the p-value of no difference, by Holm over all pairs and both.
        count: posts compared.
        num_pairs: how many comparisons share the level.
        confidence: level of the intervals, in (0, 1).
    """
    warning = _not_shared(system, other, pairing)
    if found is None:
        why = "no post was parsed in both" if pairing.rows else "no post is in both"
        if pairing.other_text and not pairing.rows:
            why += " (if the ids name the same posts all the same, say --columns text= to pair by id alone)"
        return f"{warning}Nothing can be said about {system} against {other}: {why}."
    on = f"On the {count:,} post{'s' * (count > 1)} compared"
    shared = f"Holm's p counts F1 and accuracy{f' of all {num_pairs} pairs' if num_pairs > 1 else ''}"
    level = f" ({shared} together and decides at {1 - confidence:.2g}; each interval is at {confidence:.0%} for itself)"
    if not found.fixed and not found.broken:
        return f"{warning}{on}, {system} and {other} are right on the same ones: no difference is shown."
    claim = _claim(found, supported, holm_p, count=count, num_pairs=num_pairs, confidence=confidence)
    return f"{warning}{on}, {claim}{level}."


def _not_shared(system: str, other: str, pairing: Pairing) -> str:
    if pairing.whole:
        return ""
    parts = [
        f"{pairing.only_first:,} only in {other}" if pairing.only_first else "",
        f"{pairing.only_second:,} only in {system}" if pairing.only_second else "",
        f"{pairing.other_text:,} with the same id but another text" if pairing.other_text else "",
        f"{pairing.other_label:,} with another true label" if pairing.other_label else "",
    ]
    told = joined([part for part in parts if part])
    paired = f"{len(pairing.rows):,} post{'s' * (len(pairing.rows) != 1)} paired by {pairing.by}"
    return f"NOT THE SAME TEST SET: {paired}, {told}; their two tables must not be held against each other. "


def _claim(
    found: Comparison,
    supported: list[str],
    holm_p: Mapping[str, float],
    *,
    count: int,
    num_pairs: int,
    confidence: float,
) -> str:
    system, other = found.system, found.other
    told = [_told(found, metric, holm_p) for metric in ("f1", "accuracy")]
    if not supported:
        needed = _posts_needed(found.differences["f1"], count, num_pairs, confidence)
        more = f"; {_settling(needed, found.differences['f1'].value, count)}" if needed else ""
        return f"neither is shown to be better: {joined(told)}{more}"
    higher = [metric for metric in supported if found.differences[metric].value > 0]
    lower = [metric for metric in supported if metric not in higher]
    claims = [f"higher {metric_name(metric)}" for metric in higher]
    claims += [f"lower {metric_name(metric)}" for metric in lower]
    rest = [metric_name(metric) for metric in ("f1", "accuracy") if metric not in supported]
    open_ = f"; a difference of {rest[0]} is not shown" if rest else ""
    return f"{system} has {joined(claims)} than {other}: {joined(told)}{open_}"


def _posts_needed(change: Interval, count: int, num_pairs: int, confidence: float) -> int | None:
    """Return how many posts show a change at the strictest level that Holm may ask of it, F1 and accuracy counted."""
    alone = posts_to_settle(change, 0.0, count, confidence)
    shared = 1 - (1 - confidence) / (2 * num_pairs)
    wider = half_width_for_power(shared) / half_width_for_power(confidence)
    return None if alone is None else math.ceil(alone * wider**2)


def _settling(needed: int, value: float, count: int) -> str:
    truly = f"if F1 truly differs by {number(value, sign=True)} as measured"
    if out_of_reach(needed, count):
        return f"{truly}, to show it takes over {FARTHEST} times these posts: out of reach"
    return f"{truly}, about {needed:,} such posts would show it with {POWER:.0%} power"


def _told(found: Comparison, metric: str, holm_p: Mapping[str, float]) -> str:
    interval = found.differences[metric]
    name = metric_name(metric)
    if not interval.defined:
        return f"{name} is undefined ({interval.reason})"
    p = f", McNemar p = {found.mcnemar_p:.2g}" if metric == "accuracy" else ""
    p += f", Holm's p = {holm_p[metric]:.2g}" if metric in holm_p else ""
    span = f"{number(interval.low, sign=True)} to {number(interval.high, sign=True)}"
    return f"{name} {number(interval.value, sign=True)} ({span}{p})"
