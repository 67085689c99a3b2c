"""Functional tests for the study: HateCheck as published, a prepared file, or the user's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from probatum.data.labels import LabelSet
from probatum.data.readers import read_posts
from probatum.data.reading.columns import PostColumns
from probatum.data.reading.formats import read_rows
from probatum.data.records import Post
from probatum.data.sources.hatecheck import read_hatecheck
from probatum.data.sources.source import Reading
from probatum.errors import DataError, did_you_mean
from probatum.study import BehaviourColumns

PUBLISHED = ("test_case", "label_gold", "functionality")  # columns of HateCheck's test_suite_cases.csv

DEFAULT_GROUP = BehaviourColumns().group


def read_cases(path: Path, labels: LabelSet, columns: BehaviourColumns) -> list[Post]:
    """Read functional tests, each with its functionality, template and group.

    Args:
        path: HateCheck's own file, what `probatum prepare hatecheck` wrote, or any file of posts with these columns.
        labels: the task's labels.
        columns: which columns hold what.

    Raises:
        DataError: the file cannot be used, a case is bad, or no case says what it checks.
    """
    table = read_rows(path)
    names = table.columns()
    if set(PUBLISHED) <= set(names):
        return read_hatecheck(path, Reading(labels)).posts
    if columns.functionality not in names:
        raise DataError(
            f"{path}: no column {columns.functionality!r} that says what a case checks; "
            f"{did_you_mean(columns.functionality, names)} (set data.behaviour_columns.functionality)"
        )
    group = columns.group if columns.group in names or columns.group != DEFAULT_GROUP else None
    posts = read_posts(path, labels, PostColumns(text=columns.text, label=columns.label, group=group)).posts
    return [replace(post, extra=_renamed(post, columns)) for post in posts]


def _renamed(post: Post, columns: BehaviourColumns) -> dict[str, Any]:
    """Return a case's further columns with functionality and template under their own names."""
    own = {"functionality": columns.functionality, "templ_id": columns.template}
    rest = {name: value for name, value in post.extra.items() if name not in own.values()}
    return rest | {name: post.column(column) for name, column in own.items() if post.column(column) is not None}
