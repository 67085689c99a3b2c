"""What a system got right and wrong: the confusion matrix and the figures made from it.

Everything is a ratio of counts, so a whole array of matrices (one per draw of a bootstrap) is evaluated at once.

An answer with no label in it is counted as wrong: a false negative on a positive post, a false positive on a negative
one. How many there were is kept beside the counts, so that the figures without them can be shown as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Confusion:
    """Counts of a 2 x 2 confusion matrix; each is a number, or all are arrays of one shape.

    Attributes:
        tp: positive posts called positive.
        fp: negative posts not called negative (unparsed ones too).
        tn: negative posts called negative.
        fn: positive posts not called positive (unparsed ones too).
        unparsed_fp: how many of `fp` had no label in the answer.
        unparsed_fn: how many of `fn` had no label in the answer.
    """

    tp: Any
    fp: Any
    tn: Any
    fn: Any
    unparsed_fp: Any = 0
    unparsed_fn: Any = 0

    @property
    def n(self) -> Any:
        """Posts."""
        return self.positives + self.negatives

    @property
    def positives(self) -> Any:
        """Posts whose true label is the positive one."""
        return self.tp + self.fn

    @property
    def negatives(self) -> Any:
        """Posts whose true label is another."""
        return self.fp + self.tn

    @property
    def unparsed(self) -> Any:
        """Posts whose answer held no label."""
        return self.unparsed_fp + self.unparsed_fn

    @property
    def flagged(self) -> Any:
        """Posts called positive; an unparsed answer calls nothing."""
        return self.tp + self.fp - self.unparsed_fp

    def fraction(self, metric: str) -> tuple[Any, Any]:
        """Return numerator and denominator of a metric of `DEFINITIONS`."""
        definition = DEFINITIONS[metric]
        return definition.numerator(self), definition.denominator(self)

    def value(self, metric: str) -> Any:
        """Return a metric of `DEFINITIONS`; NaN where its denominator is 0, an array where the counts are arrays."""
        return ratio(*self.fraction(metric))

    def undefined(self, metric: str) -> str | None:
        """Say why a metric of one matrix is NaN, `None` where it is a number."""
        return DEFINITIONS[metric].undefined if self.fraction(metric)[1] == 0 else None

    def valid_only(self) -> Self:
        """Return the counts without unparsed answers, as studies that drop them report."""
        return replace(self, fp=self.fp - self.unparsed_fp, fn=self.fn - self.unparsed_fn, unparsed_fp=0, unparsed_fn=0)


@dataclass(frozen=True)
class Definition:
    """One figure of a confusion matrix.

    Attributes:
        name: what people call it.
        formula: its definition in words of the counts.
        numerator: of a confusion matrix.
        denominator: of a confusion matrix.
        undefined: why there is no value when the denominator is 0.
    """

    name: str
    formula: str
    numerator: Callable[[Confusion], Any]
    denominator: Callable[[Confusion], Any]
    undefined: str


NO_POSTS, NO_POSITIVES, NO_NEGATIVES = (
    "there are no posts",
    "there are no positive posts",
    "there are no negative posts",
)


def _f1_macro(c: Confusion) -> tuple[Any, Any]:
    """Return the mean of F1 of the positive and of the negative label as one fraction."""
    on_positive, on_negative = 2 * c.tp + c.fp + c.fn, 2 * c.tn + c.fp + c.fn
    return c.tp * on_negative + c.tn * on_positive, on_positive * on_negative


def _mcc_denominator(c: Confusion) -> Any:
    called_positive, called_negative = c.tp + c.fp, c.tn + c.fn
    product = np.asarray(called_positive, dtype=float) * called_negative * c.positives * c.negatives
    return np.sqrt(product)


# Fawcett (2006), An introduction to ROC analysis, fig. 1; F1 after van Rijsbergen (1979), ch. 7, with beta = 1;
# macro F1 is the mean of the classes' F1 (Opitz and Burst 2019); MCC after Matthews (1975).
DEFINITIONS: dict[str, Definition] = {
    "accuracy": Definition("accuracy", "(TP + TN) / n", lambda c: c.tp + c.tn, lambda c: c.n, NO_POSTS),
    "precision": Definition(
        "precision", "TP / (TP + FP)", lambda c: c.tp, lambda c: c.tp + c.fp, "no post was called positive"
    ),
    "recall": Definition("recall", "TP / (TP + FN)", lambda c: c.tp, lambda c: c.positives, NO_POSITIVES),
    "f1": Definition(
        "F1", "2 TP / (2 TP + FP + FN)",
        lambda c: 2 * c.tp, lambda c: 2 * c.tp + c.fp + c.fn, "no post is positive and none was called positive",
    ),
    "f1_macro": Definition(
        "macro F1", "mean of F1 of the positive and the negative label",
        lambda c: _f1_macro(c)[0], lambda c: _f1_macro(c)[1], "a label is neither true nor called for any post",
    ),
    "mcc": Definition(
        "MCC", "(TP TN - FP FN) / √((TP + FP) (TP + FN) (TN + FP) (TN + FN))",
        lambda c: c.tp * c.tn - c.fp * c.fn, _mcc_denominator, "all posts are of one label, or were called so",
    ),
    "fpr": Definition("FPR", "FP / (FP + TN)", lambda c: c.fp, lambda c: c.negatives, NO_NEGATIVES),
    "fnr": Definition("FNR", "FN / (FN + TP)", lambda c: c.fn, lambda c: c.positives, NO_POSITIVES),
    "fdr": Definition(
        "FDR", "FP / (FP + TP)", lambda c: c.fp, lambda c: c.fp + c.tp, "no post was called positive"
    ),
    "flag_rate": Definition("flag rate", "called positive / n", lambda c: c.flagged, lambda c: c.n, NO_POSTS),
    "unparsed_rate": Definition("unparsed rate", "unparsed / n", lambda c: c.unparsed, lambda c: c.n, NO_POSTS),
}  # fmt: skip


def ratio(numerator: Any, denominator: Any) -> Any:
    """Divide, giving NaN (never 0, never a warning) where the denominator is 0."""
    top, bottom = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    result = np.divide(top, bottom, out=np.full(np.broadcast(top, bottom).shape, np.nan), where=bottom != 0)
    return result if result.ndim else float(result)


@dataclass(frozen=True)
class Answers:
    """What one system said about n posts.

    Attributes:
        truth: bool[n], the true label is the positive one.
        flagged: bool[n], the system called the post positive (anything where it was not parsed).
        parsed: bool[n], the answer held a label.
    """

    truth: Flags
    flagged: Flags
    parsed: Flags

    @property
    def correct(self) -> Flags:
        """bool[n], the answer held the true label; never so where it held none."""
        correct: Flags = self.parsed & (self.flagged == self.truth)
        return correct

    def where(self, mask: Flags) -> Self:
        """Return the answers about the posts that a bool[n] mask picks."""
        return replace(self, truth=self.truth[mask], flagged=self.flagged[mask], parsed=self.parsed[mask])

    def confusion(self) -> Confusion:
        """Count right and wrong answers, unparsed ones as wrong."""
        correct = self.correct
        return Confusion(
            tp=_count(self.truth & correct),
            fp=_count(~self.truth & ~correct),
            tn=_count(~self.truth & correct),
            fn=_count(self.truth & ~correct),
            unparsed_fp=_count(~self.truth & ~self.parsed),
            unparsed_fn=_count(self.truth & ~self.parsed),
        )


def _count(mask: Flags) -> int:
    return int(np.count_nonzero(mask))
