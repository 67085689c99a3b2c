"""Two systems on the same posts: differences with paired intervals, and McNemar's test."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import bdtr, betainc, betaincinv, roots_legendre

from probatum.metrics.bootstrap import table_weights
from probatum.metrics.classification import Answers, Confusion, Flags
from probatum.metrics.clusters import Codes, contributions, design_effect, sign_flip_exact
from probatum.metrics.intervals import Interval, on_fewer, percentile_interval, tails

RATIOS = ("f1", "precision", "fdr", "f1_macro", "mcc")  # made of the answers, so they are no share of fixed posts
QUARTER = 0.25  # of a post added to each of the eight cells: half a post for each way to differ, as in `paired_change`
_legendre_at, _legendre_weights = roots_legendre(64)
NODES, WEIGHTS = (_legendre_at + 1) / 2, _legendre_weights / 2  # of the mean over quantiles in (0, 1)


@dataclass(frozen=True)
class Difference:
    """How far a system's figure is above another's on the same posts.

    Attributes:
        interval: the difference, system minus other, with its paired interval.
        only_system: posts that have the counted property (say, a right answer) with the system alone.
        only_other: posts that have it with the other alone.
        p_value: that there is no difference: exact McNemar test of those two counts, clusters swapped whole; for
            `RATIOS`, which are no shares of fixed posts, of the bootstrap. NaN where the difference is undefined.
    """

    interval: Interval
    only_system: int
    only_other: int
    p_value: float

    def mirrored(self) -> Difference:
        """Return how far the other system is above this one."""
        at = self.interval
        interval = replace(at, value=0.0 - at.value, low=0.0 - at.high, high=0.0 - at.low)
        return Difference(interval, self.only_other, self.only_system, self.p_value)


def mcnemar_exact(only_system: int, only_other: int) -> float:
    """Return the two-sided p-value that both counts come from a fair coin (McNemar 1947, exact form).

    Args:
        only_system: posts that only the one system got right.
        only_other: posts that only the other got right.

    Returns:
        A value in (0, 1]; 1.0 where the two never differ, since then nothing speaks against equality.
    """
    discordant = only_system + only_other
    return min(2 * float(bdtr(min(only_system, only_other), discordant, 0.5)), 1.0) if discordant else 1.0


def difference(
    system: Answers,
    other: Answers,
    metric: str,
    confidence: float,
    *,
    clusters: Codes | None = None,
    draws: int = 2000,
    seed: int = 0,
) -> Difference:
    """Return how far a figure of one system is above another's, with its paired interval and test.

    Args:
        system: its answers.
        other: the other system's answers about the same posts in the same order.
        metric: a name out of `DEFINITIONS`.
        confidence: level in (0, 1).
        clusters: int[n], posts of one value are one cluster; `None` if every post stands for itself.
        draws: draws of the bootstrap (for `RATIOS`).
        seed: seed of those draws.

    Returns:
        The difference; undefined, with the reason, where the figure is undefined for either system. That of the two
        the other way round is its mirror image, to the last draw.
    """
    reason = system.confusion().undefined(metric) or other.confusion().undefined(metric)
    if metric in RATIOS:
        table = joint_table(system, other)
        swap = table.tolist() < table.swapaxes(1, 2).tolist()  # so that the draws do not depend on which comes first
        first, second = (other, system) if swap else (system, other)
        found = _of_ratios(first, second, metric, confidence, clusters=clusters, draws=draws, seed=seed, reason=reason)
        return found.mirrored() if swap else found
    counts = _denominator(system, metric)
    signed = counted(system, metric).astype(np.int64) - counted(other, metric)
    mine = None if clusters is None else clusters[counts]
    only_mine, only_theirs = int((signed > 0).sum()), int((signed < 0).sum())
    if reason:
        return Difference(Interval.undefined(reason), only_mine, only_theirs, math.nan)
    n = len(signed)
    value = (only_mine - only_theirs) / n
    effect = 1.0 if mine is None else design_effect(np.subtract(signed, value, dtype=float), mine, confidence)
    scaled = only_mine / effect, only_theirs / effect, n / effect
    interval = on_fewer(value, n, effect, lambda: paired_change(*scaled, confidence), lowest=-1.0)
    return Difference(interval, only_mine, only_theirs, sign_flip_exact(signed, mine))


def _of_ratios(
    system: Answers,
    other: Answers,
    metric: str,
    confidence: float,
    *,
    clusters: Codes | None,
    draws: int,
    seed: int,
    reason: str | None,
) -> Difference:
    table = joint_table(system, other)
    if reason:
        return Difference(Interval.undefined(reason), 0, 0, math.nan)
    effect = 1.0
    if clusters is not None:
        cell = joint_cells(system, other)
        added = contributions(cell, table, lambda counts: float(_change(counts, metric)))
        effect = design_effect(added, clusters, confidence)
    interval, p_value = bootstrap_test(table, metric, confidence, draws, seed, effect=effect)
    return Difference(interval, int(table[:, 1, 0].sum()), int(table[:, 0, 1].sum()), p_value)


def _denominator(answers: Answers, metric: str) -> Flags:
    """Return bool[n], the posts that a rate is a share of."""
    if metric in ("recall", "fnr"):
        return answers.truth
    return ~answers.truth if metric == "fpr" else np.ones(len(answers.truth), dtype=bool)


def counted(answers: Answers, metric: str) -> Flags:
    """Return bool[m]: which of the posts in a rate's denominator are in its numerator.

    Raises:
        ValueError: the metric is no share of fixed posts.
    """
    correct, truth = answers.correct, answers.truth
    match metric:
        case "accuracy":
            return correct
        case "recall":
            return correct[truth]
        case "fnr":
            return ~correct[truth]
        case "fpr":
            return ~correct[~truth]
        case "flag_rate":
            return answers.flagged & answers.parsed
        case "unparsed_rate":
            return ~answers.parsed
    raise ValueError(f"{metric!r} is not a share of fixed posts")


def paired_change(only_system: float, only_other: float, n: float, confidence: float) -> tuple[float, float]:
    """Return the ends of Jeffreys' interval for a difference of two paired proportions.

    The shares of posts counted with the system alone, with the other alone and with both or neither have the posterior
    Dirichlet(b + ½, c + ½, n - b - c + 1): half a post for each way to differ (Agresti and Min 2005, section 4). Their
    difference δ is σ (2ρ - 1), with σ ~ Beta(b + c + 1, n - b - c + 1) the share that differs and
    ρ ~ Beta(b + ½, c + ½) the system's part of it, so P(δ <= d) is a mean over σ of a beta distribution's share, here
    over `NODES` of its quantiles. The ends cut off equal tails. It is never empty: no discordant post in ten gives
    ± 0.18.

    Args:
        only_system: b, posts counted with the system alone.
        only_other: c, posts counted with the other alone.
        n: posts in the denominator.
        confidence: level in (0, 1).

    Returns:
        Lower and upper end in [-1, 1]; NaN for n = 0.
    """
    if n == 0:
        return math.nan, math.nan
    posterior = partial(paired_change_below, only_system, only_other, n)
    low, high = (brentq(lambda d, at=at: posterior(d) - at, -1.0, 1.0, xtol=1e-9) for at in tails(confidence))
    return float(low), float(high)


def paired_change_below(only_system: float, only_other: float, n: float, change: float) -> float:
    """Return the posterior probability behind `paired_change` that the difference is at most so much."""
    differing = betaincinv(only_system + only_other + 1, max(n - only_system - only_other, 0.0) + 1, NODES)
    part = np.clip((1 + change / differing) / 2, 0.0, 1.0)
    return float(WEIGHTS @ betainc(only_system + 0.5, only_other + 0.5, part))


def joint_table(system: Answers, other: Answers) -> NDArray[np.int64]:
    """Count posts by truth, right with the system, right with the other.

    Returns:
        int[2, 2, 2], indexed by truth (1 = positive), system right, other right.
    """
    return np.bincount(joint_cells(system, other), minlength=8).reshape(2, 2, 2)


def joint_cells(system: Answers, other: Answers) -> NDArray[np.int64]:
    """Return int[n], each post's cell of the joint table: 4 · truth + 2 · right with the system + with the other."""
    cells: NDArray[np.int64] = 4 * system.truth + 2 * system.correct + other.correct
    return cells


