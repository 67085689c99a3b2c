"""Systems of many runs in one order: who is best on the same posts, and who is not shown to be behind."""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from probatum.data.records import Post, Prediction
from probatum.errors import InputError, did_you_mean
from probatum.metrics.classification import Answers
from probatum.metrics.clusters import Codes
from probatum.metrics.intervals import Interval
from probatum.metrics.levels import level
from probatum.metrics.multiple import holm
from probatum.metrics.paired import difference
from probatum.metrics.permutation import permutation_p
from probatum.study import AUTO, VerdictSettings
from probatum.verdict.clustering import clusters_of
from probatum.verdict.evidence import line_up
from probatum.verdict.results import encode

SCHEMA = 1
Metric = Literal["f1", "f1_macro", "mcc", "accuracy", "precision", "recall"]
Standing = Literal["best", "behind", "not shown to be behind"]


@dataclass(frozen=True)
class Entry:
    """One system of one run.

    Attributes:
        run: what names the run.
        system: the system.
        posts: the posts that it was tested on.
        predictions: one for each of them, in any order.
        positive: the positive label.
        settings: what made it what it is: name to value.
        seconds: of training, if any, and of scoring; `None` where not known.
        cost: of those seconds; `None` without a price.
        cluster: what makes posts a cluster, as the run's study has it.
    """

    run: str
    system: str
    posts: Sequence[Post]
    predictions: Sequence[Prediction]
    positive: str
    settings: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None
    cost: float | None = None
    cluster: str = AUTO


@dataclass(frozen=True)
class Row:
    """One system on a board.

    Attributes:
        place: from 1; equal figures share one.
        runs: the runs that it stands in; several where their settings and answers are the same.
        system: the system.
        settings: those that differ on this board.
        figure: what the board is ordered by.
        fpr: false-positive rate.
        fnr: false-negative rate.
        behind: its figure minus the best one's, with the paired interval; undefined for the best itself.
        p_value: paired permutation test against the best, clusters swapped whole; NaN for the best itself.
        p_holm: the same by Holm over the board.
        standing: what the test says.
        seconds: of training, if any, and of scoring.
        cost: of those seconds.
    """

    place: int
    runs: list[str]
    system: str
    settings: dict[str, str]
    figure: Interval
    fpr: Interval
    fnr: Interval
    behind: Interval
    p_value: float
    p_holm: float
    standing: Standing
    seconds: float | None
    cost: float | None


@dataclass(frozen=True)
class Board:
    """Systems that were tested on exactly the same posts.

    Attributes:
        n: posts.
        positive: the positive label.
        apart: why they are not on the first board; empty for the first.
        rows: the best first.
        clusters: which posts count as one, in words; empty where every post stands for itself.
    """

    n: int
    positive: str
    apart: str
    rows: list[Row]
    clusters: str = ""


@dataclass(frozen=True)
class Leaderboard:
    """All boards, the one with most systems first.

    Attributes:
        metric: what they are ordered by.
        confidence: level of the intervals; tests are at 1 minus it.
        bootstrap_draws: draws of each bootstrap.
        seed: of the bootstrap.
        boards: one for each set of test posts.
        unread: run to why it has no place on a board, or not all of it.
        schema: version of this form.
    """

    metric: str
    confidence: float
    bootstrap_draws: int
    seed: int
    boards: list[Board]
    unread: dict[str, str] = field(default_factory=dict)
    schema: int = SCHEMA

    def to_json(self) -> dict[str, Any]:
        """Return JSON values at full precision; an undefined number is null beside its reason."""
        value: dict[str, Any] = encode(self)
        return value


def to_order_by(name: str) -> Metric:
    """Return the figure of that name.

    Raises:
        InputError: it is none to order systems by.
    """
    if name not in get_args(Metric):
        raise InputError(f"{name}: not a figure to order systems by; {did_you_mean(name, get_args(Metric))}")
    return cast(Metric, name)


def rank(
    entries: Sequence[Entry], metric: Metric, settings: VerdictSettings, unread: Mapping[str, str] | None = None
) -> Leaderboard:
    """Order systems by a figure, and test each against the best one on the same posts.

    The best is chosen on the posts that it is then tested on, so its lead is flattered; with one candidate more, the
    flattery grows. A choice among runs belongs on validation posts.

    Args:
        entries: systems of runs, in the order that equal figures keep.
        metric: the figure, of which more is better.
        settings: confidence level and bootstrap; its criteria play no part.
        unread: run to why it cannot be shown.

    Raises:
        DataError: the predictions of an entry are not of exactly its posts.
    """
    by_posts: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_posts[_fingerprint(entry)].append(entry)
    groups = sorted(by_posts.values(), key=len, reverse=True)
    boards = [_board(group, groups[0][0], metric, settings) for group in groups]
    return Leaderboard(metric, settings.confidence, settings.bootstrap_draws, settings.seed, boards, dict(unread or {}))


