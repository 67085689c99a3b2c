"""The paired permutation test, for any figure that is made of a confusion matrix: exact, or drawn for clusters."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from probatum.metrics.classification import Answers
from probatum.metrics.clusters import Codes
from probatum.metrics.paired import joint_cells, joint_table, margins

SWAPPED = [0, 2, 1, 3, 4, 6, 5, 7]  # a cell's place when the two systems change places
FARTHEST_SD, SMALLEST = 12, 1e-30  # beyond so many standard deviations a binomial holds less than this of its mass


def permutation_p(
    system: Answers,
    other: Answers,
    metric: str,
    *,
    clusters: Codes | None = None,
    draws: int = 10_000,
    seed: int = 0,
) -> float:
    """Return the two-sided p-value that two systems are interchangeable, by the difference of a figure.

    If they are, each post's two answers could as well have been swapped (Yeh 2000, approximate randomisation; here
    exact). Only posts that one of them got right count, and of those only how many of each label stay with the system:
    two independent binomials, whose joint distribution is summed over all swaps at least as far apart as observed.
    For accuracy it is the exact McNemar test. Posts in clusters are swapped in whole clusters, in so many draws.

    Args:
        system: its answers.
        other: the other's about the same posts in the same order.
        metric: a name out of `DEFINITIONS` whose figure changes with right and wrong answers.
        clusters: int[n], posts of one value are one cluster; `None` if every post stands for itself.
        draws: ways to swap that are drawn, for clusters.
        seed: of the draws.

    Returns:
        A value in (0, 1], 1e-30 for any smaller one (of clusters at least 1 / (draws + 1)); 1.0 where the two never
        differ; NaN where the figure is undefined for either.
    """
    if system.confusion().undefined(metric) or other.confusion().undefined(metric):
        return math.nan
    table = joint_table(system, other)
    if clusters is not None and len(np.unique(clusters)) < len(clusters):
        return _drawn(joint_cells(system, other), clusters, metric, draws, seed)
    kept = [_kept(_discordant(table, truth)) for truth in (0, 1)]
    observed = abs(_difference(table, table[0, 1, 0], table[1, 1, 0], metric))
    swapped = np.abs(_difference(table, kept[0][:, None], kept[1][None, :], metric))
    chances = [binom.pmf(counts, _discordant(table, truth), 0.5) for truth, counts in enumerate(kept)]
    as_far = np.nan_to_num(swapped, nan=np.inf) >= observed - 1e-12
    chance = float((chances[0][:, None] * chances[1][None, :])[as_far].sum())
    return min(1.0, max(SMALLEST, chance))


def _drawn(cell: Codes, clusters: Codes, metric: str, draws: int, seed: int) -> float:
    """Return the same with whole clusters swapped; of clusters with the same posts only how many are swapped counts."""
    codes = np.unique(clusters, return_inverse=True)[1]
    tables = np.bincount(8 * codes + cell, minlength=8 * (codes.max() + 1)).reshape(-1, 8)
    patterns, times = np.unique(tables, axis=0, return_counts=True)
    swap = patterns[:, SWAPPED] - patterns  # what a swap does to the counts
    swapped = np.random.default_rng(seed).binomial(times, 0.5, size=(draws, len(times)))
    whole = tables.sum(axis=0)
    reached = np.abs(_change(whole + swapped @ swap, metric))
    as_far = np.nan_to_num(reached, nan=np.inf) >= abs(_change(whole, metric)) - 1e-12
    return float((np.count_nonzero(as_far) + 1) / (draws + 1))


def _change(cells: NDArray[np.int64], metric: str) -> NDArray[np.float64]:
    mine, theirs = margins(cells.reshape(*cells.shape[:-1], 2, 2, 2))
    return np.subtract(mine.value(metric), theirs.value(metric))


def _discordant(table: NDArray[np.int64], truth: int) -> int:
    return int(table[truth, 1, 0] + table[truth, 0, 1])


def _kept(discordant: int) -> NDArray[np.int64]:
    """Return how many of the discordant posts the system may have right, without the tails that hold nothing."""
    reach = FARTHEST_SD * math.sqrt(discordant) / 2
    low, high = math.floor(discordant / 2 - reach), math.ceil(discordant / 2 + reach)
    return np.arange(max(0, low), min(discordant, high) + 1)


def _difference(
    table: NDArray[np.int64], negative: NDArray[np.int64], positive: NDArray[np.int64], metric: str
) -> NDArray[np.float64]:
    """Return the figure's difference with so many discordant posts of each label right with the system."""
    shape = np.broadcast_shapes(np.shape(negative), np.shape(positive))
    swapped = np.broadcast_to(table, (*shape, 2, 2, 2)).copy()
    for truth, kept in enumerate((negative, positive)):
        swapped[..., truth, 1, 0] = kept
        swapped[..., truth, 0, 1] = _discordant(table, truth) - kept
    mine, theirs = margins(swapped)
    return np.subtract(mine.value(metric), theirs.value(metric))
