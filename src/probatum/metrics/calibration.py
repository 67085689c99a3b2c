"""Whether scores are the probabilities that they claim to be.

A post without a score counts as wrong as a score can be: 0 on a positive post, 1 on a negative one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from probatum.metrics.classification import NO_POSTS, Flags, Floats, ratio
from probatum.metrics.clustered import clustered_mean
from probatum.metrics.clusters import Codes, design_effect
from probatum.metrics.figure import Figure
from probatum.metrics.intervals import Interval, on_fewer, wilson
from probatum.metrics.ranking import NO_SCORES

BINS = 15  # as in Guo et al. (2017)
CHANCE_DRAWS = 1000
ROUNDING = 1e-5  # a softmax in float32 may end above 1


@dataclass(frozen=True)
class ReliabilityBin:
    """The posts whose score lies in one bin.

    Attributes:
        low: lower edge; the post at the edge belongs to the bin above.
        high: upper edge; 1 belongs to the last bin.
        n: posts.
        score: their mean score; NaN without posts.
        positive: share whose true label is the positive one, with Wilson's interval.
    """

    low: float
    high: float
    n: int
    score: float
    positive: Interval


@dataclass(frozen=True)
class Calibration:
    """How far scores are from the shares of positive posts that they promise.

    Attributes:
        ece: expected calibration error.
        ece_by_chance: what 95 of 100 perfectly calibrated systems with these scores would stay below on as many posts;
            an ECE below it is no evidence of miscalibration.
        bins: the reliability diagram, from low scores to high ones.
    """

    ece: Figure
    ece_by_chance: Figure
    bins: list[ReliabilityBin]


def brier(truth: Flags, score: Floats, confidence: float, clusters: Codes | None = None) -> Interval:
    """Return the mean squared distance of the score from the label, 1 for positive and 0 for others (Brier 1950).

    Args:
        truth: bool[n], the true label is the positive one.
        score: float[n] in [0, 1]; NaN where the system gave none.
        confidence: level in (0, 1).
        clusters: int[n], posts of one value are one cluster; `None` if every post stands for itself.

    Returns:
        A value in [0, 1], 0 being best, with Student's t interval of a mean (`clustered_mean`); the interval is 0 to 1
        for n = 1 and for a single cluster, and the value is undefined for n = 0 or without scores.

    Raises:
        ValueError: a score is no probability.
    """
    if reason := _undefined(score):
        return Interval.undefined(reason)
    loss = (_scored_wrong(truth, score) - truth) ** 2
    codes = np.arange(len(loss)) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    sums = np.asarray(np.bincount(codes, weights=loss), dtype=float)
    mean = clustered_mean(sums, np.asarray(np.bincount(codes), dtype=float), confidence)
    if math.isnan(mean.low):
        return replace(mean, low=0.0, high=1.0)
    return replace(mean, low=max(mean.low, 0.0), high=min(mean.high, 1.0))


def calibration(
    truth: Flags,
    score: Floats,
    confidence: float,
    *,
    clusters: Codes | None = None,
    bins: int = BINS,
    seed: int = 0,
) -> Calibration:
    """Return the expected calibration error and the reliability diagram behind it.

    ECE = Σ_b (n_b / n) |share of positive posts in b - mean score in b|, bins of equal width over the score of the
    positive label (Naeini, Cooper and Hauskrecht 2015). It is never negative, so a perfect system on few posts does not
    reach 0: what chance alone gives is drawn too (consistency resampling, Bröcker and Smith 2007, by bin).

    Args:
        truth: bool[n], the true label is the positive one.
        score: float[n] in [0, 1]; NaN where the system gave none.
        confidence: level of the bins' intervals, in (0, 1).
        clusters: int[n], posts of one value are one cluster, and each bin tells as much as so many fewer posts
            (`design_effect`); `None` if every post stands for itself.
        bins: how many.
        seed: of what chance gives.

    Returns:
        The error with its bins; undefined, without bins, for n = 0 or without scores.

    Raises:
        ValueError: a score is no probability.
    """
    if reason := _undefined(score):
        return Calibration(Figure.undefined(reason), Figure.undefined(reason), [])
    filled = _scored_wrong(truth, score)
    edges = np.linspace(0, 1, bins + 1)
    code = np.clip(np.searchsorted(edges, filled, "right") - 1, 0, bins - 1)
    n = np.bincount(code, minlength=bins)
    positives = np.bincount(code[truth], minlength=bins)
    mean = ratio(np.bincount(code, weights=filled, minlength=bins), n)
    promised = np.where(n > 0, np.clip(mean, 0, 1), 0.0)
    share = ratio(positives, n)
    effect = _effects(truth, share, code, clusters, confidence)
    told = np.maximum(np.round(n / effect), n > 0).astype(int)  # independent posts that tell as much
    drawn = np.random.default_rng(seed).binomial(told, promised, size=(CHANCE_DRAWS, bins))
    by_chance = float(np.quantile(_error(n, drawn / np.maximum(told, 1), promised), 0.95))
    shares = [_share(float(share[b]), int(n[b]), float(effect[b]), confidence) for b in range(bins)]
    return Calibration(
        Figure(float(_error(n, np.where(n > 0, share, 0.0), promised))),
        Figure(by_chance),
        [
            ReliabilityBin(float(edges[b]), float(edges[b + 1]), int(n[b]), float(mean[b]), shares[b])
            for b in range(bins)
        ],
    )


def _effects(truth: Flags, share: Floats, code: Codes, clusters: Codes | None, confidence: float) -> Floats:
    """Return the design effect of clusters on each bin's share of positive posts."""
    if clusters is None:
        return np.ones(len(share))
    bins = [code == b for b in range(len(share))]
    return np.array([design_effect(truth[b] - share[at], clusters[b], confidence) for at, b in enumerate(bins)])


def _error(n: np.ndarray, share: np.ndarray, promised: np.ndarray) -> np.ndarray:
    error: np.ndarray = (n * np.abs(share - promised)).sum(axis=-1) / n.sum()
    return error


def _share(share: float, n: int, effect: float, confidence: float) -> Interval:
    if n == 0:
        return Interval.undefined(NO_POSTS)
    return on_fewer(share, n, effect, lambda: wilson(share * n / effect, n / effect, confidence))


def _undefined(score: Floats) -> str | None:
    if not len(score):
        return NO_POSTS
    if np.isnan(score).all():
        return NO_SCORES
    if np.nanmin(score) < -ROUNDING or np.nanmax(score) > 1 + ROUNDING:
        raise ValueError(f"a score must be a probability; found {np.nanmin(score):g} to {np.nanmax(score):g}")
    return None


def _scored_wrong(truth: Flags, score: Floats) -> Floats:
    filled: Floats = np.where(np.isnan(score), ~truth, np.clip(score, 0, 1))
    return filled
