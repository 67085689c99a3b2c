"""How a system's scores become labels: calibration and threshold, both from validation posts alone.

Test posts are decided by what validation chose, once. So a chosen threshold costs no look at the test, and its figures
on validation, which it was chosen for, are too good: those on test count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from probatum.data.records import Post, Prediction
from probatum.errors import StudyError
from probatum.metrics import recalibration
from probatum.metrics.calibration import brier, calibration
from probatum.metrics.classification import Flags, Floats
from probatum.metrics.clusters import Codes
from probatum.metrics.figure import Figure
from probatum.metrics.intervals import Interval
from probatum.metrics.levels import level
from probatum.metrics.recalibration import Recalibration
from probatum.metrics.threshold import (
    ALL,
    Cap,
    Costs,
    Curve,
    OperatingPoint,
    choose_threshold,
    measure_thresholds,
)
from probatum.scoring.decide import decided
from probatum.study import AUTO, Scoring, VerdictSettings
from probatum.study.decision import RateCap, ThresholdRule
from probatum.verdict.clustering import Clusters, clusters_of
from probatum.verdict.evidence import NO_VALUE, Evidence, answers_to
from probatum.verdict.wording import joined, limit, number

HALF = 0.5
NEVER_CHOSEN = ("majority",)  # it says the same of every post: another threshold makes it another system


@dataclass(frozen=True)
class Decision:
    """How one system's scores become labels (`decision.json` in its folder).

    Attributes:
        system: which.
        threshold: a calibrated score at or above it is positive.
        chosen: whether a rule chose it on validation; else the study gives it.
        rule: what it was chosen for, in words; where it breaks the rule's cap, that none keeps it, and by how much.
        meets_cap: whether the threshold keeps the rule's cap on validation; `None` without a cap.
        calibration: what is done to every score first.
        losses: calibration method to its mean held-out log loss on validation, in nats; empty where none was tried.
        validation: the threshold's figures on validation; `None` unless it was chosen.
        at_half: the figures of scores as they were made, at 0.5, on validation.
        frontier: the thresholds that no other beats in both goal and worst group, from the strictest to the laxest.
        left_out: groups without negative validation posts, which no cap could watch.
        notes: what a reader should know.
    """

    system: str
    threshold: float
    chosen: bool = False
    rule: str = "given by the study"
    meets_cap: bool | None = None
    calibration: Recalibration = field(default_factory=Recalibration)
    losses: dict[str, float] = field(default_factory=dict)
    validation: OperatingPoint | None = None
    at_half: OperatingPoint | None = None
    frontier: list[OperatingPoint] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Effect:
    """What deciding changed for one system on the test posts.

    Attributes:
        threshold: the one used.
        chosen: whether it was chosen on validation.
        rule: what it was chosen for, or by how much it misses the cap, in words.
        meets_cap: whether it keeps the rule's cap on validation; `None` without a cap.
        calibration: the method used.
        temperature: T, if the method is temperature.
        at_half: `f1`, `fpr`, `fnr` and `flag_rate` of the scores as they were made, at 0.5.
        brier_before: Brier score before calibration.
        ece_before: expected calibration error before calibration.
    """

    threshold: float
    chosen: bool
    rule: str
    meets_cap: bool | None
    calibration: str
    temperature: float
    at_half: dict[str, Interval]
    brier_before: Interval
    ece_before: Figure


def check_rule(posts: Sequence[Post], settings: Scoring) -> None:
    """Refuse a cap by a column that no validation post has, before anything is scored.

    Raises:
        StudyError: it names the columns that there are.
    """
    cap = settings.rule.cap
    columns = Evidence(posts, {}, {}).columns
    if cap is not None and cap.by is not None and cap.by not in columns:
        raise StudyError(
            f"scoring.rule.cap.by: no validation post has a column {cap.by!r}; columns: {', '.join(columns) or 'none'} "
            "(by: null caps all posts as one)"
        )


def decide_system(
    system: str,
    posts: Sequence[Post],
    scored: Sequence[Prediction],
    *,
    settings: Scoring,
    positive: str,
    verdict: VerdictSettings,
) -> Decision:
    """Choose calibration and threshold for one system.

    Args:
        system: which.
        posts: the validation posts; none where nothing is to be chosen.
        scored: its predictions of them, in their order.
        settings: the study's scoring section.
        positive: the positive label.
        verdict: confidence level of the cap's bound, and the seed of cross-validation's folds.
    """
    fixed = HALF if settings.threshold == AUTO else float(settings.threshold)
    if not settings.needs_validation or system in NEVER_CHOSEN:
        return Decision(system, fixed)
    truth = np.array([post.label == positive for post in posts])
    score = np.array([row.score for row in scored], dtype=float)
    chosen, notes = _calibrated(system, truth, score, settings, verdict.seed)
    if settings.threshold != AUTO:
        return Decision(system, fixed, calibration=chosen.fitted, losses=chosen.losses, notes=notes)
    groups = group_column(posts, settings.rule)
    try:
        after = measure_thresholds(truth, chosen.fitted.apply(score), groups, verdict.confidence, NO_VALUE)
        before = measure_thresholds(truth, score, groups, verdict.confidence, NO_VALUE)
    except ValueError as error:
        notes = [*notes, f"no threshold could be chosen for {system} on validation ({error}): {HALF} is used"]
        return Decision(system, HALF, calibration=chosen.fitted, losses=chosen.losses, notes=notes)
    found = _chosen(system, after, settings.rule)
    if settings.rule.cap is not None and settings.rule.cap.decide == "bound":
        notes = [*notes, *_on_clusters(clusters_of(posts, verdict.cluster, needed=False))]
    return replace(
        found,
        calibration=chosen.fitted,
        losses=chosen.losses,
        at_half=before.point(before.at(HALF), costs_of(settings.rule)),
        notes=[*notes, *found.notes],
    )


def _on_clusters(clusters: Clusters | None) -> list[str]:
    if clusters is None:
        return []
    return [
        "the upper ends of FPR that cap the threshold take every validation post as independent, though posts share "
        f"the {joined(clusters.shared)}: they are too low, so read FPR on test"
    ]


def _calibrated(
    system: str, truth: Flags, score: Floats, settings: Scoring, seed: int
) -> tuple[recalibration.Chosen, list[str]]:
    if settings.calibration == "none":
        return recalibration.Chosen(Recalibration(), {}, score), []
    methods = recalibration.METHODS if settings.calibration == "auto" else (settings.calibration,)
    chosen = recalibration.choose(truth, score, methods, seed=seed)
    notes = [f"scores of {system} are not calibrated: on validation {chosen.reason}"] if chosen.reason else []
    if chosen.fitted.temperature > recalibration.KNOWS_LITTLE:
        notes.append(
            f"calibration takes the scores of {system} for almost nothing (temperature "
            f"{chosen.fitted.temperature:.0f}): one temperature cannot mend scores that are all too high "
            f"or too low; {_instead(chosen.losses)}"
        )
    return chosen, notes


def _instead(losses: Mapping[str, float]) -> str:
    if "isotonic" not in losses:
        return "try scoring.calibration: isotonic"
    return (
        f"isotonic was tried too and is no better (held-out log loss {number(losses['isotonic'])} against "
        f"{number(losses['temperature'])})"
    )


def group_column(posts: Sequence[Post], rule: ThresholdRule) -> NDArray[np.str_] | None:
    """Return str[n], the column that a rule's cap goes by (else the group); `None` for all posts as one."""
    evidence = Evidence(posts, {}, {})
    by = rule.cap.by if rule.cap else "group"
    return evidence.column(by) if by in evidence.columns else None


