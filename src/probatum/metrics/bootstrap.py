"""Draws of the bootstrap as weights of cells: as fast for a million posts as for a hundred.

What a post adds to any figure of a confusion matrix depends only on its cell (truth, right with one system, right with
the other). So drawing weights for the cells is drawing weights for the posts, exactly. The weights are those of the
Bayesian bootstrap (Rubin 1981), with a part of a post added to each cell, because the plain bootstrap never draws a
cell that happens to be empty: with no discordant post in 30 it claims a difference of exactly 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from probatum.metrics.classification import Floats

JEFFREYS = 0.5


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
