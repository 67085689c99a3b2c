"""Areas under curves with their intervals, from scores: posts on their own or in clusters.

In clusters an area has the interval that it has on n / D posts (`clusters.design_effect`), D by what each post adds to
the area's error: to AUROC its place among the other class (DeLong, DeLong and Clarke-Pearson 1988; of clusters
Obuchowski 1997), to average precision its derivative by the post's weight.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit

from probatum.metrics.classification import NO_POSTS, Flags, Floats
from probatum.metrics.clusters import Codes, design_effect
from probatum.metrics.figure import Figure
from probatum.metrics.intervals import Interval, critical_value, on_fewer
from probatum.metrics.ranking import NO_SCORES, auprc, auroc, cuts, ranked_wrong

ALL_TIED = "every score is the same: a tie by construction"


@dataclass(frozen=True)
class BiasAreas:
    """How well one system ranks posts about one group, alone and against all other posts (Borkan et al. 2019).

    Attributes:
        value: the group.
        subgroup: AUROC on the group's posts alone; low where the two classes of the group are mixed up.
        bpsn: AUROC of other groups' positive posts (background positive) against the group's negative ones (subgroup
            negative); low where harmless posts about the group score like hate about others.
        bnsp: AUROC of the group's positive posts against other groups' negative ones; low where hate about the group
            scores like harmless posts about others.
    """

    value: str
    subgroup: Interval
    bpsn: Interval
    bnsp: Interval


@dataclass(frozen=True)
class _Kind:
    """An area: its figure, what each post adds to its error, and the ends of its interval given both classes' sizes."""

    figure: Callable[[Flags, Floats], Figure]
    added: Callable[[Flags, Floats], Floats]
    ends: Callable[[float, float, float, float], tuple[float, float]]


def auroc_interval(truth: Flags, score: Floats, confidence: float, clusters: Codes | None = None) -> Interval:
    """Return `ranking.auroc` with its interval (`auroc_ends`).

    Args:
        truth: bool[n], the true label is the positive one.
        score: float[n], higher for the positive label; NaN where the system gave none.
        confidence: level in (0, 1).
        clusters: int[n], posts of one value are one cluster; `None` if every post stands for itself.

    Returns:
        The area with its interval; undefined where the area is. Where every score is the same, 0.5 without ends: it
        is a tie by construction, and nothing was drawn that could vary.
    """
    found = _interval(_Kind(auroc, _added_to_auroc, auroc_ends), truth, score, confidence, clusters)
    return found.without_ends(ALL_TIED) if found.defined and (score == score[0]).all() else found


def auprc_interval(truth: Flags, score: Floats, confidence: float, clusters: Codes | None = None) -> Interval:
    """Return `ranking.auprc` with its interval (`auprc_ends`); arguments and result as for `auroc_interval`."""
    return _interval(_Kind(auprc, _added_to_auprc, auprc_ends), truth, score, confidence, clusters)


def _interval(kind: _Kind, truth: Flags, score: Floats, confidence: float, clusters: Codes | None) -> Interval:
    found = kind.figure(truth, score)
    if found.reason:
        return Interval.undefined(found.reason)
    effect = 1.0 if clusters is None else design_effect(kind.added(truth, score), clusters, confidence)
    positives = int(np.count_nonzero(truth))
    sizes = positives / effect, (len(truth) - positives) / effect
    return on_fewer(found.value, len(truth), effect, lambda: kind.ends(found.value, *sizes, confidence))


def _added_to_auroc(truth: Flags, score: Floats) -> Floats:
    """Return float[n], how far the share of the other class that a post is on the right side of lies from the area."""
    ranked = ranked_wrong(truth, score)
    positive, negative = np.sort(ranked[truth]), np.sort(ranked[~truth])
    below = (np.searchsorted(negative, ranked, "left") + np.searchsorted(negative, ranked, "right")) / 2
    above = len(positive) - (np.searchsorted(positive, ranked, "left") + np.searchsorted(positive, ranked, "right")) / 2
    right = np.where(truth, below / len(negative), above / len(positive))
    added: Floats = (right - right[truth].mean()) / np.where(truth, len(positive), len(negative))
    return added


