"""Choosing among systems by their validation scores, and how much of the winner's lead is luck."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probatum.metrics.classification import Flags, Floats
from probatum.metrics.clusters import Codes
from probatum.metrics.threshold import Cap, Choice, Costs, Curve, choose_threshold, measure_thresholds


@dataclass(frozen=True)
class Aim:
    """What systems are compared by: the goal that each reaches at its own threshold, under the cap.

    Attributes:
        costs: minimise these; `None` to maximise F1.
        cap: on the worst group; `None` for no cap.
        threshold: a threshold fixed beforehand; `None` to choose one for each system.
        confidence: level of the cap's bound, in (0, 1).
        no_group: the value that stands for no group.
    """

    costs: Costs | None = None
    cap: Cap | None = None
    threshold: float | None = None
    confidence: float = 0.95
    no_group: str | None = None

    def reach(self, truth: Flags, score: Floats, groups: NDArray[np.str_] | None) -> tuple[float, float]:
        """Return how well a system does on posts, and the threshold at which it does.

        Higher is better: F1, or minus the cost. A system that keeps the cap at no threshold is worse than any that
        does, by how far it is off.

        Raises:
            ValueError: no post has a score, or none is positive.
        """
        curve = measure_thresholds(truth, score, groups, self.confidence, self.no_group)
        if self.threshold is None:
            choice = choose_threshold(curve, self.costs, self.cap)
            return self._value(curve, choice), float(curve.threshold[choice.at])
        return self._goal(curve, curve.at(self.threshold)), self.threshold

    def _goal(self, curve: Curve, at: int) -> float:
        return float(curve.f1[at]) if self.costs is None else -float(curve.cost(self.costs)[at])

    def _value(self, curve: Curve, choice: Choice) -> float:
        if choice.meets_cap or self.cap is None:
            return self._goal(curve, choice.at)
        figure = curve.bound.value if self.cap.decide == "bound" else curve.rate.value
        worst_goal = 0.0 if self.costs is None else -max(self.costs.false_positive, self.costs.false_negative)
        return worst_goal - (float(figure[choice.at]) - self.cap.at_most)

    def at(self, truth: Flags, score: Floats, threshold: float) -> float:
        """Return the goal at a threshold: F1, or minus the cost; NaN for F1 without positive posts."""
        called = score >= threshold
        wrong = ~truth & (called | np.isnan(score))
        tp, fp, fn = (int(np.count_nonzero(mask)) for mask in (truth & called, wrong, truth & ~called))
        if self.costs is not None:
            return -(self.costs.false_positive * fp + self.costs.false_negative * fn) / len(truth)
        return 2 * tp / (2 * tp + fp + fn) if truth.any() else math.nan


@dataclass(frozen=True)
class Selection:
    """The best of several systems, and what its figure is worth.

    Attributes:
        winner: its index; of equals the first.
        found: how well it does on the posts that chose it, which is too good.
        corrected: how well what is chosen so does on posts that did not choose it.
        low: lower end of 95 % of the draws.
        high: upper end.
        share: float[systems], in what share of the draws each was chosen.
        draws: draws that could be used.
    """

    winner: int
    found: float
    corrected: float
    low: float
    high: float
    share: list[float]
    draws: int


def select(
    truth: Flags,
    scores: Sequence[Floats],
    groups: NDArray[np.str_] | None,
    aim: Aim,
    *,
    clusters: Codes | None = None,
    draws: int = 500,
    seed: int = 0,
) -> Selection:
    """Choose the best of several systems, and correct its figure for having been chosen.

    Bootstrap bias correction (Tsamardinos, Greasidou and Borboudakis 2018, algorithm 3, BBC): each draw resamples the
    posts, chooses system and threshold on them, and measures the choice on the posts left out (a share of about e⁻¹).
    What was selected with is never measured on, so the mean is not raised by the number of systems; it is a little low,
    as each draw chooses on fewer different posts.

    Args:
        truth: bool[n], the true label is the positive one.
        scores: float[n] of each system.
        groups: str[n], for the cap; `None` for all posts as one.
        aim: what counts.
        clusters: int[n], posts of one value are drawn and left out together; `None` if every post stands for itself.
        draws: of the bootstrap.
        seed: of the draws.

    Returns:
        The selection; the correction is NaN where no draw has a positive post on both sides.

    Raises:
        ValueError: no systems, no positive post, or a system without any score.
    """
    if not scores:
        raise ValueError("there is nothing to choose from")
    values = [aim.reach(truth, score, groups)[0] for score in scores]
    members = _members(np.arange(len(truth)) if clusters is None else clusters)
    random = np.random.default_rng(seed)
    chosen, measured = np.zeros(len(scores), dtype=int), []
    for _ in range(draws):
        drawn = np.concatenate([members[at] for at in random.integers(0, len(members), len(members))])
        left = np.ones(len(truth), dtype=bool)
        left[drawn] = False
        if not truth[drawn].any() or not truth[left].any():
            continue
        tries = [aim.reach(truth[drawn], score[drawn], None if groups is None else groups[drawn]) for score in scores]
        best = max(range(len(tries)), key=lambda at: tries[at][0])
        chosen[best] += 1
        measured.append(aim.at(truth[left], scores[best][left], tries[best][1]))
    winner = int(np.argmax(values))
    if not measured:
        return Selection(winner, values[winner], math.nan, math.nan, math.nan, [math.nan] * len(scores), 0)
    low, high = np.quantile(measured, [0.025, 0.975])
    share = (chosen / len(measured)).tolist()
    return Selection(winner, values[winner], float(np.mean(measured)), float(low), float(high), share, len(measured))


def _members(clusters: Codes) -> list[Codes]:
    """Return the places of each cluster's posts, clusters in the order of their codes."""
    order = np.argsort(clusters, kind="stable")
    starts = np.flatnonzero(np.diff(clusters[order], prepend=clusters[order][0] - 1))
    return np.split(order, starts[1:])