def costs_of(rule: ThresholdRule) -> Costs | None:
    """Return what a rule's mistakes cost; `None` where it maximises F1."""
    return Costs(rule.cost.false_positive, rule.cost.false_negative) if rule.cost else None


def _chosen(system: str, curve: Curve, rule: ThresholdRule) -> Decision:
    costs = costs_of(rule)
    cap = Cap(rule.cap.at_most, rule.cap.decide) if rule.cap else None
    choice = choose_threshold(curve, costs, cap)
    point = curve.point(choice.at, costs)
    return Decision(
        system,
        point.threshold,
        chosen=True,
        rule=rule_text(rule) if choice.meets_cap else _missed(point, rule),
        meets_cap=choice.meets_cap if cap else None,
        validation=point,
        frontier=[curve.point(at, costs) for at in choice.frontier],
        left_out=curve.left_out,
        notes=[] if choice.meets_cap else [_not_met(system, point, rule)],
    )


def rule_text(rule: ThresholdRule) -> str:
    """Return a rule in words, like `highest F1 with FPR of every group at most 0.350, on validation`."""
    goal = "highest F1"
    if rule.cost is not None:
        goal = f"lowest cost (false positive {rule.cost.false_positive:g}, false negative {rule.cost.false_negative:g})"
    return f"{goal}, on validation" if rule.cap is None else f"{goal} with {_capped(rule.cap)}, on validation"


