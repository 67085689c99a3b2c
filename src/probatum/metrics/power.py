"""How many posts would settle what these posts leave open, and what a number of posts can show.

Every number of posts here settles the matter with the probability `POWER`, were the truth what the posts at hand say.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri
from scipy.stats import beta

from probatum.metrics.intervals import Interval, critical_value, wilson

POWER = 0.8  # Cohen (1988): the usual chance of seeing what is there
AT_THE_LIMIT = 1e-6  # nearer than this, no number of posts that anybody has tells them apart


def half_width_for_power(confidence: float) -> float:
    """Return z_{1-α/2} + z_power: how many standard errors the truth must be from the limit (2.80 at 0.95)."""
    return critical_value(confidence) + float(ndtri(POWER))


def posts_to_settle(interval: Interval, limit: float, n: int, confidence: float) -> int | None:
    """Return how many posts bring the bound to the limit in `POWER` of all studies, were the truth the point.

    The standard error is (bound - value) / z, with the bound on the limit's side, and shrinks with 1/√n:
    n ((z + z_power) / z · (bound - value) / (limit - value))². It is a guide for planning: the truth is not the point.

    Args:
        interval: the estimate; the limit lies inside it.
        limit: the value to clear.
        n: posts that the interval rests on.
        confidence: level of the interval, in (0, 1).

    Returns:
        A number of posts in all, at least n + 1; `None` if no number helps: the point is exactly at the limit or
        undefined, or n is 0.
    """
    margin = limit - interval.value
    if not interval.defined or abs(margin) < AT_THE_LIMIT or n == 0:
        return None
    bound = interval.high if margin > 0 else interval.low
    widths = half_width_for_power(confidence) / critical_value(confidence) * (bound - interval.value) / margin
    return _rounded_up(n * widths**2, n)


def posts_to_show(interval: Interval, least: float, n: int, confidence: float) -> int | None:
    """Return how many posts show a gain above 0 whose point is at least `least`, in `POWER` of all studies.

    Args:
        interval: the gain, its point at or above `least`; 0 lies inside it.
        least: smallest point that passes, at least 0.
        n: posts that the interval rests on.
        confidence: level of the interval, in (0, 1).

    Returns:
        A number of posts in all, at least n + 1; `None` if no number helps: the point is exactly at the limit.
    """
    above_0 = posts_to_settle(interval, 0.0, n, confidence)
    if least <= 0 or above_0 is None:
        return above_0
    if interval.value - least < AT_THE_LIMIT:
        return None
    error = (interval.value - interval.low) / critical_value(confidence)
    return max(above_0, _rounded_up(n * (ndtri(POWER) * error / (interval.value - least)) ** 2, n))


def trials_to_settle(proportion: float, limit: float, confidence: float) -> int | None:
    """Return how many trials bring the bound of Wilson's interval to the limit, in `POWER` of all studies.

    Wilson's interval holds every p0 with |p - p0| <= z √(p0 (1 - p0) / n), and the observed proportion varies by
    √(p (1 - p) / n), so n = ((z √(p0 (1 - p0)) + z_power √(p (1 - p))) / (p - p0))² (Fleiss, Levin and
    Paik 2003, chapter 2).

    Args:
        proportion: the observed proportion p in [0, 1], taken as the truth.
        limit: p0 in [0, 1].
        confidence: level in (0, 1).

    Returns:
        A number of trials, at least 1; `None` if no number helps: the proportion is exactly at the limit, or NaN.
    """
    if math.isnan(proportion) or abs(proportion - limit) < AT_THE_LIMIT:
        return None
    spread = critical_value(confidence) * math.sqrt(limit * (1 - limit))
    spread += float(ndtri(POWER)) * math.sqrt(proportion * (1 - proportion))
    return max(math.ceil((spread / (proportion - limit)) ** 2), 1)


def showable_rate(limit: float, trials: int, confidence: float, *, at_most: bool) -> float:
    """Return the true rate nearest to the limit that is shown to hold in `POWER` of all studies.

    With k the most hits whose Wilson bound still clears the limit, the rate with P(at most k hits of n) = `POWER`, by
    the beta distribution (Clopper and Pearson 1934).

    Args:
        limit: the bound must clear it.
        trials: n.
        confidence: level in (0, 1).
        at_most: whether the rate must be below the limit, or above.

    Returns:
        A rate in [0, 1]; NaN where not even n right answers out of n show it.
    """
    if not at_most:
        return 1 - showable_rate(1 - limit, trials, confidence, at_most=True)
    hits = np.arange(trials + 1)
    cleared = hits[wilson(hits, trials, confidence)[1] <= limit] if trials else hits[:0]
    if not len(cleared):
        return math.nan
    most = int(cleared.max())
    return float(beta.ppf(1 - POWER, most + 1, trials - most)) if most < trials else 1.0


def _rounded_up(posts: float, n: int) -> int:
    return max(math.ceil(posts - 1e-9 * n), n + 1)
