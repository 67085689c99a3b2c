"""What a published collection needs to become posts: its own columns, its own words for the labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from probatum.data.labels import LabelSet
from probatum.data.readers import DEFAULT_MARKER, OnError, ReadResult, posts_of_table
from probatum.data.reading.columns import ColumnNames, PostColumns
from probatum.data.reading.faults import FieldError, bad_record, stop_on
from probatum.data.reading.formats import Table
from probatum.data.reading.frames import Frame
from probatum.errors import DataError

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the user chose about the reading of a file.

    Attributes:
        labels: the task's labels.
        columns: which columns hold what; the published collections have their own.
        marker: in ready prompts, the text after which the answer stands.
        on_error: on a bad record, stop or skip it.
        frame: what stands around every post of whole prompts (default: inferred from the file).
    """

    labels: LabelSet
    columns: ColumnNames = field(default_factory=PostColumns)
    marker: str = DEFAULT_MARKER
    on_error: OnError = "stop"
    frame: Frame | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One way in which posts are published.

    Attributes:
        name: what the user calls it.
        about: one line: what it is and which file of it is read.
        licence: its licence, and whom to cite.
        read: reads one file of it.
        test_file: the name under which its test posts are published beside the file that is split.
        known_by: sets of columns, one of which its files have; empty where they are no tables.
        begins: how its files begin that are no tables.
    """

    name: str
    about: str
    licence: str
    read: Callable[[Path, Reading], ReadResult]
    test_file: str | None = None
    known_by: tuple[tuple[str, ...], ...] = ()
    begins: re.Pattern[str] | None = None


def binary_labels(labels: LabelSet, positive: str, negative: str) -> LabelSet:
    """Return the task's two labels under the names that a collection has for them.

    Raises:
        DataError: the task has not exactly two labels.
    """
    if labels.negative is None:
        raise DataError(
            f"this collection has two labels, {positive!r} and {negative!r}; the task has {len(labels.words)}: "
            f"{', '.join(labels.words)} (prepare the file as `files` with a label column of your own)"
        )
    return LabelSet(labels.positive, {labels.positive: positive, labels.negative: negative})


def posts_of_rows(table: Table, reading: Reading, names: LabelSet, rewrite: Callable[[Values], Values]) -> ReadResult:
    """Turn a collection's rows into posts, after rewriting each to a post's own columns.

    Args:
        table: the file's rows.
        reading: what the user chose.
        names: the task's labels under the collection's names.
        rewrite: a row's columns to a post's columns; raises `FieldError` where the row is bad.

    Raises:
        DataError: the file cannot be used, or a row is bad and the user chose to stop.
    """
    result = posts_of_table(_rewritten(table, rewrite), names, PostColumns(), marker="")
    if reading.on_error == "stop":
        stop_on(result.skipped)
    if not result.posts:
        raise DataError("\n".join([f"{table.path}: no usable post", *map(str, result.skipped[:20])]))
    return result


def _rewritten(table: Table, rewrite: Callable[[Values], Values]) -> Table:
    """Rewrite every row of a table; a row that cannot be rewritten becomes a bad record."""
    rows, bad = [], list(table.bad)
    for row in table.rows:
        try:
            rows.append(replace(row, values=rewrite(row.values)))
        except FieldError as fault:
            bad.append(bad_record(table.path, row.line, fault))
    return Table(table.path, rows, bad)


def move(values: Mapping[str, Any], names: Mapping[str, str], drop: Sequence[str] = ()) -> Values:
    """Rename columns (`{"text": "test_case"}`: the post's name to the file's) and drop some; the rest stays.

    Raises:
        FieldError: the row lacks one of the columns.
    """
    for name in names.values():
        if name not in values:
            raise FieldError(name, "missing")
    gone = {*names.values(), *drop}
    return {own: values[name] for own, name in names.items()} | {k: v for k, v in values.items() if k not in gone}


def require_columns(table: Table, names: Sequence[str], what: str) -> None:
    """Refuse a file that is not the collection's.

    Raises:
        DataError: no row has one of the columns.
    """
    present = table.columns()
    if missing := [name for name in names if table.rows and name not in present]:
        listed = ", ".join(present[:12]) + (", …" if len(present) > 12 else "")
        raise DataError(f"{table.path}: not {what}: no column {', '.join(map(repr, missing))}; the file has: {listed}")
