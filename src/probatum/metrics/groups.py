"""The same figures for every value of a column: who is flagged, who is wronged, how sure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probatum.metrics.classification import Answers
from probatum.metrics.intervals import Interval, metric_interval


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


def group_table(values: NDArray[np.str_], answers: Answers, confidence: float) -> list[GroupRow]:
    """Return one row for each value, the largest first, equal sizes by name.

    Args:
        values: str[n], each post's value of the column.
        answers: one system's answers about those posts.
        confidence: level of the intervals, in (0, 1).

    Returns:
        A row per value; none for n = 0. Rates without a denominator are undefined and say why.
    """
    rows = [_row(str(value), answers.where(values == value), confidence) for value in np.unique(values)]
    return sorted(rows, key=lambda row: (-row.n, row.value))


def _row(value: str, answers: Answers, confidence: float) -> GroupRow:
    counts = answers.confusion()
    figures = {name: metric_interval(counts, name, confidence) for name in ("f1", "flag_rate", "fpr", "fnr")}
    return GroupRow(value, counts.n, counts.positives, counts.negatives, counts.unparsed, **figures)