def _added_to_auprc(truth: Flags, score: Floats) -> Floats:
    """Return float[n], the derivative of average precision by each post's weight.

    With P the precision at a post's score, N the posts at or above it and m positive posts, a post adds
    (P - A) / m if it is positive, and moves the precision at each positive post at or below it by (label - P) / N.
    """
    step, called, hits = cuts(truth, score)
    found = np.diff(hits, prepend=0)  # positive posts at each distinct score
    precision, positives = hits / called, hits[-1]
    area = float((found * precision).sum() / positives)
    per_hit = np.cumsum((found / called)[::-1])[::-1]  # sums over all scores from here down
    per_post = np.cumsum((found * precision / called)[::-1])[::-1]
    added: Floats = (truth * (precision[step] - area + per_hit[step]) - per_post[step]) / positives
    return added


def auroc_ends(area: float, positives: float, negatives: float, confidence: float) -> tuple[float, float]:
    """Return the ends of the interval of an area under the ROC curve.

    The areas θ whose standard error puts the estimate within z of them, with Hanley and McNeil's variance
    V(θ) = θ(1-θ) (1 + N(1-θ)/(2-θ) + Nθ/(1+θ)) / (m·n), N = (m+n)/2 - 1: method 5 of Newcombe (2006), which stays
    sensible for areas of 0 and 1.

    Args:
        area: the estimate in [0, 1].
        positives: m, positive posts (over the design effect).
        negatives: n, the same of negative ones.
        confidence: level in (0, 1).
    """
    z, spread = critical_value(confidence), max((positives + negatives) / 2 - 1, 0.0)

    def excess(theta: float) -> float:
        shape = 1 + spread * (1 - theta) / (2 - theta) + spread * theta / (1 + theta)
        return abs(theta - area) - z * math.sqrt(theta * (1 - theta) * shape / (positives * negatives))

    edge = 1e-9
    low = brentq(excess, 0.0, min(area, 1 - edge)) if area > 0 else 0.0
    high = brentq(excess, max(area, edge), 1.0) if area < 1 else 1.0
    return float(low), float(high)


def auprc_ends(area: float, positives: float, negatives: float, confidence: float) -> tuple[float, float]:
    """Return the ends of the interval of an area under the precision-recall curve.

    logit⁻¹(logit A ± z / √(m A (1 - A))): the logit interval that Boyd, Eng and Page (2013) recommend; the negative
    posts play no part. Areas of 1 are taken as half a positive post short of it.

    Args:
        area: A, the estimate in (0, 1].
        positives: m, positive posts (over the design effect).
        negatives: the same of negative ones.
        confidence: level in (0, 1).
    """
    inner = min(area, 1 - 0.5 / (positives + 1))
    half = critical_value(confidence) / math.sqrt(positives * inner * (1 - inner))
    return float(expit(logit(inner) - half)), float(expit(logit(inner) + half))


def bias_areas(
    values: NDArray[np.str_],
    truth: Flags,
    score: Floats,
    confidence: float,
    groups: list[str],
    *,
    clusters: Codes | None = None,
) -> list[BiasAreas]:
    """Return subgroup, BPSN and BNSP AUC of each group (Borkan et al. 2019, section 3).

    With D⁺ and D⁻ the positive and negative posts and g the group: AUC(D⁻_g + D⁺_g), AUC(D⁺ without g + D⁻_g) and
    AUC(D⁻ without g + D⁺_g).

    Args:
        values: str[n], each post's group.
        truth: bool[n], the true label is the positive one.
        score: float[n], higher for the positive label; NaN where the system gave none.
        confidence: level of the intervals, in (0, 1).
        groups: the groups to look at; other posts are background only.
        clusters: int[n], posts of one value are one cluster; `None` if every post stands for itself.

    Returns:
        One for each group; undefined, with the reason, where a class has no posts.
    """
    if not len(truth) or np.isnan(score).all():
        missing = Interval.undefined(NO_SCORES if len(truth) else NO_POSTS)
        return [BiasAreas(group, missing, missing, missing) for group in groups]
    order = np.argsort(ranked_wrong(truth, score), kind="stable")  # once: what is sorted is soon sorted again
    values, truth, ranked = values[order], truth[order], ranked_wrong(truth, score)[order]
    codes = None if clusters is None else clusters[order]

    def area(mask: Flags) -> Interval:
        return auroc_interval(truth[mask], ranked[mask], confidence, None if codes is None else codes[mask])

    inside = {group: values == group for group in groups}
    return [BiasAreas(group, area(mine), area(mine ^ truth), area(mine == truth)) for group, mine in inside.items()]
