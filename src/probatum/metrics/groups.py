"""The same figures for every value of a column: who is flagged, who is wronged, how sure, how far apart groups are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probatum.metrics.classification import Answers
from probatum.metrics.clusters import Codes
from probatum.metrics.intervals import Interval
from probatum.metrics.levels import level

FIGURES = ("f1", "flag_rate", "fpr", "fnr", "fdr")
DEMOGRAPHIC_PARITY = ("flag_rate",)
EQUALISED_ODDS = ("fpr", "recall")


@dataclass(frozen=True)
class GroupRow:
    """One system on the posts with one value of a column.

    Attributes:
        value: the column's value.
        n: posts.
        positives: posts whose true label is the positive one.
        negatives: the others.
        unparsed: posts whose answer held no label.
        f1: F1 on these posts.
        flag_rate: share of posts called positive.
        fpr: share of negative posts not called negative; undefined without negatives.
        fnr: share of positive posts not called positive; undefined without positives.
        fdr: share of negative posts among those called positive; undefined where none was.
    """

    value: str
    n: int
    positives: int
    negatives: int
    unparsed: int
    f1: Interval
    flag_rate: Interval
    fpr: Interval
    fnr: Interval
    fdr: Interval


@dataclass(frozen=True)
class Disparity:
    """How far apart the groups with the highest and the lowest rate are.

    Attributes:
        interval: highest minus lowest, `n` being the number of groups.
        metric: the rate; of several the one whose groups are farthest apart.
        highest: the group with the highest rate.
        lowest: the group with the lowest rate.
        left_out: group to why it has no such rate.
    """

    interval: Interval
    metric: str
    highest: str | None
    lowest: str | None
    left_out: dict[str, str]


@dataclass(frozen=True)
class Group:
    """One system's answers about the posts with one value of a column, and the clusters of those posts, if any."""

    answers: Answers
    clusters: Codes | None = None

    def level(self, metric: str, confidence: float) -> Interval:
        """Return a figure on these posts with its interval."""
        return level(self.answers, metric, confidence, clusters=self.clusters)


def by_value(values: NDArray[np.str_], answers: Answers, clusters: Codes | None = None) -> dict[str, Group]:
    """Part a system's answers by a column.

    Args:
        values: str[n], each post's value of the column.
        answers: one system's answers about those posts.
        clusters: int[n], posts of one value are one cluster; `None` if every post stands for itself.

    Returns:
        Value to its posts, by name.
    """
    masks = {str(value): values == value for value in np.unique(values)}
    return {
        value: Group(answers.where(mine), None if clusters is None else clusters[mine]) for value, mine in masks.items()
    }


def group_table(groups: Mapping[str, Group], confidence: float) -> list[GroupRow]:
    """Return one row for each group, the largest first, equal sizes by name.

    Args:
        groups: value to its posts.
        confidence: level of the intervals, in (0, 1).

    Returns:
        A row per value; none for n = 0. Rates without a denominator are undefined and say why.
    """
    rows = [_row(value, group, confidence) for value, group in groups.items()]
    return sorted(rows, key=lambda row: (-row.n, row.value))


def _row(value: str, group: Group, confidence: float) -> GroupRow:
    counts = group.answers.confusion()
    figures = {name: group.level(name, confidence) for name in FIGURES}
    return GroupRow(value, counts.n, counts.positives, counts.negatives, counts.unparsed, **figures)


def demographic_parity(groups: Mapping[str, Group], confidence: float) -> Disparity:
    """Return the demographic-parity difference: max_g P(flagged | g) - min_g P(flagged | g).

    Agarwal et al. (2018), definition 1; the same as fairlearn's `demographic_parity_difference`. It is no fault where
    groups differ in how many of their posts are positive.

    Args:
        groups: group to its posts.
        confidence: level of the interval, in (0, 1).

    Returns:
        A value in [0, 1], 0 being equality; undefined with fewer than two groups.
    """
    return _disparity(groups, DEMOGRAPHIC_PARITY, confidence)


def equalised_odds(groups: Mapping[str, Group], confidence: float) -> Disparity:
    """Return the equalised-odds difference: the larger of the groups' FPR difference and recall difference.

    max over y in {0, 1} of max_g P(flagged | g, y) - min_g P(flagged | g, y): Hardt, Price and Srebro (2016), as
    fairlearn's `equalized_odds_difference`. A group without negatives (positives) takes no part in the FPR (recall) and
    is named, where fairlearn calls its rate 0.

    Args:
        groups: group to its posts.
        confidence: level of the interval, in (0, 1).

    Returns:
        A value in [0, 1], 0 being equality; undefined where neither rate has two groups.
    """
    return _disparity(groups, EQUALISED_ODDS, confidence)


def _disparity(groups: Mapping[str, Group], metrics: Sequence[str], confidence: float) -> Disparity:
    """Return the largest difference of any rate, and an interval that holds for all rates and groups at once.

    Every rate gets Wilson's interval (in clusters: of n / D posts) at the Bonferroni level for all of them together.
    Then the true difference is at most highest end minus lowest end, and at least highest lower end minus lowest upper
    end: it covers at least as often as it claims. A bootstrap of a maximum minus a minimum would be too high and miss
    0.
    """
    counts = {name: group.answers.confusion() for name, group in groups.items()}
    reasons = [(group, one.undefined(metric)) for metric in metrics for group, one in counts.items()]
    left_out = {group: reason for group, reason in reasons if reason}
    defined = {metric: [name for name, one in counts.items() if not one.undefined(metric)] for metric in metrics}
    rates = sum(len(names) for names in defined.values())
    compared = {metric: names for metric, names in defined.items() if len(names) > 1}
    if not compared:
        reason = "fewer than two groups have the rate"
        return Disparity(Interval.undefined(reason, len(counts)), metrics[0], None, None, left_out)
    shared = 1 - (1 - confidence) / rates
    found = {metric: {name: groups[name].level(metric, shared) for name in names} for metric, names in compared.items()}
    metric, figures = max(found.items(), key=lambda item: _range(item[1]))
    ends = [_ends(one) for one in found.values()]
    interval = Interval(_range(figures), max(low for low, _ in ends), max(high for _, high in ends), len(counts))
    by_value = sorted(figures, key=lambda group: (figures[group].value, group))
    return Disparity(interval, metric, by_value[-1], by_value[0], left_out)


def _range(figures: Mapping[str, Interval]) -> float:
    values = [figure.value for figure in figures.values()]
    return max(values) - min(values)


def _ends(figures: Mapping[str, Interval]) -> tuple[float, float]:
    lows, highs = [figure.low for figure in figures.values()], [figure.high for figure in figures.values()]
    return max(max(lows) - min(highs), 0.0), max(highs) - min(lows)
