"""Which threshold turns scores into calls: every one that differs, the best of them under a cap, and the frontier.

A post is called positive if its score is at or above the threshold. As the threshold falls, no group's false positives
ever become fewer, so the highest of the groups' rates is a running maximum over the negative posts in the order of
their scores: all thresholds are measured in O(n log n), whatever the number of groups.

K thresholds, from the highest, which calls no post positive, to 0, which calls all of them so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from probatum.metrics.classification import NO_POSITIVES, Flags, Floats, ratio
from probatum.metrics.intervals import wilson
from probatum.metrics.ranking import NO_SCORES

Ints = NDArray[np.int64]
ALL = "all posts"
ROUNDING = 1e-12  # 35 of 100 is at most 0.35, whatever floating point says


@dataclass(frozen=True)
class Costs:
    """What a mistake costs, in any unit.

    Attributes:
        false_positive: of calling a negative post positive.
        false_negative: of not calling a positive post positive.
    """

    false_positive: float
    false_negative: float


@dataclass(frozen=True)
class Cap:
    """What no group's false-positive rate may be above.

    Attributes:
        at_most: the cap in [0, 1].
        decide: hold the rate against it, or the upper end of the rate's Wilson interval.
    """

    at_most: float
    decide: Literal["point", "bound"]


@dataclass(frozen=True)
class OperatingPoint:
    """One threshold, and what it gives on the posts that it was measured on.

    Attributes:
        threshold: a score at or above it is positive.
        f1: F1; NaN without positive posts.
        cost: mean cost of a post; NaN where no costs were given.
        fpr: false-positive rate of all posts; NaN without negative ones.
        recall: share of positive posts called positive; NaN without them.
        worst_group: the group with the highest false-positive rate.
        worst_fpr: that rate; NaN where no group has negative posts.
        worst_bound_group: the group with the highest upper end of its Wilson interval.
        worst_bound: that end.
    """

    threshold: float
    f1: float
    cost: float
    fpr: float
    recall: float
    worst_group: str
    worst_fpr: float
    worst_bound_group: str
    worst_bound: float


@dataclass(frozen=True)
class _Worst:
    """The highest figure of any group at each threshold, and whose it is: float[K], int[K]."""

    value: Floats
    group: Ints


@dataclass(frozen=True)
class Curve:
    """Counts and the worst group at every threshold that makes a difference.

    Attributes:
        threshold: float[K], falling; between two scores it lies in the middle, so that a score which moves a little in
            rounding stays on its side.
        distinct: float[K-1], the scores that stand between them, falling.
        tp: int[K], positive posts called positive.
        fp: int[K], negative posts not called negative; a post without a score always counts.
        positives: positive posts.
        negatives: the others.
        groups: the groups that have negative posts, by name.
        left_out: groups without negative posts, which have no such rate.
        rate: the highest false-positive rate.
        bound: the highest upper end of its Wilson interval.
    """

    threshold: Floats
    distinct: Floats
    tp: Ints
    fp: Ints
    positives: int
    negatives: int
    groups: list[str]
    left_out: list[str]
    rate: _Worst
    bound: _Worst

    @property
    def f1(self) -> Floats:
        """float[K], 2 TP / (2 TP + FP + FN)."""
        f1: Floats = ratio(2 * self.tp, self.tp + self.fp + self.positives)
        return f1

    def cost(self, costs: Costs) -> Floats:
        """float[K], (c_FP FP + c_FN FN) / n."""
        missed = self.positives - self.tp
        return (costs.false_positive * self.fp + costs.false_negative * missed) / (self.positives + self.negatives)

    def point(self, at: int, costs: Costs | None = None) -> OperatingPoint:
        """Return one threshold with its figures."""
        return OperatingPoint(
            threshold=float(self.threshold[at]),
            f1=float(self.f1[at]),
            cost=math.nan if costs is None else float(self.cost(costs)[at]),
            fpr=ratio(int(self.fp[at]), self.negatives),
            recall=ratio(int(self.tp[at]), self.positives),
            worst_group=self.groups[self.rate.group[at]] if self.groups else "",
            worst_fpr=float(self.rate.value[at]),
            worst_bound_group=self.groups[self.bound.group[at]] if self.groups else "",
            worst_bound=float(self.bound.value[at]),
        )

    def at(self, threshold: float) -> int:
        """Return the index of the threshold that calls the same posts positive as this one does."""
        return int(np.searchsorted(-self.distinct, -threshold, "right"))


def measure_thresholds(
    truth: Flags, score: Floats, groups: NDArray[np.str_] | None, confidence: float, no_group: str | None = None
) -> Curve:
    """Measure every threshold that makes a difference, in O(n log n).

    Args:
        truth: bool[n], the true label is the positive one.
        score: float[n]; NaN where there is none: such a post is wrong at every threshold.
        groups: str[n], each post's group; `None` for all posts as one.
        confidence: level of the Wilson intervals, in (0, 1).
        no_group: the value that stands for no group; such posts count for F1 and are under no cap.

    Raises:
        ValueError: no post has a score, or none is positive: then no threshold is better than another.
    """
    scored = ~np.isnan(score)
    if not scored.any():
        raise ValueError(NO_SCORES)
    if not truth.any():
        raise ValueError(NO_POSITIVES)
    order = np.flatnonzero(scored)[np.argsort(-score[scored], kind="stable")]
    falling, true = score[order], truth[order]
    last = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))  # of each run of equal scores
    unscored = int(np.count_nonzero(~scored & ~truth))
    names, code, left_out = _codes(truth, groups, no_group)
    negatives = order[~true & (code[order] >= 0)]
    before = np.concatenate([[0], np.cumsum(~true & (code[order] >= 0))[last]])
    steps = _Steps(code, truth, scored, negatives, len(names))
    return Curve(
        threshold=_between(falling[last]),
        distinct=falling[last],
        tp=np.concatenate([[0], np.cumsum(true)[last]]),
        fp=unscored + np.concatenate([[0], np.cumsum(~true)[last]]),
        positives=int(np.count_nonzero(truth)),
        negatives=int(np.count_nonzero(~truth)),
        groups=names,
        left_out=left_out,
        rate=steps.worst(ratio, before),
        bound=steps.worst(lambda count, size: wilson(count, size, confidence)[1], before),
    )


def _codes(truth: Flags, groups: NDArray[np.str_] | None, no_group: str | None) -> tuple[list[str], Ints, list[str]]:
    """Number the groups that have negative posts; the posts of no such group get -1."""
    if groups is None:
        return ([ALL] if (~truth).any() else []), np.zeros(len(truth), dtype=np.int64), []
    values, code = np.unique(groups, return_inverse=True)
    sizes = np.bincount(code[~truth], minlength=len(values))
    kept = [at for at, value in enumerate(values) if sizes[at] and value != no_group]
    number = np.full(len(values), -1)
    number[kept] = np.arange(len(kept))
    left_out = [str(value) for at, value in enumerate(values) if not sizes[at] and value != no_group]
    return [str(values[at]) for at in kept], number[code], left_out


@dataclass(frozen=True)
class _Steps:
    """The negative posts of groups in the order in which a falling threshold calls them positive.

    Attributes:
        code: int[n], each post's group, -1 for none.
        truth: bool[n].
        scored: bool[n].
        negatives: int[m], the scored negative posts of groups, by falling score.
        num_groups: how many.
    """

    code: Ints
    truth: Flags
    scored: Flags
    negatives: Ints
    num_groups: int

    def worst(self, figure: Any, before: Ints) -> _Worst:
        """Return the highest figure of any group at each threshold.

        Args:
            figure: false positives and negative posts of groups to their figure; it never falls with false positives.
            before: int[K], how many of the negatives each threshold calls positive.
        """
        if not self.num_groups:
            return _Worst(np.full(len(before), math.nan), np.zeros(len(before), dtype=np.int64))
        mine = ~self.truth & (self.code >= 0)
        size = np.bincount(self.code[mine], minlength=self.num_groups)
        start = np.bincount(self.code[mine & ~self.scored], minlength=self.num_groups)
        code = self.code[self.negatives]
        at_start = figure(start, size)
        values = np.append(at_start.max(), figure(start[code] + _rank_within(code), size[code]))
        highest = np.maximum.accumulate(values)
        is_new = np.append(True, values[1:] > highest[:-1])
        reached = np.maximum.accumulate(np.where(is_new, np.arange(len(values)), 0))
        whose = np.append(at_start.argmax(), code)
        return _Worst(highest[before], whose[reached[before]])


def _rank_within(code: Ints) -> Ints:
    """Return how often each value has stood so far, itself counted."""
    order = np.argsort(code, kind="stable")
    sorted_code = code[order]
    begins = np.flatnonzero(np.append(True, sorted_code[1:] != sorted_code[:-1])) if len(code) else np.zeros(0, int)
    rank = np.empty(len(code), dtype=np.int64)
    lengths = np.diff(np.append(begins, len(code)))
    rank[order] = np.arange(len(code)) - np.repeat(begins, lengths) + 1
    return rank


def _between(distinct: Floats) -> Floats:
    """Return thresholds around falling distinct scores: above the first, between neighbours, and 0."""
    middle = distinct[1:] + (distinct[:-1] - distinct[1:]) / 2
    middle = np.where(middle > distinct[1:], middle, distinct[:-1])  # neighbours without a number between them
    top = (distinct[0] + 1) / 2 if distinct[0] < 1 else math.nextafter(distinct[0], 2)
    return np.concatenate([[max(top, math.nextafter(distinct[0], 2))], middle, [0.0]])


@dataclass(frozen=True)
class Choice:
    """A chosen threshold.

    Attributes:
        at: its index in the curve.
        meets_cap: whether it is within the cap; true where there is none.
        frontier: the indices of the thresholds that no other beats in both, from the strictest to the laxest: each has
            a better goal than all with a lower worst group.
    """

    at: int
    meets_cap: bool
    frontier: list[int]


def choose_threshold(curve: Curve, costs: Costs | None = None, cap: Cap | None = None) -> Choice:
    """Return the threshold with the highest F1, or the lowest cost, among those within a cap.

    Of equals the highest one is taken, which flags the fewest. F1 needs a threshold that flags something: one that
    flags nothing keeps every cap and is of no use. Where none is within the cap, the choice is the one that comes
    nearest, of equals the best.

    Args:
        curve: every threshold.
        costs: minimise these; `None` to maximise F1.
        cap: on the worst group.
    """
    goal = curve.f1.copy() if costs is None else -curve.cost(costs)
    if costs is None:
        goal[0] = -math.inf
    figure = curve.bound.value if cap and cap.decide == "bound" else curve.rate.value
    allowed = np.ones(len(goal), dtype=bool) if cap is None or not curve.groups else figure <= cap.at_most + ROUNDING
    usable = allowed & np.isfinite(goal)
    meets = bool(usable.any())
    if not meets:
        usable = np.isfinite(goal) & (figure <= figure[np.isfinite(goal)].min())
    return Choice(int(np.argmax(np.where(usable, goal, -math.inf))), meets, _frontier(goal, figure))


def _frontier(goal: Floats, figure: Floats) -> list[int]:
    """Return where a goal is higher than at every lower or equal figure; the figures rise."""
    best_before = np.maximum.accumulate(np.append(-math.inf, goal[:-1]))
    found = np.flatnonzero(goal > best_before)
    is_last = np.append(figure[found][1:] > figure[found][:-1], True)  # of those with one figure
    return [int(at) for at in found[is_last]]
