"""The same figures for every value of a column: who is flagged, who is wronged, how sure, how far apart groups are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probatum.metrics.classification import Answers, Confusion
from probatum.metrics.intervals import Interval, metric_interval

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


def group_table(values: NDArray[np.str_], answers: Answers, confidence: float) -> list[GroupRow]:
    """Return one row for each value, the largest first, equal sizes by name.

    Args:
        values: str[n], each post's value of the column.
        answers: one system's answers about those posts.
        confidence: level of the intervals, in (0, 1).

    Returns:
        A row per value; none for n = 0. Rates without a denominator are undefined and say why.
    """
    rows = [_row(value, counts, confidence) for value, counts in group_counts(values, answers).items()]
    return sorted(rows, key=lambda row: (-row.n, row.value))


def group_counts(values: NDArray[np.str_], answers: Answers) -> dict[str, Confusion]:
    """Count right and wrong answers for each value, in one pass over the posts.

    Args:
        values: str[n], each post's value of the column.
        answers: one system's answers about those posts.

    Returns:
        Value to its counts, by name.
    """
    names, codes = np.unique(values, return_inverse=True)
    code = 8 * codes + 4 * answers.truth + 2 * answers.correct + answers.parsed
    table = np.bincount(code, minlength=8 * len(names)).reshape(-1, 2, 2, 2)  # [value, truth, right, parsed]
    return {str(name): _confusion(table[at]) for at, name in enumerate(names)}


def _confusion(table: NDArray[np.int64]) -> Confusion:
    (wrong_negative, right_negative), (wrong_positive, right_positive) = table.sum(axis=-1).tolist()
    unparsed_negative, unparsed_positive = table[:, 0, 0].tolist()
    return Confusion(
        tp=right_positive,
        fp=wrong_negative,
        tn=right_negative,
        fn=wrong_positive,
        unparsed_fp=unparsed_negative,
        unparsed_fn=unparsed_positive,
    )


def _row(value: str, counts: Confusion, confidence: float) -> GroupRow:
    figures = {name: metric_interval(counts, name, confidence) for name in FIGURES}
    return GroupRow(value, counts.n, counts.positives, counts.negatives, counts.unparsed, **figures)


def demographic_parity(counts: Mapping[str, Confusion], confidence: float) -> Disparity:
    """Return the demographic-parity difference: max_g P(flagged | g) - min_g P(flagged | g).

    Agarwal et al. (2018), definition 1; the same as fairlearn's `demographic_parity_difference`. It is no fault where
    groups differ in how many of their posts are positive.

    Args:
        counts: group to its counts.
        confidence: level of the interval, in (0, 1).

    Returns:
        A value in [0, 1], 0 being equality; undefined with fewer than two groups.
    """
    return _disparity(counts, DEMOGRAPHIC_PARITY, confidence)


def equalised_odds(counts: Mapping[str, Confusion], confidence: float) -> Disparity:
    """Return the equalised-odds difference: the larger of the groups' FPR difference and recall difference.

    max over y in {0, 1} of max_g P(flagged | g, y) - min_g P(flagged | g, y): Hardt, Price and Srebro (2016), as
    fairlearn's `equalized_odds_difference`. A group without negatives (positives) takes no part in the FPR (recall) and
    is named, where fairlearn calls its rate 0.

    Args:
        counts: group to its counts.
        confidence: level of the interval, in (0, 1).

    Returns:
        A value in [0, 1], 0 being equality; undefined where neither rate has two groups.
    """
    return _disparity(counts, EQUALISED_ODDS, confidence)


def _disparity(counts: Mapping[str, Confusion], metrics: Sequence[str], confidence: float) -> Disparity:
    """Return the largest difference of any rate, and an interval that holds for all rates and groups at once.

    Every rate gets Wilson's interval at the Bonferroni level for all of them together. Then the true difference is at
    most highest end minus lowest end, and at least highest lower end minus lowest upper end: it covers at least as
    often as it claims. A bootstrap of a maximum minus a minimum would be too high and miss 0.
    """
    reasons = [(group, one.undefined(metric)) for metric in metrics for group, one in counts.items()]
    left_out = {group: reason for group, reason in reasons if reason}
    defined = {metric: [g for g, c in counts.items() if not c.undefined(metric)] for metric in metrics}
    rates = sum(len(groups) for groups in defined.values())
    compared = {metric: groups for metric, groups in defined.items() if len(groups) > 1}
    if not compared:
        reason = "fewer than two groups have the rate"
        return Disparity(Interval.undefined(reason, len(counts)), metrics[0], None, None, left_out)
    level = 1 - (1 - confidence) / rates
    found = {
        metric: {group: metric_interval(counts[group], metric, level) for group in groups}
        for metric, groups in compared.items()
    }
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
