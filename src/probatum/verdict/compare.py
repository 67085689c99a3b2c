"""From posts and predictions to a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from probatum.data.records import Post, Prediction, Status
from probatum.metrics.areas import auprc_interval, auroc_interval, bias_areas
from probatum.metrics.calibration import brier, calibration
from probatum.metrics.classification import DEFINITIONS, Answers, Floats
from probatum.metrics.clusters import Codes
from probatum.metrics.groups import by_value, demographic_parity, equalised_odds, group_table
from probatum.metrics.intervals import Interval
from probatum.metrics.levels import level
from probatum.metrics.multiple import holm
from probatum.metrics.paired import Difference, difference
from probatum.metrics.ranking import power_mean
from probatum.study import VerdictSettings
from probatum.verdict.causes import Clues
from probatum.verdict.causes import diagnose as find_causes
from probatum.verdict.clustering import clusters_of
from probatum.verdict.criteria import judge
from probatum.verdict.decision import Effect
from probatum.verdict.diagnose import further_notes, next_step, notes_on
from probatum.verdict.evidence import NO_VALUE, Evidence, TrainingSummary, Usage, line_up
from probatum.verdict.further import Further, weigh
from probatum.verdict.results import (
    Comparison,
    CriterionResult,
    Fairness,
    GroupChange,
    Outcome,
    PostAnswers,
    SliceRow,
    SystemResult,
    Verdict,
)

MOST_SLICES = 12
DIFFERENCES = ("f1", "f1_macro", "mcc", "accuracy", "precision", "recall", "fpr", "fnr", "fdr", "flag_rate")


def compare(
    posts: Sequence[Post],
    predictions: Mapping[str, Sequence[Prediction]],
    settings: VerdictSettings,
    positive: str,
    *,
    training: TrainingSummary | None = None,
    usage: Mapping[str, Usage] | None = None,
    notes: Sequence[str] = (),
    doubts: Sequence[str] = (),
    further: Further | None = None,
    decisions: Mapping[str, Effect] | None = None,
) -> Verdict:
    """Measure every system on the same posts, judge the criteria and say what to do next.

    Args:
        posts: the posts that decide.
        predictions: system to its predictions of exactly these posts, in any order.
        settings: criteria, confidence level and bootstrap.
        positive: the positive label; in a task with more labels all others are negative.
        training: how training went, if there was any.
        usage: system to what scoring with it took.
        notes: what else a reader should know, such as that validation was split to make a test.
        doubts: what forbids to accept whatever the criteria say, such as test posts that stand in training.
        further: what is known beside the answers about these posts.
        decisions: system to what its threshold and calibration changed on these posts.

    Returns:
        The verdict. The same input gives the same verdict, in whatever order the posts come.

    Raises:
        DataError: no posts, or a system whose predictions are not of exactly these posts.
    """
    clusters = clusters_of(posts, settings.cluster)
    evidence = replace(line_up(posts, predictions, positive, training), clusters=clusters.codes if clusters else None)
    results = {name: _system(name, evidence, settings, (usage or {}).get(name, Usage())) for name in evidence.answers}
    further = further or Further()
    figures = weigh(
        further, [judge(one, evidence, settings) for one in settings.criteria], evidence, settings, positive
    )
    criteria = figures.criteria
    outcome = overall(criteria, doubts)
    diagnosis = find_causes(evidence, training, further.clues or Clues(), settings, positive, effects=decisions)
    if outcome == "accepted":  # there is nothing to explain
        diagnosis = replace(diagnosis, causes=[])
    comparisons = _comparisons(evidence, settings)
    on_clusters = [clusters.note] if clusters else []
    all_notes = [
        *doubts,
        *notes,
        *on_clusters,
        *(training.notes if training else []),
        *notes_on(results, comparisons, training, decisions or {}, positive),
        *further_notes(figures, comparisons, settings.confidence),
    ]
    return Verdict(
        outcome=outcome,
        sentence=sentence(outcome, criteria, doubts),
        criteria=criteria,
        systems=results,
        groups=_slice_rows(evidence, ["group"], settings),
        slices=_slice_rows(evidence, _slice_columns(evidence), settings),
        comparisons=comparisons,
        changed=_changed(evidence, comparisons),
        notes=list(dict.fromkeys(all_notes)),
        next_step=next_step(
            outcome, criteria, results, comparisons, training, doubts=doubts, diagnosis=diagnosis, seeds=figures.seeds
        ),
        n=len(posts),
        positive=positive,
        confidence=settings.confidence,
        bootstrap_draws=settings.bootstrap_draws,
        seed=settings.seed,
        decisions=dict(decisions or {}),
        diagnosis=diagnosis,
        seeds=figures.seeds,
        noise_floor=figures.noise_floor,
        retention=figures.retention,
        behaviour=figures.behaviour,
        swaps=figures.swaps,
    )


def overall(criteria: Sequence[CriterionResult], doubts: Sequence[str] = ()) -> Outcome:
    """Return accepted if every criterion passed, rejected if one failed, else inconclusive.

    No criteria at all, or a doubt about the posts, is inconclusive too.
    """
    outcomes = {result.outcome for result in criteria}
    if "failed" in outcomes:
        return "rejected"
    return "accepted" if outcomes == {"passed"} and not doubts else "inconclusive"


def sentence(outcome: Outcome, criteria: Sequence[CriterionResult], doubts: Sequence[str] = ()) -> str:
    """Return the outcome with the reasons for it."""
    if not criteria:
        return "Inconclusive: the study sets no criteria."
    if doubts and all(result.outcome == "passed" for result in criteria):
        return f"Inconclusive: every criterion passed, but {'; '.join(doubts)}."
    if outcome == "accepted":
        return (
            f"Accepted: all {len(criteria)} criteria passed."
            if len(criteria) > 1
            else "Accepted: the criterion passed."
        )
    decisive = "failed" if outcome == "rejected" else "inconclusive"
    reasons = [f"{result.text}: {result.reason}" for result in criteria if result.outcome == decisive]
    counts = Counter(result.outcome for result in criteria)
    tally = ", ".join(f"{counts[name]} {name}" for name in ("passed", "failed", "inconclusive") if counts[name])
    return f"{outcome.capitalize()} ({tally}). " + " ".join(f"{decisive.capitalize()}: {reason}." for reason in reasons)


def _system(name: str, evidence: Evidence, settings: VerdictSettings, usage: Usage) -> SystemResult:
    rows, answers = evidence.predictions[name], evidence.answers[name]
    counts = answers.confusion()
    scores = np.array([row.score for row in rows], dtype=float)
    statuses = Counter(row.status for row in rows)
    parsed = answers.parsed
    dropped = int(np.count_nonzero(~parsed))
    return SystemResult(
        name=name,
        n=len(rows),
        confusion=counts,
        metrics=_metrics(answers, evidence.clusters, settings) | _score_metrics(scores, evidence, answers, settings),
        unparsed=dropped - statuses[Status.ERROR],
        errors=statuses[Status.ERROR],
        truncated=sum(row.truncated for row in rows),
        valid_only=_metrics(answers.where(parsed), evidence.clusters_where(parsed), settings) if dropped else {},
        valid_confusion=counts.valid_only() if dropped else None,
        usage=usage,
        calibration=calibration(
            answers.truth, scores, settings.confidence, clusters=evidence.clusters, seed=settings.seed
        ),
        fairness=_fairness(evidence, answers, scores, settings),
    )


def _metrics(answers: Answers, clusters: Codes | None, settings: VerdictSettings) -> dict[str, Interval]:
    drawn = {"draws": settings.bootstrap_draws, "seed": settings.seed}
    return {metric: level(answers, metric, settings.confidence, clusters=clusters, **drawn) for metric in DEFINITIONS}


def _score_metrics(
    scores: Floats, evidence: Evidence, answers: Answers, settings: VerdictSettings
) -> dict[str, Interval]:
    measures = {"auroc": auroc_interval, "auprc": auprc_interval, "brier": brier}
    return {
        name: measure(answers.truth, scores, settings.confidence, evidence.clusters)
        for name, measure in measures.items()
    }


def _fairness(evidence: Evidence, answers: Answers, scores: Floats, settings: VerdictSettings) -> Fairness | None:
    if "group" not in evidence.columns:
        return None
    values, confidence = evidence.column("group"), settings.confidence
    parts = by_value(values, answers, evidence.clusters)
    groups = {name: part for name, part in parts.items() if name != NO_VALUE}
    areas = bias_areas(values, answers.truth, scores, confidence, list(groups), clusters=evidence.clusters)
    return Fairness(
        demographic_parity=demographic_parity(groups, confidence),
        equalised_odds=equalised_odds(groups, confidence),
        areas=areas,
        mean_areas={
            kind: power_mean([getattr(one, kind).value for one in areas]) for kind in ("subgroup", "bpsn", "bnsp")
        },
    )


def _slice_columns(evidence: Evidence) -> list[str]:
    """Return source, and every further column that parts the posts into 2 to 12 slices."""
    return [
        name
        for name in evidence.columns
        if name != "group" and (name == "source" or evidence.has_few_values(name, MOST_SLICES))
    ]


def _slice_rows(evidence: Evidence, columns: Sequence[str], settings: VerdictSettings) -> list[SliceRow]:
    """Return a row per column, value (largest first) and system, so that systems stand below each other."""
    rows = [
        SliceRow(column, system, row)
        for column in columns
        if column in evidence.columns
        for system, answers in evidence.answers.items()
        for row in group_table(by_value(evidence.column(column), answers, evidence.clusters), settings.confidence)
    ]
    return sorted(rows, key=lambda row: (columns.index(row.column), -row.row.n, row.row.value))


def _comparisons(evidence: Evidence, settings: VerdictSettings) -> list[Comparison]:
    """Hold the tuned system, or the last one if there is none, against each other one."""
    systems = list(evidence.answers)
    judged = "tuned" if "tuned" in systems else systems[-1]
    return [hold_against(judged, other, evidence, settings) for other in systems if other != judged]


def hold_against(system: str, other: str, evidence: Evidence, settings: VerdictSettings) -> Comparison:
    """Compare two systems on the same posts: paired differences, McNemar's test, what was fixed and broken.

    Args:
        system: the one that is judged.
        other: the one it is held against.
        evidence: posts and both systems' answers.
        settings: confidence level and bootstrap.
    """
    mine, theirs = evidence.answers[system], evidence.answers[other]
    fixed, broken = mine.correct & ~theirs.correct, theirs.correct & ~mine.correct
    clusters = evidence.clusters
    found = {metric: _difference(mine, theirs, metric, clusters, settings) for metric in DIFFERENCES}
    return Comparison(
        system=system,
        other=other,
        differences={metric: change.interval for metric, change in found.items()},
        mcnemar_p=found["accuracy"].p_value,
        fixed=[post.id for post, is_fixed in zip(evidence.posts, fixed, strict=True) if is_fixed],
        broken=[post.id for post, is_broken in zip(evidence.posts, broken, strict=True) if is_broken],
        groups=group_changes(mine, theirs, evidence, settings) if "group" in evidence.columns else [],
    )


def group_changes(mine: Answers, theirs: Answers, evidence: Evidence, settings: VerdictSettings) -> list[GroupChange]:
    """Return how FPR and FNR change within each group, the tests by Holm over all groups and both rates.

    Args:
        mine: the judged system's answers.
        theirs: the other system's.
        evidence: the posts that both are about.
        settings: confidence level and bootstrap.
    """
    groups = evidence.column("group")
    masks = {str(value): groups == value for value in np.unique(groups)}
    found = {
        metric: [
            _difference(mine.where(mask), theirs.where(mask), metric, evidence.clusters_where(mask), settings)
            for mask in masks.values()
        ]
        for metric in ("fpr", "fnr")
    }
    p_values = iter(holm([change.p_value for changes in found.values() for change in changes]))
    tested = {metric: [next(p_values) for _ in changes] for metric, changes in found.items()}
    return [
        GroupChange(value, fpr.interval, fnr.interval, fpr_p, fnr_p)
        for value, fpr, fnr, fpr_p, fnr_p in zip(masks, *found.values(), *tested.values(), strict=True)
    ]


def _difference(
    mine: Answers, theirs: Answers, metric: str, clusters: Codes | None, settings: VerdictSettings
) -> Difference:
    draws, seed = settings.bootstrap_draws, settings.seed
    return difference(mine, theirs, metric, settings.confidence, clusters=clusters, draws=draws, seed=seed)


def _changed(evidence: Evidence, comparisons: Sequence[Comparison]) -> dict[str, PostAnswers]:
    ids = {name for comparison in comparisons for name in (*comparison.fixed, *comparison.broken)}
    return {
        post.id: PostAnswers(post.label, {name: rows[at].prediction for name, rows in evidence.predictions.items()})
        for at, post in enumerate(evidence.posts)
        if post.id in ids
    }
