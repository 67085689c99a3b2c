"""What a number of posts can show of a change between two systems, before either has answered.

A paired comparison hangs on how often two systems differ, which nobody knows before the run: it is assumed, and said.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr
from scipy.stats import binom

from probatum.metrics.classification import Floats
from probatum.metrics.clusters import contributions
from probatum.metrics.intervals import critical_value, tails
from probatum.metrics.paired import QUARTER, margins, paired_change_below
from probatum.metrics.power import POWER

UNLIKELY = 1e-9  # of numbers of discordant posts, which are left out
FEW = 150  # posts, up to which the approximations are off by more than 2 points of power
STUDIES, DRAWS = 1000, 200  # drawn for few posts


@dataclass(frozen=True)
class Assumed:
    """Two systems before they have answered, alike on positive and on negative posts.

    Attributes:
        accuracy: share of posts that the other system gets right.
        discordance: share of posts that exactly one of the two gets right.
    """

    accuracy: float = 0.7
    discordance: float = 0.25

    @property
    def most(self) -> float:
        """The largest change of accuracy that leaves no share below 0."""
        return min(self.discordance, 2 * (1 - self.accuracy) - self.discordance)

    def shares(self, positive: float, gain: float) -> Floats:
        """Return float[2, 2, 2], shares of posts by truth, right with the system, right with the other.

        Args:
            positive: share of positive posts.
            gain: accuracy of the system minus that of the other, at most `most` and at least minus `discordance`.
        """
        only_one, only_other = (self.discordance + gain) / 2, (self.discordance - gain) / 2
        both = self.accuracy - only_other
        of_class = np.array([[1 - self.accuracy - only_one, only_other], [only_one, both]])
        found: Floats = np.stack([(1 - positive) * of_class, positive * of_class])
        return found


def power_to_show_rate(gain: float, least: float, discordance: float, n: int, confidence: float) -> float:
    """Return how often exact McNemar shows a gain of a rate whose point is at least `least`.

    Summed over the number of discordant posts m ~ B(n, discordance) and of those with the system alone, given m,
    ~ B(m, (1 + gain / discordance) / 2) (Connor 1987, without his approximation).

    Args:
        gain: true gain, between 0 and `discordance`.
        least: smallest observed gain that counts.
        discordance: share of posts that exactly one system gets right.
        n: posts that the rate is a share of.
        confidence: level of the test, in (0, 1).
    """
    m = np.arange(binom.ppf(UNLIKELY, n, discordance), binom.isf(UNLIKELY, n, discordance) + 1)
    critical = binom.isf((1 - confidence) / 2, m, 0.5) + 1  # fewest with P(B >= b) <= alpha / 2
    needed = np.maximum(critical, np.ceil((m + least * n) / 2 - 1e-9))
    shown = binom.sf(needed - 1, m, (1 + gain / discordance) / 2)
    return float(binom.pmf(m, n, discordance) @ shown)


def power_to_bound_rate(gain: float, limit: float, discordance: float, n: int, confidence: float) -> float:
    """Return how often the lower end of the interval of a gain (`paired_change`) clears a limit.

    Of up to `FEW` posts summed over the number of discordant posts, as in `power_to_show_rate`. Of more
    Φ(((gain - limit) √n - z √(ψ - limit²)) / √(ψ - gain²)), ψ being the discordance (Miettinen 1968).

    Args:
        gain: true gain.
        limit: what the lower end must reach; below 0 where some loss is allowed.
        discordance: share of posts that exactly one system gets right.
        n: posts that the rate is a share of.
        confidence: level of the interval, in (0, 1).
    """
    if n <= FEW and limit < 1:
        m, needed = _fewest_to_clear(limit, discordance, n, confidence)
        cleared = binom.sf(needed - 1, m, np.clip((1 + gain / discordance) / 2, 0.0, 1.0))
        return float(binom.pmf(m, n, discordance) @ cleared)
    at_limit = math.sqrt(max(discordance, abs(limit)) - limit**2)
    spread = math.sqrt(max(discordance - gain**2, 1e-12))
    return float(ndtr(((gain - limit) * math.sqrt(n) - critical_value(confidence) * at_limit) / spread))


@cache
def _fewest_to_clear(limit: float, discordance: float, n: int, confidence: float) -> tuple[Floats, Floats]:
    """Return numbers of discordant posts, and for each the fewest of the system's whose interval clears the limit."""
    m = np.arange(binom.ppf(UNLIKELY, n, discordance), binom.isf(UNLIKELY, n, discordance) + 1)
    fewest = [
        next((b for b in range(int(k) + 1) if paired_change_below(b, k - b, n, limit) <= tails(confidence)[0]), k + 1)
        for k in m
    ]
    return m, np.array(fewest, dtype=float)


def power_of_ratio(shares: Floats, metric: str, limit: float, n: int, confidence: float, *, by_test: bool) -> float:
    """Return how often a gain of F1 or precision passes: by the delta method, of up to `FEW` posts in drawn studies.

    Args:
        shares: float[2, 2, 2] by truth, right with the system, right with the other.
        metric: a name out of `paired.RATIOS`.
        limit: what the point (by the test) or the lower end (by the bound) must reach.
        n: posts in all.
        confidence: level in (0, 1).
        by_test: whether the point must reach the limit and the test must show a gain, or the bound the limit.
    """

    def change(counts: Floats) -> float:
        return float(_gain(counts, metric))

    if n <= FEW:
        return _power_drawn(shares, metric, limit, n, confidence, by_test=by_test)
    counts = shares * n
    added = contributions(np.arange(8), counts, change)
    error = math.sqrt(float(counts.ravel() @ added**2))
    above = (change(counts) - limit) / error
    z = critical_value(confidence)
    return float(ndtr(min(above, change(counts) / error - z) if by_test else above - z))


def _power_drawn(shares: Floats, metric: str, limit: float, n: int, confidence: float, *, by_test: bool) -> float:
    """Return in how many of `STUDIES` drawn studies the bootstrap of `paired.bootstrap_test` lets the gain pass."""
    rng = np.random.default_rng(0)
    tables = rng.multinomial(n, shares.ravel(), size=STUDIES)
    shape = np.broadcast_to(tables[:, None] + QUARTER, (STUDIES, DRAWS, 8))
    weights = rng.standard_gamma(shape, dtype=np.float32).reshape(STUDIES, DRAWS, 2, 2, 2)
    low = np.quantile(_gain(weights, metric), tails(confidence)[0], axis=1)
    if not by_test:
        return float(np.mean(low >= limit))
    point = _gain(tables.reshape(STUDIES, 2, 2, 2), metric)
    return float(np.mean((point >= limit) & (low > 0)))


def _gain(table: NDArray[Any], metric: str) -> Floats:
    mine, theirs = margins(table)
    return np.subtract(mine.value(metric), theirs.value(metric))


def smallest(power_at: Callable[[float], float], low: float, high: float) -> float:
    """Return the smallest change with `POWER`, given a power that rises with it; NaN where even `high` has less."""
    if math.isnan(power_at(high)) or power_at(high) < POWER:
        return math.nan
    if power_at(low) >= POWER:
        return low
    return float(brentq(lambda change: power_at(change) - POWER, low, high, xtol=1e-6))
