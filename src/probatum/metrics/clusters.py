"""Posts that come in clusters: how much less they tell than as many posts that stand for themselves.

A figure of clustered posts has the interval that it would have on n / D posts, D being the design effect: the variance
of the figure between clusters over the variance that it would have if posts were independent (Kish 1965; used with
Wilson's interval by Korn and Graubard 1998 and by Dean and Pagano 2015). So every method for independent posts serves
clustered ones too, and for clusters of one post each it is that method exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve
from scipy.special import bdtr
from scipy.stats import binom
from scipy.stats import t as student

from probatum.metrics.classification import Floats

Codes = NDArray[np.int64]
Statistic = Callable[[Floats], float]
STEP = 1e-3  # of a post, for derivatives


def design_effect(contribution: Floats, clusters: Codes, confidence: float) -> float:
    """Return how many times more posts it takes than if they were independent.

    D = Σ_c (Σ_{i in c} u_i)² / Σ_i u_i², u_i being what post i adds to the figure's error. For few clusters it is
    multiplied by G (n - 1) / ((G - 1) n) and by (t_{g-1} / t_{n-1})², t at the level of the interval (Korn and Graubard
    1998), where g = n² / Σ_c n_c² is below G if clusters differ in size (Carter, Schnepel and Steigerwald 2017). Where
    the posts do not differ (no error in 30, say) they say nothing about likeness within clusters, and all posts of a
    cluster are taken as one: D = n / g (Kish). Posts less alike than chance are taken as independent.

    Args:
        contribution: float[n], u, adding up to 0; only posts that the figure rests on.
        clusters: int[n], posts of one value are one cluster.
        confidence: level in (0, 1).

    Returns:
        A number from 1, exactly 1 where every post is a cluster and for n = 0; infinite where all posts are one
        cluster, so that nothing says how far clusters differ.
    """
    n = len(contribution)
    _, codes = np.unique(clusters, return_inverse=True)
    sizes = np.bincount(codes)
    number = len(sizes)
    if number == n:
        return 1.0
    if number == 1:
        return math.inf
    alike = n**2 / float(sizes @ sizes)  # clusters of one size that tell as much, if posts of a cluster were all alike
    spread = float(contribution @ contribution)
    if spread == 0:
        return n / alike
    sums = np.bincount(codes, weights=contribution)
    effect = float(sums @ sums) / spread
    tail = (1 + confidence) / 2
    few = float(student.ppf(tail, alike - 1) / student.ppf(tail, n - 1)) ** 2 * number / (number - 1) * (n - 1) / n
    return max(effect * few, 1.0) if math.isfinite(few) else math.inf  # not so where one cluster holds nearly all


def contributions(cell: Codes, table: NDArray[np.int64] | Floats, statistic: Statistic) -> Floats:
    """Return what each post adds to the error of a figure of a table: the derivative of the figure by its cell's count.

    The figure must not change when all counts double, so that the contributions add up to 0 (Euler).

    Args:
        cell: int[n], the posts' cells in the flattened table.
        table: counts of the cells, all 0 or far above a thousandth.
        statistic: the figure of such a table.

    Returns:
        float[n].
    """
    flat = table.ravel().astype(float)
    slope = np.zeros(flat.shape)
    for at in np.flatnonzero(flat):
        up, down = flat.copy(), flat.copy()
        up[at] += STEP
        down[at] -= STEP
        slope[at] = (statistic(up.reshape(table.shape)) - statistic(down.reshape(table.shape))) / (2 * STEP)
    found: Floats = slope[cell]
    return found


def sign_flip_exact(signed: NDArray[np.int64], clusters: Codes | None) -> float:
    """Return the two-sided p-value that which system is which does not matter, each cluster swapped as a whole.

    The sum of the clusters' nets is held against its distribution over all 2^G ways to swap the two systems within
    clusters, each as likely (Fisher's randomisation test). For clusters of one post it is exact McNemar.

    Args:
        signed: int[n], 1 where only the system has the property (say, a right answer), -1 where only the other has it,
            0 where both or neither do.
        clusters: int[n], posts of one value are swapped together; `None` if every post stands for itself.

    Returns:
        A value in (0, 1]; 1.0 where the two never differ or all posts are one cluster.
    """
    if clusters is None:
        nets = signed
    else:
        nets = np.bincount(np.unique(clusters, return_inverse=True)[1], weights=signed).astype(np.int64)
    sizes, times = np.unique(np.abs(nets[nets != 0]), return_counts=True)
    if not len(sizes):
        return 1.0
    if len(sizes) == 1:
        rarer = min(int((nets > 0).sum()), int((nets < 0).sum()))
        return min(2 * float(bdtr(rarer, int(times[0]), 0.5)), 1.0)
    chance = np.ones(1)  # of a sum of 2k - Σ|net|, by k
    for size, number in zip(sizes, times, strict=True):
        steps = np.zeros(size * number + 1)
        steps[::size] = binom.pmf(np.arange(number + 1), number, 0.5)
        chance = fftconvolve(chance, steps) if len(chance) * len(steps) > 1e6 else np.convolve(chance, steps)
    total = int(sizes @ times)
    reached = np.abs(2 * np.arange(total + 1) - total) >= abs(int(nets.sum()))
    return float(min(max(chance[reached].sum(), 0.0), 1.0))
