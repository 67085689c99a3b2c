"""Whether a criterion holds: passed, failed, or not enough evidence to say.

A level and a rise that is allowed are decided by the bound: `at_least` passes if even the lower end of the interval
clears the limit, fails if not even the upper end does, and is inconclusive between. A gain is decided by the point and
the paired test together: the point must clear the limit, and the test must show that there is a gain at all; it fails
if no value in the interval clears the limit. A verdict asks for every criterion at once, so no correction for
several looks is needed: the chance that a bad model passes all is at most that of passing the one it fails
(intersection-union test, Berger 1982).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from probatum.metrics.intervals import Interval
from probatum.metrics.levels import level, level_effect
from probatum.metrics.paired import RATIOS, difference
from probatum.study import Criterion, VerdictSettings
from probatum.verdict.evidence import Evidence, TrainingSummary
from probatum.verdict.results import CriterionOutcome, CriterionResult
from probatum.verdict.settling import Measured, posts_needed, settling, showable
from probatum.verdict.wording import criterion_text, joined, number

DecidedBy = Literal["point", "bound", "test"]
ROUNDING = 1e-12  # 0.625 - 0.620 is a gain of 0.005, whatever floating point says


def judge(criterion: Criterion, evidence: Evidence, settings: VerdictSettings) -> CriterionResult:
    """Judge one criterion.

    Args:
        criterion: the statement that must hold.
        evidence: posts, answers and the summary of training.
        settings: confidence level and bootstrap.

    Returns:
        The outcome with value, interval and reason; inconclusive, with the reason, where a number is missing.
    """
    if criterion.metric in FACTS:
        return FACTS[criterion.metric](criterion, evidence.training)
    return _held_against_limit(criterion, _measure(criterion, evidence, settings), settings)


def _measure(criterion: Criterion, evidence: Evidence, settings: VerdictSettings) -> Measured:
    other = criterion.gain_over or criterion.rise_over
    absent = [name for name in (criterion.system, other) if name and name not in evidence.answers]
    if absent:
        reason = f"no predictions of {joined(absent)}; there are: {', '.join(evidence.answers)}"
        return Measured(Interval.undefined(reason), 0)
    mask, reason_empty = evidence.select(criterion.slice)
    if reason_empty:
        return Measured(Interval.undefined(reason_empty), 0)
    n, clusters = int(mask.sum()), evidence.clusters_where(mask)
    drawn = {"draws": settings.bootstrap_draws, "seed": settings.seed}
    answers = evidence.answers[criterion.system].where(mask)
    if other:
        theirs = evidence.answers[other].where(mask)
        change = difference(answers, theirs, criterion.metric, settings.confidence, clusters=clusters, **drawn)
        one_cluster = clusters is not None and n > 1 and len(np.unique(clusters)) == 1
        return Measured(change.interval, n, change.p_value, math.inf if one_cluster else 1.0)
    found = level(answers, criterion.metric, settings.confidence, clusters=clusters, **drawn)
    return Measured(found, n, effect=level_effect(answers, criterion.metric, settings.confidence, clusters))


def _held_against_limit(criterion: Criterion, measured: Measured, settings: VerdictSettings) -> CriterionResult:
    interval, n = measured.interval, measured.n
    decided_by: DecidedBy = criterion.decided_by
    if not interval.defined:
        return _result(criterion, interval, "inconclusive", decided_by, f"{interval.reason}", n=n)
    outcome = outcome_of(criterion, interval, decided_by)
    reason = _reason(criterion, interval, outcome, decided_by)
    to_clear = _nearest_limit(criterion, interval)
    if outcome == "passed" and (doubt := _doubt(criterion, measured, settings)):
        outcome, reason, to_clear = "inconclusive", doubt, 0.0
    needed = None
    shown = showable(criterion, measured, settings.confidence)
    if outcome == "inconclusive":
        needed = posts_needed(criterion, measured, to_clear, settings.confidence)
        reason += "; " + settling(criterion, measured, needed, shown)
    return _result(criterion, interval, outcome, decided_by, reason, n=n, posts_needed=needed, showable=shown)


def outcome_of(criterion: Criterion, interval: Interval, decided_by: DecidedBy) -> CriterionOutcome:
    """Hold a figure's point or its interval against a criterion's limits."""
    low, high = _limits(criterion)
    if decided_by == "point":
        return "passed" if low - ROUNDING <= interval.value <= high + ROUNDING else "failed"
    if decided_by == "test" and low - ROUNDING <= interval.value <= high + ROUNDING:
        return "passed"  # unless the paired test leaves a doubt
    if decided_by == "bound" and low <= interval.low and interval.high <= high:
        return "passed"
    return "failed" if interval.high < low or high < interval.low else "inconclusive"


def _limits(criterion: Criterion) -> tuple[float, float]:
    """Return the lowest and highest value that pass."""
    if criterion.within is not None:
        return criterion.within
    low = -math.inf if criterion.at_least is None else criterion.at_least
    return low, math.inf if criterion.at_most is None else criterion.at_most


def _nearest_limit(criterion: Criterion, interval: Interval) -> float:
    return min((end for end in _limits(criterion) if math.isfinite(end)), key=lambda end: abs(end - interval.value))


def _doubt(criterion: Criterion, measured: Measured, settings: VerdictSettings) -> str | None:
    """Say why a change that passes is no evidence of one: chance explains it as well.

    Only where the criterion claims that the system is at least as good as the other: a gain of 0 or more, or a rise
    of 0 or less.
    """
    interval = measured.interval
    if not shows_change(criterion, interval):
        return f"the point passes, but the paired interval {_span(interval)} contains 0"
    if criterion.claims_change and measured.p_value > 1 - settings.confidence:
        name = "the paired bootstrap" if criterion.metric in RATIOS else "McNemar's exact test"
        return f"the point passes, but {name} does not support it (p = {measured.p_value:.3f})"
    return None


def shows_change(criterion: Criterion, interval: Interval) -> bool:
    """Return whether an interval leaves out that nothing changed; always so where no change is claimed."""
    return not criterion.claims_change or (interval.low >= 0 if criterion.gain_over else interval.high <= 0)


def _reason(criterion: Criterion, interval: Interval, outcome: CriterionOutcome, decided_by: DecidedBy) -> str:
    measured = f"{_number(criterion, interval.value)} with interval {_span(interval)}"
    if decided_by == "point":
        return f"{measured}; the point {'holds' if outcome == 'passed' else 'does not hold'}"
    ends = {"passed": "the whole interval holds", "failed": "no value in the interval holds"}
    if decided_by == "test":
        ends["passed"] = f"the point holds, and the paired test shows a {'gain' if criterion.gain_over else 'fall'}"
    return f"{measured}; {ends.get(outcome, 'the interval contains the limit')}"


def _number(criterion: Criterion, value: float) -> str:
    return number(value, sign=bool(criterion.gain_over or criterion.rise_over))


def _span(interval: Interval) -> str:
    return f"{number(interval.low)} to {number(interval.high)}"


def _result(
    criterion: Criterion,
    interval: Interval,
    outcome: CriterionOutcome,
    decided_by: DecidedBy,
    reason: str,
    *,
    n: int = 0,
    posts_needed: int | None = None,
    showable: float = math.nan,
) -> CriterionResult:
    return CriterionResult(
        criterion=criterion.model_dump(mode="json", exclude_none=True),
        text=criterion_text(criterion),
        value=interval.value,
        low=interval.low,
        high=interval.high,
        limit=[end for end in _limits(criterion) if math.isfinite(end)],
        outcome=outcome,
        decided_by=decided_by,
        reason=reason,
        posts_needed=posts_needed,
        n=n,
        showable=showable,
    )


def _training(criterion: Criterion, summary: TrainingSummary | None) -> CriterionResult:
    if summary is None or summary.completed is None:
        return _missing(criterion, "it is not known how training went: there is no training summary")
    steps = "" if summary.steps is None else f" after {summary.steps:,} of {summary.planned_steps or 0:,} steps"
    reason = f"training {'was completed' if summary.completed else 'stopped'}{steps}"
    return _fact(criterion, float(summary.completed), summary.completed == criterion.completed, reason)


def _validation_loss(criterion: Criterion, summary: TrainingSummary | None) -> CriterionResult:
    start, best = (summary.start_loss, summary.best_loss) if summary else (None, None)
    if start is None or best is None or math.isnan(start) or math.isnan(best):
        return _missing(criterion, "the validation loss is not known at the start and at the kept checkpoint")
    step = "" if summary is None or summary.best_step is None else f" at step {summary.best_step:,}"
    reason = f"validation loss went from {number(start)} to {number(best)}{step}"
    return _fact(criterion, best - start, (best < start) == criterion.falls, reason)


def _retention(criterion: Criterion, summary: TrainingSummary | None) -> CriterionResult:
    before = summary.retention_nll_baseline if summary else None
    after = summary.retention_nll_tuned if summary else None
    if before is None or after is None or math.isnan(before) or math.isnan(after):
        return _missing(criterion, "the loss on general text was not measured before and after training")
    if (criterion.system, criterion.rise_over) != ("tuned", "baseline"):
        return _missing(criterion, "loss on general text is measured for tuned over baseline only")
    rise = summary.retention_rise if summary else None
    reason = f"loss on general text went from {before:.4f} to {after:.4f} ({number(after - before, sign=True)})"
    if rise is None or math.isnan(rise.low):
        return _retention_without_interval(criterion, after - before, reason)
    decided_by = criterion.decided_by
    outcome = outcome_of(criterion, rise, decided_by)
    if outcome == "passed" and not shows_change(criterion, rise):
        outcome = "inconclusive"
    reason += f", interval {_span(rise)} by paragraph"
    if outcome == "inconclusive":
        contained = "the limit" if decided_by == "bound" else "0"
        reason += f", which contains {contained}; a longer text in data.retention narrows it"
    return _result(criterion, rise, outcome, decided_by, reason, n=rise.n)


def _retention_without_interval(criterion: Criterion, rise: float, reason: str) -> CriterionResult:
    point = Interval(rise, math.nan, math.nan, 0)
    if criterion.decided_by == "point":
        return _result(criterion, point, outcome_of(criterion, point, "point"), "point", reason)
    missing = f"{reason}, which has no interval: give more paragraphs in data.retention, or use decide: point"
    return _result(criterion, point, "inconclusive", criterion.decided_by, missing)


FACTS: dict[str, Callable[[Criterion, TrainingSummary | None], CriterionResult]] = {
    "training": _training,
    "validation_loss": _validation_loss,
    "retention_nll": _retention,
}


def _missing(criterion: Criterion, reason: str) -> CriterionResult:
    return _result(criterion, Interval.undefined(reason), "inconclusive", "point", reason)


def _fact(criterion: Criterion, value: float, holds: bool, reason: str) -> CriterionResult:
    point = Interval(value, math.nan, math.nan, 0)
    return _result(criterion, point, "passed" if holds else "failed", "point", reason)
