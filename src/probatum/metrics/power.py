"""How many posts would settle what these posts leave open."""

from __future__ import annotations

import math

from probatum.metrics.intervals import Interval, critical_value

AT_THE_LIMIT = 1e-6  # nearer than this, no number of posts that anybody has tells them apart


def posts_to_settle(interval: Interval, limit: float, n: int) -> int | None:
    """Return how many posts would bring the bound to the limit, were the point to stay where it is.

    The width of an interval shrinks with 1/√n, so n · ((bound - value) / (limit - value))², with the bound on the
    limit's side. It is a guide for planning, not a promise: the point will move.

    Args:
        interval: the estimate; the limit lies inside it.
        limit: the value to clear.
        n: posts that the interval rests on.

    Returns:
        A number of posts in all, at least n + 1; `None` if no number helps: the point is exactly at the limit or
        undefined, or n is 0.
    """
    margin = limit - interval.value
    if not interval.defined or abs(margin) < AT_THE_LIMIT or n == 0:
        return None
    bound = interval.high if margin > 0 else interval.low
    widths = (bound - interval.value) / margin
    return max(math.ceil(n * widths**2 - 1e-9 * n), n + 1)


def trials_to_settle(proportion: float, limit: float, confidence: float) -> int | None:
    """Return how many trials bring the bound of Wilson's interval to the limit, were the proportion to stay.

    Wilson's interval holds every p0 with |p - p0| <= z √(p0 (1 - p0) / n), so n = z² p0 (1 - p0) / (p - p0)² exactly.

    Args:
        proportion: the observed proportion in [0, 1].
        limit: p0 in [0, 1].
        confidence: level in (0, 1).

    Returns:
        A number of trials, at least 1; `None` if no number helps: the proportion is exactly at the limit, or NaN.
    """
    if math.isnan(proportion) or abs(proportion - limit) < AT_THE_LIMIT:
        return None
    needed = critical_value(confidence) ** 2 * limit * (1 - limit) / (proportion - limit) ** 2
    return max(math.ceil(needed), 1)
