"""What a verdict rests on: posts and answers lined up, how training went, what it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probatum.data.records import POST_FIELDS, Post, Prediction, Status
from probatum.errors import DataError
from probatum.metrics.classification import Answers, Flags
from probatum.metrics.clusters import Codes
from probatum.metrics.intervals import Interval

NO_VALUE = "(none)"
MOST_NAMED = 12
LONGEST_VALUE = 60  # characters; names of communities and collections are shorter


@dataclass(frozen=True)
class TrainingSummary:
    """How training went; `None` where it is not known.

    Attributes:
        completed: whether every planned step ran, or early stopping ended it as asked.
        planned_steps: optimiser steps that were planned.
        steps: optimiser steps that ran.
        start_loss: validation loss before the first step.
        best_loss: validation loss of the kept checkpoint.
        best_step: step of the kept checkpoint.
        final_loss: validation loss at the last step.
        retention_nll_baseline: mean next-token loss on general text without the adapter, in nats.
        retention_nll_tuned: the same with the adapter.
        retention_rise: tuned minus baseline, paired by paragraph.
        learning_rate: peak learning rate.
        epochs: passes over the posts that were planned.
        notes: what else a reader should know.
        reweighting: whether posts were weighed by group and label.
    """

    completed: bool | None = None
    planned_steps: int | None = None
    steps: int | None = None
    start_loss: float | None = None
    best_loss: float | None = None
    best_step: int | None = None
    final_loss: float | None = None
    retention_nll_baseline: float | None = None
    retention_nll_tuned: float | None = None
    retention_rise: Interval | None = None
    learning_rate: float | None = None
    epochs: float | None = None
    notes: list[str] = field(default_factory=list)
    reweighting: bool = False


@dataclass(frozen=True)
class Usage:
    """What scoring with one system took; `None` where it is not known.

    Attributes:
        seconds: wall-clock time.
        tokens: tokens that went through the model.
        cost: in the currency of the study's `cost_per_hour`.
    """

    seconds: float | None = None
    tokens: int | None = None
    cost: float | None = None


@dataclass(frozen=True)
class Evidence:
    """Posts and every system's answers, in one order.

    Attributes:
        posts: n posts.
        predictions: system to its n predictions, in the posts' order.
        answers: the same as arrays.
        training: how training went, if there was any.
        clusters: int[n], posts of one value are one cluster; `None` if every post stands for itself.
    """

    posts: Sequence[Post]
    predictions: Mapping[str, Sequence[Prediction]]
    answers: Mapping[str, Answers]
    training: TrainingSummary | None = None
    clusters: Codes | None = None
    _cache: dict[str, NDArray[np.str_]] = field(default_factory=dict, repr=False, compare=False)

    def clusters_where(self, mask: Flags) -> Codes | None:
        """Return the clusters of the posts that a bool[n] mask picks."""
        return None if self.clusters is None else self.clusters[mask]

    def column(self, name: str) -> NDArray[np.str_]:
        """Return str[n], a column of the posts as text, `(none)` where a post has no value."""
        if name not in self._cache:
            self._cache[name] = np.array([_as_text(post.column(name)) for post in self.posts], dtype=np.str_)
        return self._cache[name]

    def has_few_values(self, name: str, most: int) -> bool:
        """Return whether a column parts the posts into at least two and at most so many slices.

        A column with a value of more than `LONGEST_VALUE` characters is free text, such as a rationale: it names no
        slices, and may quote the posts. Stops at the first value too many or too long, so that a column of texts is
        never laid out as an array.
        """
        seen: set[str] = set()
        for post in self.posts:
            value = post.column(name)
            shown = _as_text(value)
            seen.add(shown)
            too_many = len(seen) > min(most, len(self.posts) - 1)
            if isinstance(value, list | dict) or too_many or len(shown) > LONGEST_VALUE:
                return False
        return len(seen) >= 2

    @cached_property
    def columns(self) -> list[str]:
        """Return the columns that at least one post has a value in, without id, text and label."""
        names = ["group", "source", *sorted({name for post in self.posts for name in post.extra} - set(POST_FIELDS))]
        return [name for name in names if any(post.column(name) is not None for post in self.posts)]

    def select(self, wanted: Mapping[str, str]) -> tuple[Flags, str | None]:
        """Pick the posts of a slice.

        Args:
            wanted: column to the value that it must have; empty for all posts.

        Returns:
            bool[n], and if it picks nothing the reason, naming the columns or values that exist.
        """
        mask = np.ones(len(self.posts), dtype=bool)
        for name, value in wanted.items():
            if name not in {"label", *self.columns}:
                return mask & False, f"no post has a column {name!r}; columns: {', '.join(self.columns) or 'none'}"
            values = self.column(name)
            if value not in values:
                return mask & False, f"no post has {name}={value}; there are: {_named_values(values)}"
            mask &= values == value
        return mask, None if mask.any() else f"no post has {describe_slice(wanted)} together"


def why_empty(posts: Sequence[Post], wanted: Mapping[str, str]) -> str | None:
    """Return why a slice holds no post, naming the columns or values that exist; `None` where it holds some."""
    return Evidence(posts, {}, {}).select(wanted)[1]


def describe_slice(wanted: Mapping[str, str]) -> str:
    """Return a slice as words, like `group=lgbtq, source=toxigen`."""
    return ", ".join(f"{name}={value}" for name, value in wanted.items())


def line_up(
    posts: Sequence[Post],
    predictions: Mapping[str, Sequence[Prediction]],
    positive: str,
    training: TrainingSummary | None = None,
) -> Evidence:
    """Put every system's predictions into the posts' order.

    Args:
        posts: the posts that decide.
        predictions: system to its predictions, in any order.
        positive: the positive label; in a task with more labels all others are negative.
        training: how training went, if there was any.

    Raises:
        DataError: no posts or no systems, an id twice, a system that left out or added a post, or a prediction that
            carries another true label than the post.
    """
    if not posts:
        raise DataError("there are no posts, so there is nothing to compare on")
    if not predictions:
        raise DataError("there are no predictions; score a system first (probatum score --help)")
    _refuse_twice("the posts", [post.id for post in posts])
    ordered = {name: _in_order(name, posts, rows) for name, rows in predictions.items()}
    truth = np.array([post.label == positive for post in posts])
    answers = {name: answers_to(truth, rows, positive) for name, rows in ordered.items()}
    return Evidence(posts, ordered, answers, training)


def _in_order(system: str, posts: Sequence[Post], rows: Sequence[Prediction]) -> list[Prediction]:
    _refuse_twice(f"the predictions of {system!r}", [row.id for row in rows])
    by_id = {row.id: row for row in rows}
    known = {post.id for post in posts}
    missing = [post.id for post in posts if post.id not in by_id]
    extra = [row.id for row in rows if row.id not in known]
    if missing or extra:
        found = [_named_ids("no prediction for", missing), _named_ids("a prediction for unknown", extra)]
        raise DataError(
            f"{system!r} did not answer exactly the posts being compared: {' and '.join(filter(None, found))}; "
            f"score {system!r} again on the same file of posts"
        )
    ordered = [by_id[post.id] for post in posts]
    for post, row in zip(posts, ordered, strict=True):
        if post.label != row.label:
            raise DataError(
                f"post {post.id!r} is labelled {post.label!r}, but the predictions of {system!r} say {row.label!r}; "
                f"score {system!r} again on the same file of posts"
            )
    return ordered


def answers_to(truth: Flags, rows: Sequence[Prediction], positive: str) -> Answers:
    """Return one system's predictions as arrays.

    Args:
        truth: bool[n], the true label is the positive one.
        rows: its n predictions, in the same order.
        positive: the positive label.
    """
    parsed = np.array([row.status is Status.OK and row.prediction is not None for row in rows])
    return Answers(truth, np.array([row.prediction == positive for row in rows]) & parsed, parsed)


def _refuse_twice(where: str, ids: Sequence[str]) -> None:
    if len(set(ids)) < len(ids):
        first = next(name for name, times in Counter(ids).items() if times > 1)
        raise DataError(f"{where} hold the id {first!r} twice; ids must be unique")


def _named_ids(what: str, ids: Sequence[str]) -> str:
    if not ids:
        return ""
    named = ", ".join(repr(name) for name in ids[:3])
    return f"{what} {len(ids):,} post{'s' * (len(ids) > 1)} ({named}{', …' * (len(ids) > 3)})"


def _named_values(values: NDArray[np.str_]) -> str:
    counts = Counter(values.tolist()).most_common()
    named = ", ".join(f"{value} ({times:,})" for value, times in counts[:MOST_NAMED])
    return named + (f", … ({len(counts) - MOST_NAMED} more)" if len(counts) > MOST_NAMED else "")


def _as_text(value: Any) -> str:
    return NO_VALUE if value is None else str(value)
