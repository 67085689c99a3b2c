"""How many posts would settle a criterion, and what change these posts show at all."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtri

from probatum.metrics.intervals import Interval, critical_value
from probatum.metrics.power import (
    POWER,
    half_width_for_power,
    posts_to_settle,
    posts_to_show,
    showable_rate,
    trials_to_settle,
)
from probatum.study import Criterion
from probatum.verdict.wording import number

FARTHEST = 100  # times the posts there are


@dataclass(frozen=True)
class Measured:
    """A figure that a criterion is about.

    Attributes:
        interval: the figure; undefined with its reason.
        n: posts in the slice.
        p_value: paired test behind a change; NaN where there is none.
        effect: design effect of clusters on a level, 1 where every post stands for itself; infinite where all posts
            are one cluster, so that nothing says how far the figure varies.
    """

    interval: Interval
    n: int
    p_value: float = math.nan
    effect: float = 1.0

    @property
    def one_cluster(self) -> bool:
        """Whether all posts are one cluster."""
        return math.isinf(self.effect)


def posts_needed(criterion: Criterion, measured: Measured, to_clear: float, confidence: float) -> int | None:
    """Return how many posts of this kind settle a criterion in `POWER` of all studies, were the truth the point.

    Args:
        criterion: an inconclusive one.
        measured: its figure.
        to_clear: the limit that the bound must clear; 0 where a change must be shown at all.
        confidence: level of the interval, in (0, 1).

    Returns:
        A number of posts in all; `None` if no number would.
    """
    interval, n = measured.interval, measured.n
    if measured.one_cluster:
        return None
    if criterion.gain_over or criterion.rise_over:
        if to_clear == 0 and criterion.claims_change:
            return posts_to_show(*_as_gain(criterion, interval), n, confidence)
        return posts_to_settle(interval, to_clear, n, confidence)
    value, limit = (_proportion(criterion.metric, one) for one in (interval.value, to_clear))
    trials = trials_to_settle(value, limit, confidence)
    return None if trials is None else max(math.ceil(trials * measured.effect * n / interval.n), n + 1)


def showable(criterion: Criterion, measured: Measured, confidence: float) -> float:
    """Return the true value nearest to the limit with which these posts pass the criterion in `POWER` of all studies.

    Of a change: with the standard error that was measured. NaN for a criterion between two limits or on the point, and
    where no value passes.
    """
    interval = measured.interval
    if not interval.defined or measured.one_cluster or criterion.within or criterion.decided_by == "point":
        return math.nan
    limit, upper = (criterion.at_least, False) if criterion.at_most is None else (criterion.at_most, True)
    assert limit is not None
    if criterion.gain_over or criterion.rise_over:
        sign = -1 if upper else 1
        error = (interval.high - interval.low) / 2 / critical_value(confidence)
        if criterion.decided_by == "test":
            least = max(sign * limit + float(ndtri(POWER)) * error, half_width_for_power(confidence) * error)
        else:
            least = sign * limit + half_width_for_power(confidence) * error
        return sign * least if least <= 1 else math.nan
    trials = math.floor(interval.n / measured.effect)
    proportion = showable_rate(_proportion(criterion.metric, limit), trials, confidence, at_most=upper)
    return 2 * proportion / (1 + proportion) if criterion.metric == "f1" else proportion


def settling(criterion: Criterion, measured: Measured, needed: int | None, shown: float) -> str:
    """Say how many posts would settle a criterion, and which way, and from which value on these posts pass it."""
    n, value = measured.n, measured.interval.value
    if measured.one_cluster:
        return "its posts are all one cluster, so that only posts of other clusters can settle it"
    signed = bool(criterion.gain_over or criterion.rise_over)
    truly = f"if it is truly {number(value, sign=signed)} as measured"
    way = "passes" if passes_at(criterion, value) else "fails"
    if needed is None:
        told = "more posts cannot settle it: the point is exactly at the limit"
    elif out_of_reach(needed, n):
        told = f"{truly}, to show that it {way} takes over {FARTHEST} times the {n:,} posts there are: out of reach"
    else:
        told = f"{truly}, about {needed:,} such posts (there are {n:,}) would show with {POWER:.0%} power that it {way}"
    if math.isnan(shown):
        return told
    end = "least" if criterion.at_most is None else "most"
    return (
        f"{told}; for the {n:,} there are to pass it with {POWER:.0%} power, it must truly be at {end} "
        f"{number(shown, sign=signed)}"
    )


def out_of_reach(needed: int, n: int) -> bool:
    """Whether more posts are needed than anybody will label: over `FARTHEST` times those that there are."""
    return needed > FARTHEST * n


def passes_at(criterion: Criterion, value: float) -> bool:
    """Whether a criterion holds where its figure is truly this value."""
    if criterion.within is not None:
        return criterion.within[0] <= value <= criterion.within[1]
    if criterion.at_least is not None:
        return value >= criterion.at_least
    return criterion.at_most is not None and value <= criterion.at_most


def _as_gain(criterion: Criterion, interval: Interval) -> tuple[Interval, float]:
    if criterion.gain_over:
        return interval, criterion.at_least or 0.0
    return Interval(-interval.value, -interval.high, -interval.low, interval.n), -(criterion.at_most or 0.0)


def _proportion(metric: str, value: float) -> float:
    """Return the proportion behind a figure: F1 = 2J / (1 + J), and J is one."""
    return value / (2 - value) if metric == "f1" else value
