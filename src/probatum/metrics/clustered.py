"""The mean of a number that comes in clusters, such as the loss of a text's tokens by paragraph."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student

from probatum.metrics.classification import Floats
from probatum.metrics.intervals import Interval


def clustered_mean(sums: Sequence[float] | Floats, counts: Sequence[float] | Floats, confidence: float) -> Interval:
    """Return the mean over all items, with an interval that draws whole clusters.

    The ratio estimator Σ sums / Σ counts with its linearised variance m/(m-1) Σ (sum - mean · count)² / (Σ counts)²
    (Cochran 1977, section 6.3 without its correction for finite populations) and Student's t of m - 1 degrees of
    freedom. It lies below about ten clusters, and where one cluster holds most items.

    Args:
        sums: float[m], of each cluster's items.
        counts: float[m], how many items each cluster has; those with none count for nothing.
        confidence: level in (0, 1).

    Returns:
        The mean; undefined without items; of a single cluster with ends of NaN, since nothing says how they vary.
    """
    count = np.asarray(counts, dtype=float)
    total, used = np.asarray(sums, dtype=float)[count > 0], count[count > 0]
    if not len(used):
        return Interval.undefined("there is nothing to take the mean of")
    if not np.isfinite(total).all():
        return Interval.undefined("a value is not finite", int(used.sum()))
    clusters = len(used)
    mean = float(total.sum() / used.sum())
    if clusters == 1:
        return Interval(mean, math.nan, math.nan, int(used.sum()))
    variance = clusters / (clusters - 1) * np.square(total - mean * used).sum() / used.sum() ** 2
    half = float(student.ppf((1 + confidence) / 2, clusters - 1) * math.sqrt(variance))
    return Interval(mean, mean - half, mean + half, int(used.sum()))


def p_of_no_mean(mean: Interval, clusters: int, confidence: float) -> float:
    """Return the two-sided p-value that a mean of `clustered_mean` is 0, by the same Student's t.

    Args:
        mean: with its interval.
        clusters: m, how many it was made of.
        confidence: level of the interval.

    Returns:
        A value in [0, 1]; 1.0 where nothing varies and the mean is 0, NaN where there is no interval.
    """
    if clusters < 2 or math.isnan(mean.low):
        return math.nan
    error = (mean.high - mean.low) / 2 / float(student.ppf((1 + confidence) / 2, clusters - 1))
    if error == 0:
        return 1.0 if mean.value == 0 else 0.0
    return float(2 * student.sf(abs(mean.value) / error, clusters - 1))
