"""Figures of two systems, and their differences, all from one set of draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from probatum.metrics.bootstrap import Resampling, joint_weights
from probatum.metrics.classification import Answers, Floats
from probatum.metrics.intervals import Interval, percentile_interval
from probatum.metrics.paired import joint_cells, joint_table, margins

OF_ANSWERS = ("flag_rate", "unparsed_rate")  # not made of right and wrong


@dataclass(frozen=True)
class Resampled:
    """Bootstrap intervals of one set of posts.

    Attributes:
        system: metric to the system's figure.
        other: metric to the other system's.
        difference: metric to system minus other, paired.
    """

    system: dict[str, Interval]
    other: dict[str, Interval]
    difference: dict[str, Interval]


def resampled(system: Answers, other: Answers, metrics: Sequence[str], confidence: float, how: Resampling) -> Resampled:
    """Return percentile intervals of figures and of their paired differences.

    For posts that come in clusters, or with numbers that were fixed. Where neither holds, `metric_interval` and
    `difference` have closed forms for rates, which cover better on few posts.

    Args:
        system: its answers about n posts.
        other: the other system's answers about the same posts in the same order.
        metrics: names out of `DEFINITIONS`, but not the flag rate and the unparsed rate.
        confidence: level in (0, 1).
        how: draws, seed, clusters and strata.

    Returns:
        A value and interval for each metric; undefined, with the reason, where the figure is.

    Raises:
        ValueError: a metric that right and wrong answers do not decide, or a cluster in several strata.
    """
    if wrong := [metric for metric in metrics if metric in OF_ANSWERS]:
        raise ValueError(f"{wrong[0]!r} is not made of right and wrong answers")
    drawn = margins(joint_weights(joint_cells(system, other), how))
    counts = margins(joint_table(system, other))

    def interval(value: float, draws: Floats, reason: str | None) -> Interval:
        n = len(system.truth)
        return Interval.undefined(reason) if reason else percentile_interval(value, draws, confidence, n)

    found = Resampled({}, {}, {})
    for metric in metrics:
        reasons = [one.undefined(metric) for one in counts]
        values = [one.value(metric) for one in counts]
        many: list[Floats] = [one.value(metric) for one in drawn]

        found.system[metric] = interval(values[0], many[0], reasons[0])
        found.other[metric] = interval(values[1], many[1], reasons[1])
        found.difference[metric] = interval(values[0] - values[1], many[0] - many[1], reasons[0] or reasons[1])
    return found


def resampled_by(
    values: NDArray[np.str_],
    system: Answers,
    other: Answers,
    metrics: Sequence[str],
    *,
    confidence: float,
    how: Resampling,
) -> dict[str, Resampled]:
    """Return the same for the posts of each value of a column.

    Args:
        values: str[n], each post's value.
        system: its answers about n posts.
        other: the other system's answers about the same posts in the same order.
        metrics: as for `resampled`.
        confidence: level in (0, 1).
        how: draws, seed, clusters and strata of all n posts.

    Returns:
        Value to its intervals, by name.

    Raises:
        ValueError: as `resampled` does.
    """
    found = {}
    for value in np.unique(values):
        mine = values == value
        picked = replace(
            how,
            clusters=None if how.clusters is None else how.clusters[mine],
            strata=None if how.strata is None else how.strata[mine],
        )
        found[str(value)] = resampled(system.where(mine), other.where(mine), metrics, confidence, picked)
    return found
