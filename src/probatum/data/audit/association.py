"""How well a yes-or-no trace tells the label of a post."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Association:
    """The label that a trace points to.

    Attributes:
        label: the label that is more frequent where the trace is (or is not).
        present: whether the trace is there in the posts meant, or absent.
        count: number of those posts.
        share: their share of all posts.
        purity: share of the label among them.
        base: share of the label among all posts.
        p_value: of Fisher's exact test, one-sided, for this many or more.
    """

    label: str
    present: bool
    count: int
    share: float
    purity: float
    base: float
    p_value: float

    @property
    def gain(self) -> float:
        """The part of the errors of always guessing the label that the trace takes away, (purity - base)/(1 - base)."""
        return (self.purity - self.base) / (1 - self.base) if self.base < 1 else 0.0


def lift(holds: BoolArray, is_label: BoolArray, strata: BoolArray | None = None) -> float:
    """Return how much more often posts of a label have a trace than the others, P(trace | label) - P(trace | others).

    Unlike purity it does not depend on how frequent the label is. A trace alone ranks with AUROC (1 + lift)/2.

    Args:
        holds: for each post, whether it has the trace.
        is_label: for each post, whether it has the label.
        strata: for each post, on which side of another trace it is; the mean of both sides' lifts, weighted by posts.

    Returns:
        A value in [-1, 1]; 0 where all posts have the label, or none.
    """
    if strata is not None:
        sides = [side for side in (strata, ~strata) if side.any()]
        return float(sum(side.mean() * lift(holds[side], is_label[side]) for side in sides))
    if is_label.all() or not is_label.any():
        return 0.0
    return float(holds[is_label].mean() - holds[~is_label].mean())


def associate(holds: BoolArray, labels: Sequence[str] | NDArray[np.str_], min_count: int = 1) -> Association | None:
    """Find the label that a trace, or its absence, tells best.

    Args:
        holds: for each post, whether it has the trace.
        labels: for each post, its label.
        min_count: fewest posts that must have (or lack) the trace.

    Returns:
        The association with the largest gain; equal gains by the lower p, then presence before absence. `None` where
        there is one label only, or too few posts on either side.
    """
    known = np.asarray(labels)
    best: Association | None = None
    for present in (True, False):
        chosen = holds if present else ~holds
        count = int(chosen.sum())
        if count < min_count or count == len(known):
            continue
        for label in np.unique(known):
            is_label = known == label
            hits, total = int((chosen & is_label).sum()), int(is_label.sum())
            found = Association(
                label=str(label),
                present=present,
                count=count,
                share=count / len(known),
                purity=hits / count,
                base=total / len(known),
                p_value=fisher_p(hits, count, total, len(known)),
            )
            if best is None or (found.gain, -found.p_value) > (best.gain, -best.p_value):
                best = found
    return best if best is not None and best.base < 1 else None


def fisher_p(hits: int, drawn: int, marked: int, total: int) -> float:
    r"""Return the one-sided p of Fisher's exact test, $P(X \ge \text{hits})$ for $X$ hypergeometric.

    Args:
        hits: marked ones among the drawn.
        drawn: size of the draw.
        marked: marked ones in all.
        total: size of the whole.
    """
    if hits * total <= drawn * marked:
        return 1.0 - math.fsum(_terms(range(hits - 1, -1, -1), drawn, marked, total))
    return min(1.0, math.fsum(_terms(range(hits, min(drawn, marked) + 1), drawn, marked, total)))


def _terms(values: range, drawn: int, marked: int, total: int) -> Iterator[float]:
    """Yield the probabilities of values ever further from the mean, until they no longer count."""
    scale, largest = _log_choose(total, drawn), 0.0
    for value in values:
        term = math.exp(_log_choose(marked, value) + _log_choose(total - marked, drawn - value) - scale)
        yield term
        largest = max(largest, term)
        if term < 1e-20 * largest:
            return


def _log_choose(n: int, k: int) -> float:
    if not 0 <= k <= n:
        return -math.inf
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