def bootstrap_difference(table: NDArray[np.int64], metric: str, confidence: float, draws: int, seed: int) -> Interval:
    """Return the interval of `bootstrap_test` for posts that stand for themselves."""
    return bootstrap_test(table, metric, confidence, draws, seed)[0]


def bootstrap_test(
    table: NDArray[np.int64], metric: str, confidence: float, draws: int, seed: int, *, effect: float = 1.0
) -> tuple[Interval, float]:
    """Return the difference of one of `RATIOS` with its paired percentile interval, and the p-value of no difference.

    A post matters only through its cell of the joint table, so weights for the eight cells are drawn (`bootstrap`). The
    p-value is twice the share of draws, and of one more, on the rarer side of 0: the level at which the interval
    reaches 0.

    Args:
        table: int[2, 2, 2] of `joint_table`.
        metric: one of `RATIOS`.
        confidence: level in (0, 1).
        draws: how many.
        seed: of the draws; the same table and seed give the same interval.
        effect: design effect of clusters; the draws are of n / effect posts. Infinite where all are one cluster.

    Returns:
        The observed difference with an interval that contains it, and a value in (0, 1].
    """
    value = float(_change(table, metric))
    if math.isinf(effect):
        reach = 2.0 if metric == "mcc" else 1.0
        return Interval(value, -reach, reach, int(table.sum())), 1.0
    drawn = _change(table_weights(table / effect, draws, seed, added=QUARTER), metric)
    rarer = min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
    p_value = min(2 * (rarer + 1) / (draws + 1), 1.0)
    return percentile_interval(value, drawn, confidence, int(table.sum())), p_value


def _change(table: NDArray[np.int64] | NDArray[np.float64], metric: str) -> NDArray[np.float64]:
    mine, theirs = margins(table)
    return np.subtract(mine.value(metric), theirs.value(metric))


def margins(table: NDArray[np.int64] | NDArray[np.float64]) -> tuple[Confusion, Confusion]:
    """Return each system's confusion matrix from [..., 2, 2, 2] counts or weights of the joint table."""
    mine, theirs = table.sum(axis=-1), table.sum(axis=-2)  # [..., truth, right]
    system, other = (Confusion(m[..., 1, 1], m[..., 0, 0], m[..., 0, 1], m[..., 1, 0]) for m in (mine, theirs))
    return system, other
