"""What changes though nothing has changed: the baseline scored twice, and gains that are no larger than that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from probatum.data.records import Prediction
from probatum.metrics.classification import Answers, Flags, Floats
from probatum.study import Criterion
from probatum.verdict.evidence import Evidence, line_up
from probatum.verdict.further_results import NoiseFloor
from probatum.verdict.results import CriterionResult
from probatum.verdict.wording import metric_name, number

BASELINE = "baseline"
METRICS = ("f1", "f1_macro", "mcc", "accuracy", "precision", "recall", "fpr", "fnr", "flag_rate")
MODELS = ("baseline", "tuned")


def noise_floor(evidence: Evidence, again: Sequence[Prediction], positive: str) -> NoiseFloor:
    """Hold the baseline's second scoring against its first (an A/A test).

    Args:
        evidence: posts and the baseline's answers.
        again: its answers about the same posts in another order and in other rows.
        positive: the positive label.
    """
    first = evidence.answers[BASELINE]
    other = line_up(evidence.posts, {BASELINE: again}, positive)
    second = other.answers[BASELINE]
    changes = np.abs(_scores(evidence) - _scores(other))
    known = changes[~np.isnan(changes)]
    flipped = differing(first, second)
    return NoiseFloor(
        n=len(evidence.posts),
        largest_score_change=float(known.max()) if len(known) else math.nan,
        mean_score_change=float(known.mean()) if len(known) else math.nan,
        flipped=[post.id for post, flip in zip(evidence.posts, flipped, strict=True) if flip],
        change={metric: second.confusion().value(metric) - first.confusion().value(metric) for metric in METRICS},
        floor={metric: floor_of(metric, first, flipped) for metric in METRICS},
    )


def differing(first: Answers, second: Answers) -> Flags:
    """Return bool[n]: which posts were called otherwise."""
    flips: Flags = (first.parsed != second.parsed) | (first.parsed & (first.flagged != second.flagged))
    return flips


def floor_of(metric: str, answers: Answers, flipped: Flags) -> float:
    """Return what the flipped posts can move a metric by: all of them right against all of them wrong.

    In one repetition flips cancel by luck; their number does not.

    Returns:
        At least 0; NaN where the metric is undefined either way.
    """
    right = replace(answers, flagged=np.where(flipped, answers.truth, answers.flagged), parsed=answers.parsed | flipped)
    wrong = replace(right, flagged=np.where(flipped, ~answers.truth, answers.flagged))
    return float(abs(right.confusion().value(metric) - wrong.confusion().value(metric)))


def above_the_floor(
    criterion: Criterion, result: CriterionResult, evidence: Evidence, floor: NoiseFloor
) -> CriterionResult:
    """Return a criterion as it was judged; inconclusive if the gain that it passes by is no larger than noise.

    Args:
        criterion: one of the study's.
        result: how it was judged.
        evidence: posts and answers.
        floor: what was measured on all posts; taken anew for the posts of the criterion's slice.
    """
    measured = {criterion.system, criterion.gain_over} & set(MODELS)
    if result.outcome != "passed" or criterion.gain_over is None or not measured or criterion.metric not in METRICS:
        return result
    mask, _ = evidence.select(criterion.slice)
    ids = set(floor.flipped)
    flipped = np.array([post.id in ids for post in evidence.posts])
    noise = floor_of(criterion.metric, evidence.answers[BASELINE].where(mask), flipped[mask])
    if not result.value <= noise or noise == 0:
        return result
    name = metric_name(criterion.metric)
    reason = (
        f"a gain of {number(result.value, sign=True)} is no gain: the same model scored twice flips "
        f"{int(flipped[mask].sum()):,} posts, which move {name} by up to {number(noise)}"
    )
    return replace(result, outcome="inconclusive", reason=reason, held_back="noise")


def note_on(floor: NoiseFloor, gain: float) -> str | None:
    """Return what a reader should know of a gain of F1 over the baseline that is no larger than noise."""
    if not 0 < gain <= floor.floor["f1"]:
        return None
    return (
        f"F1 {number(gain, sign=True)} over baseline is below the noise floor of {number(floor.floor['f1'])}: "
        f"scoring the baseline twice flips {len(floor.flipped):,} of {floor.n:,} posts"
    )


def _scores(evidence: Evidence) -> Floats:
    return np.array([row.score for row in evidence.predictions[BASELINE]], dtype=float)
