"""How well scores put positive posts above negative ones, whatever the threshold.

A post without a score is ranked wrong, below all others if it is positive and above them if not, as an unparsed answer
is counted wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probatum.metrics.classification import NO_NEGATIVES, NO_POSITIVES, NO_POSTS, Flags, Floats
from probatum.metrics.figure import Figure
from probatum.metrics.intervals import Interval, auroc_interval

NO_SCORES = "the system gave no scores"
POWER = -5.0  # Borkan et al. (2019): nearer to the worst group than to the mean, yet every group counts


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


def undefined_ranking(truth: Flags, score: Floats) -> str | None:
    """Say why scores cannot be ranked: no posts, one class only, or no score at all; `None` where they can."""
    if not len(truth):
        return NO_POSTS
    if truth.all() or not truth.any():
        return NO_NEGATIVES if truth.all() else NO_POSITIVES
    return NO_SCORES if np.isnan(score).all() else None


def auroc(truth: Flags, score: Floats) -> Figure:
    """Return the probability that a positive post scores above a negative one, ties counting half.

    The Mann-Whitney U statistic over the number of pairs (Hanley and McNeil 1982).

    Args:
        truth: bool[n], the true label is the positive one.
        score: float[n], higher for the positive label; NaN where the system gave none.

    Returns:
        A value in [0, 1]; undefined if there is only one class or no score at all (so for n = 0 and n = 1).
    """
    if reason := undefined_ranking(truth, score):
        return Figure.undefined(reason)
    ranked = ranked_wrong(truth, score)
    positive, negative = np.sort(ranked[truth]), ranked[~truth]
    return Figure(_wins(positive, negative) / (len(positive) * len(negative)))


def auprc(truth: Flags, score: Floats) -> Figure:
    """Return the area under the precision-recall curve as average precision.

    Σ (R_k - R_(k-1)) P_k over the distinct scores from the highest down, with no interpolation, which would flatter
    (Davis and Goadrich 2006). A ranking by chance gives the share of positive posts, so that it compares systems on the
    same posts only.

    Args:
        truth: bool[n], the true label is the positive one.
        score: float[n], higher for the positive label; NaN where the system gave none.

    Returns:
        A value in (0, 1]; tied scores are one step; undefined as `auroc` is.
    """
    if reason := undefined_ranking(truth, score):
        return Figure.undefined(reason)
    ranked = ranked_wrong(truth, score)
    order = np.argsort(-ranked, kind="stable")
    ordered = ranked[order]
    last_of_score = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(order) - 1)
    found = np.cumsum(truth[order])[last_of_score]
    precision = found / (last_of_score + 1)
    return Figure(float(np.sum(np.diff(found, prepend=0) * precision) / found[-1]))


def bias_areas(
    values: NDArray[np.str_], truth: Flags, score: Floats, confidence: float, groups: list[str]
) -> list[BiasAreas]:
    """Return subgroup, BPSN and BNSP AUC of each group (Borkan et al. 2019, section 3).

    With D⁺ and D⁻ the positive and negative posts and g the group: AUC(D⁻_g + D⁺_g), AUC(D⁺ without g + D⁻_g) and
    AUC(D⁻ without g + D⁺_g). All come from one sorting of each class, so that many groups cost no more than one.

    Args:
        values: str[n], each post's group.
        truth: bool[n], the true label is the positive one.
        score: float[n], higher for the positive label; NaN where the system gave none.
        confidence: level of the intervals, in (0, 1).
        groups: the groups to look at; other posts are background only.

    Returns:
        One for each group; undefined, with the reason, where a class has no posts.
    """
    if not len(truth) or np.isnan(score).all():
        missing = Interval.undefined(NO_SCORES if len(truth) else NO_POSTS)
        return [BiasAreas(group, missing, missing, missing) for group in groups]
    ranked = ranked_wrong(truth, score)
    by_class = np.sort(ranked[truth]), np.sort(ranked[~truth])
    parts = {group: (ranked[(values == group) & truth], ranked[(values == group) & ~truth]) for group in groups}
    return [_bias_areas(group, by_class, mine, confidence) for group, mine in parts.items()]


def _bias_areas(
    group: str, by_class: tuple[Floats, Floats], mine: tuple[Floats, Floats], confidence: float
) -> BiasAreas:
    (positive, negative), (my_positive, my_negative) = by_class, (np.sort(part) for part in mine)
    inside = _wins(my_positive, my_negative)
    above_mine = _wins(positive, my_negative) - inside
    mine_above = len(my_positive) * len(negative) - _wins(negative, my_positive) - inside
    other_positives, other_negatives = len(positive) - len(my_positive), len(negative) - len(my_negative)

    def area(wins: float, positives: int, negatives: int) -> Interval:
        if not positives or not negatives:
            return Interval.undefined(NO_NEGATIVES if positives else NO_POSITIVES)
        return auroc_interval(Figure(wins / (positives * negatives)), positives, negatives, confidence)

    return BiasAreas(
        group,
        subgroup=area(inside, len(my_positive), len(my_negative)),
        bpsn=area(above_mine, other_positives, len(my_negative)),
        bnsp=area(mine_above, len(my_positive), other_negatives),
    )


def power_mean(values: list[float], power: float = POWER) -> Figure:
    """Return the generalised mean (Σ xᵢᵖ / N)^(1/p) of the groups' areas (Borkan et al. 2019, section 3.3).

    Args:
        values: areas in [0, 1]; NaN ones are left out.
        power: p, not 0; below 1 it leans towards the smallest.

    Returns:
        A value between the smallest and the largest; 0 if one is 0 and p is negative (the limit); undefined without
        values.
    """
    kept = np.array([value for value in values if not np.isnan(value)])
    if not len(kept):
        return Figure.undefined("no group has a value")
    if power < 0 and (kept == 0).any():
        return Figure(0.0)
    return Figure(float(np.mean(kept**power) ** (1 / power)))


def ranked_wrong(truth: Flags, score: Floats) -> Floats:
    """Return the scores, with a missing one below all others for a positive post and above them for a negative one."""
    ranked: Floats = np.where(np.isnan(score), np.where(truth, -np.inf, np.inf), score)
    return ranked


def _wins(high: Floats, low: Floats) -> float:
    """Count pairs in which the score of sorted `high` is above that of `low`, ties as half."""
    below_or_half = np.searchsorted(high, low, "left") + np.searchsorted(high, low, "right")
    return float(len(high) * len(low) - below_or_half.sum() / 2)
