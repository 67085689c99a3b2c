"""How well scores put positive posts above negative ones, whatever the threshold.

A post without a score is ranked wrong, below all others if it is positive and above them if not, as an unparsed answer
is counted wrong.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from probatum.metrics.classification import NO_NEGATIVES, NO_POSITIVES, NO_POSTS, Flags, Floats
from probatum.metrics.figure import Figure

NO_SCORES = "the system gave no scores"
POWER = -5.0  # Borkan et al. (2019): nearer to the worst group than to the mean, yet every group counts


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
    _, called, hits = cuts(truth, score)
    return Figure(float(np.sum(np.diff(hits, prepend=0) * hits / called) / hits[-1]))


def cuts(truth: Flags, score: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return what lies at or above each of k distinct scores, from the highest down; a missing score is ranked wrong.

    Returns:
        int[n], each post's place among the distinct scores; int[k], posts at or above each; int[k], positive ones.
    """
    ranked = ranked_wrong(truth, score)
    order = np.argsort(-ranked, kind="stable")
    ordered = ranked[order]
    last_of_score = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(order) - 1)
    step = np.empty(len(order), dtype=np.int64)
    step[order] = np.repeat(np.arange(len(last_of_score)), np.diff(last_of_score, prepend=-1))
    return step, last_of_score + 1, np.cumsum(truth[order])[last_of_score]


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
