"""Draws of the bootstrap as weights of cells: as fast for a million posts as for a hundred.

What a post adds to any figure of a confusion matrix depends only on its cell (truth, right with one system, right with
the other). So drawing weights for the cells is drawing weights for the posts, exactly. Posts of one cluster are drawn
together: a cluster matters only through its counts of cells, and all clusters of the same counts are drawn at once.

The weights are those of the Bayesian bootstrap (Rubin 1981): a cluster's is a Gamma(1) draw, so m clusters of the same
counts have a Gamma(m) one. Half a cluster of mean size is added to each cell (Jeffreys), because the plain bootstrap
never draws a cell that happens to be empty: with no discordant post in 30 it claims a difference of exactly 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probatum.metrics.classification import Floats

JEFFREYS = 0.5
NUM_CELLS = 8  # truth, right with the system, right with the other
MOST_AT_ONCE = 10_000_000  # weights held in memory
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Resampling:
    """How posts are drawn.

    Attributes:
        draws: how many draws.
        seed: of the draws; the same posts and seed give the same ones.
        clusters: int[n], posts of one value (a template, a duplicate's text, an author) are drawn together; `None` if
            every post stands for itself.
        strata: int[n], posts of one value (say, of a group) keep their numbers of positive and of negative posts in
            every draw. Right where the posts were collected with these numbers fixed; too sure of itself, of F1 above
            all, where they are a draw too. `None` if nothing is fixed.
    """

    draws: int = 2000
    seed: int = 0
    clusters: Codes | None = None
    strata: Codes | None = None


def table_weights(table: NDArray[np.int64] | Floats, draws: int, seed: int, *, added: float = JEFFREYS) -> Floats:
    """Draw weights for the cells of a table of counts, every post standing for itself and no number fixed.

    Args:
        table: counts, whole or (of clusters, n over the design effect) not.
        draws: how many.
        seed: of the draws; the same table and seed give the same ones.
        added: posts added to each cell.

    Returns:
        float[draws, ...]; each draw adds up to 1.
    """
    weights: Floats = np.random.default_rng(seed).dirichlet(table.ravel() + added, size=draws)
    return weights.reshape(draws, *table.shape)


def joint_weights(cell: Codes, how: Resampling) -> Floats:
    """Draw weights for the cells that posts fall into.

    Args:
        cell: int[n], each post's cell: 4 · truth + 2 · right with the system + right with the other.
        how: draws, seed, clusters and strata.

    Returns:
        float[draws, 2, 2, 2], the posts' weight in each cell. A draw adds up to n, but for clusters of different sizes.

    Raises:
        ValueError: posts of one cluster lie in several strata, so that the strata's numbers cannot be kept.
    """
    rng = np.random.default_rng(how.seed)
    if how.strata is None:
        possible = np.full(NUM_CELLS, JEFFREYS)
        return _drawn(cell, how.clusters, possible, how.draws, rng).reshape(-1, 2, 2, 2)
    truth = cell // 4
    stratum = 2 * np.unique(how.strata, return_inverse=True)[1] + truth
    _refuse_clusters_across(stratum, how.clusters)
    total = np.zeros((how.draws, NUM_CELLS))
    for one in np.unique(stratum):
        mine = stratum == one
        share = mine.sum() / np.count_nonzero(truth == one % 2)  # the strata share half a post a cell among them
        possible = np.where(np.arange(NUM_CELLS) // 4 == one % 2, JEFFREYS * share, 0.0)
        total += _drawn(cell[mine], None if how.clusters is None else how.clusters[mine], possible, how.draws, rng)
    return total.reshape(-1, 2, 2, 2)


def _drawn(cell: Codes, clusters: Codes | None, prior: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Return float[draws, cells] of posts that are drawn among each other, `prior` clusters a cell added."""
    counts, times = _patterns(cell, clusters)
    num_clusters = int(times.sum())
    mean_size = len(cell) / max(num_clusters, 1)
    drawn = np.empty((draws, NUM_CELLS))
    at_once = max(MOST_AT_ONCE // (len(times) + NUM_CELLS), 1)
    for start in range(0, draws, at_once):
        size = min(at_once, draws - start)
        weights = rng.standard_gamma(times, size=(size, len(times)))
        added = rng.standard_gamma(prior, size=(size, NUM_CELLS))
        scale = num_clusters / (weights.sum(axis=1) + added.sum(axis=1))
        drawn[start : start + size] = (weights @ counts + added * mean_size) * scale[:, None]
    return drawn


def _patterns(cell: Codes, clusters: Codes | None) -> tuple[Floats, Floats]:
    """Return the different counts of cells that clusters have, float[p, cells], and how many clusters have each."""
    if clusters is None:
        return np.eye(NUM_CELLS), np.bincount(cell, minlength=NUM_CELLS).astype(float)
    names, codes = np.unique(clusters, return_inverse=True)
    table = np.bincount(NUM_CELLS * codes + cell, minlength=NUM_CELLS * len(names)).reshape(-1, NUM_CELLS)
    counts, times = np.unique(table, axis=0, return_counts=True)
    return counts.astype(float), times.astype(float)


def _refuse_clusters_across(stratum: Codes, clusters: Codes | None) -> None:
    if clusters is None:
        return
    pairs = np.unique(np.stack([clusters, stratum]), axis=1)
    _, times = np.unique(pairs[0], return_counts=True)
    if (times > 1).any():
        raise ValueError(
            f"{np.count_nonzero(times > 1)} clusters hold posts of several strata (label and group), so the numbers of "
            "posts in the strata cannot be kept; draw clusters without strata"
        )
