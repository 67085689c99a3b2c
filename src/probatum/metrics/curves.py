"""What a system would do at every threshold: the counts behind ROC, precision-recall and the frontier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probatum.metrics.classification import Flags, Floats, ratio
from probatum.metrics.ranking import ranked_wrong


@dataclass(frozen=True)
class OperatingPoints:
    """What a system would do at each of k thresholds, from the strictest (nothing called positive) down.

    Attributes:
        threshold: float[k], a post is called positive at or above it; infinite first.
        tp: int[k], positive posts called positive.
        fp: int[k], negative posts called positive.
        positives: posts whose true label is the positive one.
        negatives: the others.
    """

    threshold: Floats
    tp: NDArray[np.int64]
    fp: NDArray[np.int64]
    positives: int
    negatives: int

    @property
    def recall(self) -> Floats:
        """float[k], TP / positives; NaN without positives."""
        return np.atleast_1d(ratio(self.tp, self.positives))

    @property
    def fpr(self) -> Floats:
        """float[k], FP / negatives; NaN without negatives."""
        return np.atleast_1d(ratio(self.fp, self.negatives))

    @property
    def precision(self) -> Floats:
        """float[k], TP / (TP + FP); NaN where nothing is called positive."""
        return np.atleast_1d(ratio(self.tp, self.tp + self.fp))

    @property
    def f1(self) -> Floats:
        """float[k], 2 TP / (2 TP + FP + FN)."""
        return np.atleast_1d(ratio(2 * self.tp, self.tp + self.fp + self.positives))

    def at(self, threshold: float) -> int:
        """Return which of the k points a threshold gives: the last one that is not below it."""
        return int(np.flatnonzero(self.threshold >= threshold)[-1])  # thresholds fall, and the first is infinite


def operating_points(truth: Flags, score: Floats) -> OperatingPoints:
    """Return what a system would do at every threshold that makes a difference (Fawcett 2006, algorithm 1).

    Tied scores are one step. A post without a score is ranked wrong, as in `auroc`, so that the area under these points
    is that figure.

    Args:
        truth: bool[n], the true label is the positive one.
        score: float[n], higher for the positive label; NaN where the system gave none.

    Returns:
        One point more than there are distinct scores; for n = 0 the strictest alone.
    """
    ranked = ranked_wrong(truth, score)
    order = np.argsort(-ranked, kind="stable")
    ordered, hits = ranked[order], np.cumsum(truth[order])
    last_of_score = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)) if len(order) else order
    tp = np.append(0, hits[last_of_score])
    called = np.append(0, last_of_score + 1)
    positives = int(np.count_nonzero(truth))
    threshold = np.append(np.inf, ordered[last_of_score])
    return OperatingPoints(threshold, tp, called - tp, positives, len(truth) - positives)


def thinned(length: int, most: int) -> NDArray[np.int64]:
    """Return at most `most` places out of so many, the first and last among them, evenly spread."""
    return np.unique(np.linspace(0, length - 1, min(length, most)).round().astype(np.int64))
