"""From predictions made elsewhere to each run's figures, and what a paired comparison of any two supports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np

from probatum.data.labels import LabelSet
from probatum.data.normalise import normalise_text
from probatum.data.predicted.runs import PredictedRun
from probatum.data.records import Post, Prediction, Status
from probatum.metrics.areas import auroc_interval
from probatum.metrics.classification import DEFINITIONS, Answers, Confusion, Floats
from probatum.metrics.clusters import Codes
from probatum.metrics.intervals import Interval
from probatum.metrics.levels import level
from probatum.metrics.multiple import holm
from probatum.metrics.paired import difference
from probatum.study import VerdictSettings
from probatum.verdict.clustering import Clusters, join
from probatum.verdict.compare import hold_against
from probatum.verdict.evidence import NO_VALUE, Evidence, answers_to, line_up
from probatum.verdict.pairing import Pairing, pair
from probatum.verdict.results import Comparison, GroupChange, encode
from probatum.verdict.supported import statement
from probatum.verdict.wording import missing_scores, one_class

SCHEMA = 1
FEWEST_TIMES = 10  # the draws, for F1: p = 0.05 varies by 0.002 from seed to seed with 20,000, by 0.007 with 2,000
Counting = Literal["all", "valid_only"]


@dataclass(frozen=True)
class Figures:
    """Counts, and the figures made from them: metric to its value and interval, `auroc` among them."""

    confusion: Confusion
    metrics: dict[str, Interval]


@dataclass(frozen=True)
class SliceFigures:
    """One run on the posts with one value of a column, or on all of them.

    Attributes:
        value: the column's value; `None` for all posts.
        n: posts.
        unparsed: posts whose prediction names no label.
        counted: posts that the figures rest on: all, or those that could be parsed.
        confusion: counts, as asked for.
        metrics: metric to its value and interval, as asked for.
        valid_only: the figures without the unparsed, where there are some and all are counted.
    """

    value: str | None
    n: int
    unparsed: int
    counted: int
    confusion: Confusion
    metrics: dict[str, Interval]
    valid_only: Figures | None


@dataclass(frozen=True)
class RunFigures:
    """One run's own figures.

    Attributes:
        name: what tells it from the others.
        file: where it was read.
        labels: true label to the number of posts with it.
        unparsed_words: what stood where a label was expected, with how often.
        has_scores: whether a column with scores was named.
        overall: on all posts.
        groups: by group, the largest first; empty where no post has one.
        sources: by source.
        notes: what a reader should know.
    """

    name: str
    file: str
    labels: dict[str, int]
    unparsed_words: dict[str, int]
    has_scores: bool
    overall: SliceFigures
    groups: list[SliceFigures]
    sources: list[SliceFigures]
    notes: list[str]


@dataclass(frozen=True)
class PairFigures:
    """One run held against an earlier one, on the posts that both hold.

    Attributes:
        system: the later run.
        other: the earlier run.
        paired_by: id or text.
        paired: posts that both hold.
        compared: of those, the posts that the figures rest on.
        same_posts: whether both runs are about exactly the same posts.
        only_system: rows of the later run that the other does not hold.
        only_other: rows of the other that the later does not hold.
        other_text: rows with the same id but another text.
        other_label: rows about the same post with another true label.
        differences: metric to system minus other, with its paired interval.
        mcnemar_p: exact McNemar test on right and wrong answers; NaN where nothing was compared.
        holm_p: "f1" and "accuracy" to the p-value of no difference, by Holm over all pairs and both.
        supported: which of them differ, at the level that all share.
        fixed: ids of posts that the other got wrong and the system right.
        broken: ids of posts that the other got right and the system wrong.
        groups: change of FPR and FNR by group.
        statement: what is supported, in words.
    """

    system: str
    other: str
    paired_by: Literal["id", "text"]
    paired: int
    compared: int
    same_posts: bool
    only_system: int
    only_other: int
    other_text: int
    other_label: int
    differences: dict[str, Interval]
    mcnemar_p: float
    holm_p: dict[str, float]
    supported: list[str]
    fixed: list[str]
    broken: list[str]
    groups: list[GroupChange]
    statement: str


@dataclass(frozen=True)
class RunsCompared:
    """Every run's figures and every pair's differences.

    Attributes:
        positive: the positive label.
        counting: whether all posts count, an unparsed prediction as wrong, or only those that could be parsed.
        confidence: level of every interval.
        bootstrap_draws: draws of each bootstrap.
        seed: of the bootstrap.
        runs: in the order given.
        pairs: each run against each earlier one.
        schema: version of this form.
    """

    positive: str
    counting: Counting
    confidence: float
    bootstrap_draws: int
    seed: int
    runs: list[RunFigures]
    pairs: list[PairFigures]
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """Return JSON values at full precision; an undefined number is null beside its reason."""
        value: dict[str, Any] = encode(self)
        return value


def compare_runs(
    runs: Sequence[PredictedRun], labels: LabelSet, counting: Counting, settings: VerdictSettings
) -> RunsCompared:
    """Measure every run, and hold each against each earlier one on the posts that both hold.

    Args:
        runs: at least one.
        labels: the labels that the runs were read with.
        counting: whether an unparsed prediction counts as wrong or is left out.
        settings: confidence level and bootstrap; its criteria play no part.

    Raises:
        DataError: two runs cannot be paired by anything.
    """
    figures = [_measure(run, labels.positive, counting, settings) for run in runs]
    pairs = [_line_up(first, later, labels.positive, counting) for first, later in combinations(runs, 2)]
    found = [_hold(pair, settings, len(pairs)) for pair in pairs]
    adjusted = iter(holm([p for one in found for p in one.p_values.values()]))
    told = [
        _told(pair, one, {metric: next(adjusted) for metric in one.p_values}, settings, len(pairs))
        for pair, one in zip(pairs, found, strict=True)
    ]
    return RunsCompared(
        labels.positive, counting, settings.confidence, settings.bootstrap_draws, settings.seed, figures, told
    )


def _measure(run: PredictedRun, positive: str, counting: Counting, settings: VerdictSettings) -> RunFigures:
    rows = run.predictions
    answers = answers_to(np.array([row.label == positive for row in rows]), rows, positive)
    scores = np.array([row.score for row in rows], dtype=float)

    clusters = _clusters(run.clusters, run.texts)

    def measured(mask: np.ndarray) -> Figures:
        mine = None if clusters is None else clusters.codes[mask]
        return _figures(answers.where(mask), scores[mask], mine, settings)

    def figures(value: str | None, mask: np.ndarray) -> SliceFigures:
        return _slice(value, measured(mask), measured(mask & answers.parsed), counting)

    def by(column: str) -> list[SliceFigures]:
        values = np.array([getattr(row, column) or NO_VALUE for row in rows])
        if all(getattr(row, column) is None for row in rows):
            return []
        slices = [figures(str(value), values == value) for value in np.unique(values)]
        return sorted(slices, key=lambda found: (-found.n, found.value))

    return RunFigures(
        name=run.name,
        file=str(run.path),
        labels=dict(Counter(row.label for row in rows).most_common()),
        unparsed_words=run.unparsed_words,
        has_scores=run.has_scores,
        overall=figures(None, np.ones(len(rows), dtype=bool)),
        groups=by("group"),
        sources=by("source"),
        notes=[
            *run.notes,
            *([clusters.note] if clusters else []),
            *_on_data(answers, scores, run.has_scores, positive),
        ],
    )


def _on_data(answers: Answers, scores: Floats, has_scores: bool, positive: str) -> list[str]:
    positives = int(answers.truth.sum())
    missing = int(np.isnan(scores).sum()) if has_scores else 0
    notes = one_class(positive, positives, len(scores) - positives), missing_scores(missing, len(scores))
    return [note for note in notes if note]


def _clusters(named: Sequence[str | None], texts: Sequence[str | None]) -> Clusters | None:
    normalised = [None if text is None else normalise_text(text) for text in texts]
    return join({"cluster": named, "text": normalised} if named else {"text": normalised})


def _slice(value: str | None, every: Figures, valid: Figures, counting: Counting) -> SliceFigures:
    n, unparsed = every.confusion.n, every.confusion.unparsed
    chosen = every if counting == "all" else valid
    beside = valid if counting == "all" and unparsed else None
    return SliceFigures(value, n, unparsed, chosen.confusion.n, chosen.confusion, chosen.metrics, beside)


def _figures(answers: Answers, scores: Floats, clusters: Codes | None, settings: VerdictSettings) -> Figures:
    counts, confidence = answers.confusion(), settings.confidence
    area = auroc_interval(answers.truth, scores, confidence, clusters)
    figures = {name: level(answers, name, confidence, clusters=clusters) for name in DEFINITIONS}
    return Figures(counts, figures | {"auroc": area})


@dataclass(frozen=True)
class _LinedUp:
    """Two runs and the posts that both hold; no evidence where none is left to compare on."""

    later: str
    first: str
    pairing: Pairing
    evidence: Evidence | None


@dataclass(frozen=True)
class _Held:
    """What was found of two runs, and the p-values of no difference; both empty without evidence."""

    comparison: Comparison | None
    p_values: dict[str, float]


def _line_up(first: PredictedRun, later: PredictedRun, positive: str, counting: Counting) -> _LinedUp:
    pairing = pair(first, later)
    return _LinedUp(later.name, first.name, pairing, _evidence(first, later, pairing, positive, counting))


def _hold(found: _LinedUp, settings: VerdictSettings, num_pairs: int) -> _Held:
    """Compare two runs; F1 on more draws the more pairs share the level, for the smaller p-values that they take."""
    evidence = found.evidence
    if evidence is None:
        return _Held(None, {})
    comparison = hold_against(found.later, found.first, evidence, settings)
    mine, theirs = evidence.answers[found.later], evidence.answers[found.first]
    draws = settings.bootstrap_draws * max(FEWEST_TIMES, num_pairs)
    f1 = difference(
        mine, theirs, "f1", settings.confidence, clusters=evidence.clusters, draws=draws, seed=settings.seed
    )
    told = replace(comparison, differences=comparison.differences | {"f1": f1.interval})
    return _Held(told, {"f1": f1.p_value, "accuracy": comparison.mcnemar_p})


def _told(
    pair: _LinedUp, held: _Held, holm_p: dict[str, float], settings: VerdictSettings, num_pairs: int
) -> PairFigures:
    pairing, found = pair.pairing, held.comparison
    count = len(pair.evidence.posts) if pair.evidence else 0
    supported = [metric for metric, p in holm_p.items() if p <= 1 - settings.confidence]
    return PairFigures(
        system=pair.later,
        other=pair.first,
        paired_by=pairing.by,
        paired=len(pairing.rows),
        compared=count,
        same_posts=pairing.whole,
        only_system=pairing.only_second,
        only_other=pairing.only_first,
        other_text=pairing.other_text,
        other_label=pairing.other_label,
        differences=found.differences if found else {},
        mcnemar_p=found.mcnemar_p if found else float("nan"),
        holm_p=holm_p,
        supported=supported,
        fixed=found.fixed if found else [],
        broken=found.broken if found else [],
        groups=found.groups if found else [],
        statement=statement(
            pair.later,
            pair.first,
            pairing,
            found,
            supported=supported,
            holm_p=holm_p,
            count=count,
            num_pairs=num_pairs,
            confidence=settings.confidence,
        ),
    )


def _evidence(
    first: PredictedRun, later: PredictedRun, pairing: Pairing, positive: str, counting: Counting
) -> Evidence | None:
    """Line up the posts that both runs hold; `None` where none is left to compare on."""
    posts: list[Post] = []
    mine: list[Prediction] = []
    theirs: list[Prediction] = []
    rows: list[int] = []
    for at, there in pairing.rows:
        other, system = first.predictions[at], later.predictions[there]
        if counting == "valid_only" and not other.status == system.status == Status.OK:
            continue
        posts.append(Post(other.id, first.texts[at] or "", other.label, other.group, other.source))
        mine.append(replace(system, id=other.id))
        theirs.append(other)
        rows.append(at)
    if not posts:
        return None
    clusters = _clusters([first.clusters[at] for at in rows if first.clusters], [first.texts[at] for at in rows])
    evidence = line_up(posts, {later.name: mine, first.name: theirs}, positive)
    return replace(evidence, clusters=clusters.codes if clusters else None)
