"""Whether a verdict hangs on the seed: the spread between trainings, and the criteria judged with it.

The system that is judged and shipped is that of the first seed, chosen before anything was measured. A criterion that
it passes counts as passed only if the recipe passes too: if the mean over the seeds does, with an interval for both
the draw of the posts and the draw of the seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from scipy.stats import t as student

from probatum.data.records import Prediction
from probatum.metrics.intervals import Interval
from probatum.study import Criterion, VerdictSettings
from probatum.study.criteria import TRAINING_METRICS
from probatum.verdict.criteria import judge, outcome_of, shows_change
from probatum.verdict.evidence import Evidence, TrainingSummary, line_up
from probatum.verdict.further_results import CriterionSpread, Seeds, Spread
from probatum.verdict.results import CriterionResult
from probatum.verdict.wording import number

TUNED = "tuned"
METRICS = ("f1", "f1_macro", "mcc", "accuracy", "precision", "recall", "fpr", "fnr", "flag_rate")


@dataclass(frozen=True)
class SeedRun:
    """One further training's answers about the test posts, and how it went."""

    predictions: Sequence[Prediction]
    training: TrainingSummary | None = None


def spread_of(values: Sequence[float]) -> Spread:
    """Return mean, extremes and standard deviation of values, NaN left out of them."""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return Spread(list(values), math.nan, math.nan, math.nan, math.nan)
    sd = stdev(known) if len(known) > 1 else math.nan
    return Spread(list(values), fmean(known), min(known), max(known), sd)


def seed_interval(
    result: CriterionResult, spread: Spread, confidence: float, possible: tuple[float, float] = (-math.inf, math.inf)
) -> tuple[float, float]:
    """Return the ends of the interval of the mean over seeds, posts and seeds both drawn.

    The distances from the shipped seed's value to the ends of its interval, d, and the half-width of the mean over k
    seeds, t(k-1) · sd / √k, are joined as √(d² + half²) on each side (MOVER, Zou and Donner 2008), around the mean.

    Args:
        result: the criterion, judged for the shipped seed.
        spread: of its value over the seeds.
        confidence: level in (0, 1).
        possible: the smallest and the largest that the value can be.

    Returns:
        Both ends, cut to what the value can be; NaN where it has no interval or fewer than two seeds have a value.
    """
    k = sum(not math.isnan(value) for value in spread.values)
    if k < 2 or math.isnan(result.low):
        return math.nan, math.nan
    half = float(student.ppf((1 + confidence) / 2, k - 1)) * spread.sd / math.sqrt(k)
    return (
        max(spread.mean - math.hypot(result.value - result.low, half), possible[0]),
        min(spread.mean + math.hypot(result.high - result.value, half), possible[1]),
    )


def _possible(criterion: Criterion) -> tuple[float, float]:
    """Return the smallest and largest value that a criterion's figure can have."""
    if criterion.metric in TRAINING_METRICS:
        return -math.inf, math.inf
    return (-1.0 if criterion.gain_over or criterion.rise_over else 0.0), 1.0


def judge_over_seeds(
    criteria: Sequence[CriterionResult],
    evidence: Evidence,
    others: Mapping[int, SeedRun],
    settings: VerdictSettings,
    *,
    positive: str,
    first: int,
) -> tuple[list[CriterionResult], Seeds]:
    """Judge every criterion with each seed's adapter, and hold back those that hang on the seed.

    Args:
        criteria: of the study, in order, judged for the shipped seed.
        evidence: of the shipped seed.
        others: further seeds.
        settings: the same criteria, and the confidence level.
        positive: the positive label.
        first: the shipped seed.

    Returns:
        The criteria, those that passed but are not robust now inconclusive, and the spread of everything.
    """
    all_evidence = [evidence, *(_of_seed(evidence, run, positive) for run in others.values())]
    metrics = {
        metric: spread_of([one.answers[TUNED].confusion().value(metric) for one in all_evidence]) for metric in METRICS
    }
    judged, spreads = [], []
    for criterion, result in zip(settings.criteria, criteria, strict=True):
        if TUNED not in criterion.systems():
            judged.append(result)
            continue
        results = [result, *(judge(criterion, one, settings) for one in all_evidence[1:])]
        spread = _over_seeds(criterion, results, settings.confidence)
        spreads.append(spread)
        judged.append(_held_back(result, spread) if spread.robust is False else result)
    return judged, Seeds([first, *others], metrics, spreads)


def _of_seed(evidence: Evidence, run: SeedRun, positive: str) -> Evidence:
    """Return the same evidence with another seed's answers and training in the place of the tuned system's."""
    predictions = {**evidence.predictions, TUNED: run.predictions}
    return replace(line_up(evidence.posts, predictions, positive, run.training), clusters=evidence.clusters)


def _over_seeds(criterion: Criterion, results: Sequence[CriterionResult], confidence: float) -> CriterionSpread:
    first = results[0]
    spread = spread_of([result.value for result in results])
    low, high = seed_interval(first, spread, confidence, _possible(criterion))
    outcomes = [result.outcome for result in results]
    robust: bool | None = None
    if first.outcome == "passed":
        by_interval = first.decided_by != "point" and not math.isnan(low)
        mean = Interval(spread.mean, low, high, first.n)
        holds = outcome_of(criterion, mean, first.decided_by) == "passed" and shows_change(criterion, mean)
        robust = holds if by_interval else set(outcomes) == {"passed"}
    return CriterionSpread(first.text, spread, low, high, list(outcomes), robust)


def _held_back(result: CriterionResult, found: CriterionSpread) -> CriterionResult:
    """Return a criterion that passed with the shipped seed as inconclusive."""
    spread, passed = found.spread, found.outcomes.count("passed")
    told = f"passes with the first seed, but not whatever the seed: {passed} of {len(found.outcomes)} seeds pass alone"
    told += f", values from {number(spread.low)} to {number(spread.high)}"
    if not math.isnan(found.low):
        told += f", mean {number(spread.mean)} with interval {number(found.low)} to {number(found.high)}, seeds drawn"
    return replace(result, outcome="inconclusive", reason=told, held_back="seed")