def _capped(cap: RateCap) -> str:
    what = "the upper end of FPR" if cap.decide == "bound" else "FPR"
    return f"{what} of {ALL if cap.by is None else f'every {cap.by}'} at most {limit(cap.at_most)}"


def _missed(point: OperatingPoint, rule: ThresholdRule) -> str:
    """Return how a threshold came about that breaks its cap: described by the cap alone, it would seem to keep it."""
    assert rule.cap is not None
    group, value = _worst(point, rule.cap)
    return (
        f"no threshold keeps {_capped(rule.cap)} on validation: this one, the nearest, has {number(value)} for {group} "
        f"and misses it by {number(value - rule.cap.at_most)}"
    )


def _worst(point: OperatingPoint, cap: RateCap) -> tuple[str, float]:
    """Return the group that a cap holds a threshold against, and its figure."""
    if cap.decide == "bound":
        return point.worst_bound_group, point.worst_bound
    return point.worst_group, point.worst_fpr


def _not_met(system: str, point: OperatingPoint, rule: ThresholdRule) -> str:
    assert rule.cap is not None
    group, value = _worst(point, rule.cap)
    more = "more negative validation posts of it, or another cap" if rule.cap.decide == "bound" else "another cap"
    return (
        f"no threshold of {system} that flags anything keeps {_capped(rule.cap)}, on validation: the nearest is "
        f"{number(point.threshold)}, with {number(value)} for {group} and F1 {number(point.f1)}; it takes {more}"
    )


def apply_decision(decision: Decision, scored: Sequence[Prediction], positive: str) -> list[Prediction]:
    """Return a system's predictions as the decision has them; those without a score stay as they are."""
    scores = decision.calibration.apply(np.array([row.score for row in scored], dtype=float))
    return [decided(row, positive, decision.threshold, float(score)) for row, score in zip(scored, scores, strict=True)]


def effect_of(
    decision: Decision,
    scored: Sequence[Prediction],
    positive: str,
    settings: VerdictSettings,
    clusters: Codes | None = None,
) -> Effect:
    """Return what the decision changed, from the test scores as they were made.

    Args:
        decision: how they become labels.
        scored: a system's predictions of the test posts before it, at 0.5.
        positive: the positive label.
        settings: confidence level and seed.
        clusters: int[n] of those posts; `None` if every post stands for itself.
    """
    truth = np.array([row.label == positive for row in scored])
    score = np.array([row.score for row in scored], dtype=float)
    answers = answers_to(truth, scored, positive)
    figures = ("f1", "fpr", "fnr", "flag_rate")
    return Effect(
        threshold=decision.threshold,
        chosen=decision.chosen,
        rule=decision.rule,
        meets_cap=decision.meets_cap,
        calibration=decision.calibration.method,
        temperature=decision.calibration.temperature,
        at_half={name: level(answers, name, settings.confidence, clusters=clusters) for name in figures},
        brier_before=brier(truth, score, settings.confidence, clusters),
        ece_before=calibration(truth, score, settings.confidence, seed=settings.seed).ece,
    )