def _fingerprint(entry: Entry) -> str:
    """Return what two test sets share only if ids, texts, labels and the positive label are the same."""
    rows = sorted((post.id, post.text, post.label) for post in entry.posts)
    return hashlib.sha256(json.dumps([entry.positive, rows]).encode()).hexdigest()


def _board(entries: Sequence[Entry], first: Entry, metric: Metric, settings: VerdictSettings) -> Board:
    merged = _merge(entries)
    names = {str(at): entry.predictions for at, (entry, _) in enumerate(merged)}
    evidence = line_up(entries[0].posts, names, entries[0].positive)
    answers = [evidence.answers[name] for name in names]
    order = sorted(range(len(merged)), key=lambda at: _sort_key(answers[at], metric))
    best = answers[order[0]]
    clusters = clusters_of(entries[0].posts, entries[0].cluster)
    codes = clusters.codes if clusters else None
    seed = settings.seed
    tests = [
        math.nan if at == order[0] else permutation_p(answers[at], best, metric, clusters=codes, seed=seed)
        for at in order
    ]
    differing = _differing([entry for entry, _ in merged])
    rows: list[Row] = []
    for at, p_value, p_holm in zip(order, tests, holm(tests), strict=True):
        entry, runs = merged[at]
        figures = _figures(answers[at], metric, codes, settings)
        place = rows[-1].place if rows and rows[-1].figure.value == figures[metric].value else len(rows) + 1
        behind = Interval.undefined("the best one itself")
        if at != order[0]:
            draws = settings.bootstrap_draws
            found = difference(answers[at], best, metric, settings.confidence, clusters=codes, draws=draws, seed=seed)
            behind = found.interval
        rows.append(
            Row(
                place, runs, entry.system, {name: entry.settings[name] for name in differing if name in entry.settings},
                figures[metric], figures["fpr"], figures["fnr"], behind, p_value, p_holm,
                _standing(at == order[0], p_holm, 1 - settings.confidence), entry.seconds, entry.cost,
            )
        )  # fmt: skip
    note = clusters.note if clusters else ""
    return Board(len(entries[0].posts), entries[0].positive, _apart(entries[0], first), rows, note)


def _merge(entries: Sequence[Entry]) -> list[tuple[Entry, list[str]]]:
    """Return each system once, with the runs that hold it with the same settings and the same answers."""
    found: dict[str, tuple[Entry, list[str]]] = {}
    for entry in entries:
        rows = sorted((row.id, row.prediction, row.status, repr(row.score)) for row in entry.predictions)
        key = json.dumps([entry.system, sorted(entry.settings.items()), rows])
        found.setdefault(key, (entry, []))[1].append(entry.run)
    return list(found.values())


def _sort_key(answers: Answers, metric: str) -> float:
    value = float(answers.confusion().value(metric))
    return math.inf if math.isnan(value) else -value


def _differing(entries: Sequence[Entry]) -> list[str]:
    """Return the settings that have more than one value, in the order in which they are given."""
    values: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        for name, value in entry.settings.items():
            values[name].add(value)
    return [name for name, seen in values.items() if len(seen) > 1]


def _figures(answers: Answers, metric: str, clusters: Codes | None, settings: VerdictSettings) -> dict[str, Interval]:
    draws, seed = settings.bootstrap_draws, settings.seed
    return {
        name: level(answers, name, settings.confidence, clusters=clusters, draws=draws, seed=seed)
        for name in (metric, "fpr", "fnr")
    }


def _standing(is_best: bool, p_holm: float, alpha: float) -> Standing:
    if is_best:
        return "best"
    return "behind" if p_holm < alpha else "not shown to be behind"


def _apart(entry: Entry, first: Entry) -> str:
    """Return why an entry's posts are not those of the first board, in words; "" if they are."""
    if _fingerprint(entry) == _fingerprint(first):
        return ""
    if entry.positive != first.positive:
        return f"the positive label is {entry.positive}, on the first board it is {first.positive}"
    mine, theirs = ({(post.text, post.label) for post in one.posts} for one in (entry, first))
    shared = len(mine & theirs)
    if shared == len(mine) == len(theirs):
        return "the same posts under other ids"
    return (
        f"other test posts: {shared:,} of its {len(mine):,} texts stand with the same label among the {len(theirs):,} "
        "of the first board, so figures of the two must not be held against each other"
    )
