"""Several tests at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values that may be held against one level together, in the given order (Holm 1979).

    The smallest of m is multiplied by m, the next by m - 1, and so on, never below one before it nor above 1. The
    chance of even one false rejection stays below the level, however the tests depend on each other.

    Args:
        p_values: in [0, 1]; NaN where a test does not exist, which counts as no test.

    Returns:
        As many values; NaN where one was given; none for none.
    """
    given = np.asarray(p_values, dtype=float)
    adjusted = np.full(given.shape, np.nan)
    order = np.argsort(given, kind="stable")[: np.count_nonzero(~np.isnan(given))]  # NaN sorts last
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(given[order] * factors), 1.0)
    return [float(value) for value in adjusted]
