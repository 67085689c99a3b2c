"""Read the files that an audit holds against each other; each may be of another format and have other columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from probatum.data.labels import LabelSet
from probatum.data.predicted.columns import ROLES, find_column
from probatum.data.predicted.words import as_word, labels_of
from probatum.data.readers import raw_answers
from probatum.data.reading.answers import keyed_values
from probatum.data.reading.collect import ReadResult
from probatum.data.reading.columns import MOST_COLUMNS_NAMED, PostColumns
from probatum.data.reading.faults import BadRecord
from probatum.data.reading.files import load_text
from probatum.data.reading.formats import Table, read_rows
from probatum.data.reading.ready import MESSAGES
from probatum.data.records import POST_FIELDS, Post
from probatum.data.sources import SOURCES, Reading, source_named
from probatum.errors import DataError, did_you_mean

OWN_FILES = "files"
SEEN = 500  # characters of a file, by which a collection is told that is no table
LONGEST_LABEL = 4  # words


@dataclass(frozen=True)
class AuditedFiles:
    """The posts of all files.

    Attributes:
        files: path to the posts that are looked at.
        against: path to the posts that they are held against.
        labels: the labels that were read with.
        skipped: records that could not be read, where the user chose to skip them.
    """

    files: dict[str, list[Post]]
    against: dict[str, list[Post]]
    labels: LabelSet
    skipped: list[BadRecord] = field(default_factory=list)


@dataclass(frozen=True)
class _Plan:
    """How one file is read: as a published collection, or with its columns."""

    path: Path
    source: str
    columns: PostColumns = field(default_factory=PostColumns)
    label_words: list[str] = field(default_factory=list)


def read_audited(
    files: Sequence[Path],
    against: Sequence[Path],
    reading: Reading,
    *,
    source: str | None = None,
    named: Mapping[str, str] | None = None,
    positive: str | None = None,
) -> AuditedFiles:
    """Read every file in its own format.

    Args:
        files: the files to look at.
        against: the files to hold them against.
        reading: the labels, and the columns and the marker where a study names them.
        source: the published collection that all files are of, or `files` (default: told by each file's columns).
        named: role to column, as `parse_columns` gives it; a file without such a column has it under its usual name.
        positive: the positive label where the labels are others than those of `reading`; every other word that stands
            as a label is one more.

    Raises:
        DataError: a file is named twice, cannot be read, or lacks a column; a column named is in no file; no label is
            the positive one.
    """
    paths = [*files, *against]
    _refuse_twice(paths)
    if source in (None, OWN_FILES):
        plans = _plans(paths, reading, named or {}, positive, any_source=source is None)
    else:
        source_named(source)  # refuses one that nobody knows before any file is opened
        plans = [_Plan(path, source) for path in paths]
    labels = _labels(reading.labels, plans, positive)
    results: dict[Path, ReadResult] = {}
    for plan in plans:
        # a collection's hateful posts are the task's positive ones, also where the user asks about the others
        own = plan.source == OWN_FILES or labels.positive not in reading.labels.words
        chosen = replace(reading, columns=plan.columns, labels=labels if own else reading.labels)
        results[plan.path] = _read(plan, chosen, list(results.values()))
    return AuditedFiles(
        {str(path): results[path].posts for path in files},
        {str(path): results[path].posts for path in against},
        labels,
        [record for result in results.values() for record in result.skipped],
    )


def _refuse_twice(paths: Sequence[Path]) -> None:
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            raise DataError(f"{path}: named twice; a file cannot be held against itself")
        seen.add(path.resolve())


def _plans(
    paths: Sequence[Path], reading: Reading, named: Mapping[str, str], positive: str | None, any_source: bool
) -> list[_Plan]:
    published = {path: source for path in paths if any_source and (source := _source_by_start(path))}
    tables = {path: read_rows(path) for path in paths if path not in published}
    _refuse_unknown(list(tables.values()), named)
    others = positive is not None and reading.labels.resolve(as_word(positive)) is None
    return [
        _Plan(path, published[path])
        if path in published
        else _plan(tables[path], reading, named, any_source=any_source, labels_in_answers=others)
        for path in paths
    ]


def _source_by_start(path: Path) -> str | None:
    """Return the published collection whose files, which are no tables, begin as this one does."""
    start = load_text(path)[:SEEN]
    return next((source.name for source in SOURCES.values() if source.begins and source.begins.match(start)), None)


def _refuse_unknown(tables: Sequence[Table], named: Mapping[str, str]) -> None:
    """Refuse a column that is in no file: it is a slip of the pen."""
    names = list(dict.fromkeys(name for table in tables for name in table.columns()))
    if not tables and named:
        raise DataError("--columns: the files are of published collections, whose columns are known; leave it out")
    for role, column in named.items():
        if find_column(column, names) is None:
            hint = did_you_mean(column, names)
            near = f"{hint} " if hint.startswith("did") else ""
            shown = ", ".join(names[:MOST_COLUMNS_NAMED])
            raise DataError(f"--columns: no file has a column {column!r} for the {role}; {near}there are: {shown}")


def _plan(
    table: Table, reading: Reading, named: Mapping[str, str], *, any_source: bool, labels_in_answers: bool
) -> _Plan:
    """Find a file's columns: as named, or as the study says, or by their usual names."""
    names = table.columns()
    given = {role: getattr(reading.columns, role) for role in POST_FIELDS} | dict(named)
    found = {role: find_column(given[role], names) if given[role] else None for role in POST_FIELDS}
    found |= {role: find_column(ROLES[role] or role, names) for role in POST_FIELDS if found[role] is None}
    is_chat = MESSAGES in names and found["text"] is None
    if any_source and not is_chat and not (found["text"] and found["label"]):
        for source in SOURCES.values():
            if any(set(columns) <= set(names) for columns in source.known_by):
                return _Plan(table.path, source.name)
    if table.rows and not is_chat and found["text"] is None:
        raise DataError(_no_text(table, given["text"], names))
    columns = PostColumns(
        found["id"], found["text"] or "text", found["label"] or "label", found["group"], found["source"]
    )
    words = _label_words(table, columns.label)
    if not words and labels_in_answers:
        words = [as_word(word) for answer in raw_answers(table, columns, reading.marker) for word in _told_by(answer)]
    return _Plan(table.path, OWN_FILES, columns, words)


def _no_text(table: Table, wanted: str, names: Sequence[str]) -> str:
    return (
        f"{table.path}: no column {wanted!r} for the text; the file has: {', '.join(names[:MOST_COLUMNS_NAMED])}\n"
        f"say which is which, such as --columns text=COLUMN,label=COLUMN,group=COLUMN; a published collection may need "
        f"its name: --source {', '.join(name for name in SOURCES if name != OWN_FILES)}"
    )


def _label_words(table: Table, column: str) -> list[str]:
    values = (row.values.get(column) for row in table.rows)
    return [word for value in values if not isinstance(value, dict | list) and (word := as_word(value))]


def _told_by(answer: str) -> list[str]:
    """Return what may be a label in an answer: what stands under a label's key, or all of a short answer."""
    return keyed_values(answer) or ([answer] if len(answer.split()) <= LONGEST_LABEL else [])


def _labels(task: LabelSet, plans: Sequence[_Plan], positive: str | None) -> LabelSet:
    """Return the labels that the files have, where they are others than the task's.

    Raises:
        DataError: no label is the positive one, or no word is a label that the task knows.
    """
    words = [word for plan in plans for word in plan.label_words]
    known = [word for word in dict.fromkeys(words if positive is None else [as_word(positive)]) if task.resolve(word)]
    if not words and not known and positive is not None:
        raise DataError(
            f"--positive: no label {positive!r} was found; published collections are read with the labels "
            f"{' and '.join(task.words)}, of which {task.positive} is positive: leave --positive out"
        )
    return task if positive is None and (known or not words) else labels_of(words, positive)


def _read(plan: _Plan, reading: Reading, earlier: Sequence[ReadResult]) -> ReadResult:
    """Read a file; whole prompts are cut as in a file before if they are framed alike: many show a frame better."""
    read = source_named(plan.source).read
    for result in earlier:
        if result.frame is not None:
            try:
                return read(plan.path, replace(reading, frame=result.frame, on_error="stop"))
            except DataError:
                continue
    return read(plan.path, reading)
