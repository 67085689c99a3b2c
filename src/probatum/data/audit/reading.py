"""Read the files that an audit holds against each other; each may be of another format and have other columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from probatum.data.labels import LabelSet
from probatum.data.predicted.columns import ROLES, find_column
from probatum.data.predicted.words import as_word, labels_of
from probatum.data.reading.collect import ReadResult
from probatum.data.reading.columns import MOST_COLUMNS_NAMED, PostColumns
from probatum.data.reading.faults import BadRecord
from probatum.data.reading.formats import Table, read_rows
from probatum.data.reading.ready import MESSAGES
from probatum.data.records import POST_FIELDS, Post
from probatum.data.sources import Reading, source_named
from probatum.errors import DataError

OWN_FILES = "files"


@dataclass(frozen=True)
class AuditedFiles:
    """The posts of all files.

    Attributes:
        files: path to the posts that are looked at.
        against: path to the posts that they are held against.
        skipped: records that could not be read, where the user chose to skip them.
        labels: the labels that were read with.
    """

    files: dict[str, list[Post]]
    against: dict[str, list[Post]]
    labels: LabelSet
    skipped: list[BadRecord] = field(default_factory=list)


def read_audited(
    files: Sequence[Path],
    against: Sequence[Path],
    reading: Reading,
    *,
    source: str = OWN_FILES,
    named: Mapping[str, str] | None = None,
    positive: str | None = None,
) -> AuditedFiles:
    """Read every file in its own format.

    Args:
        files: the files to look at.
        against: the files to hold them against.
        reading: the labels, and the columns and the marker where a study names them.
        source: the published collection that all files are of, or `files`.
        named: role to column, as `parse_columns` gives it; a file without such a column has it under its usual name.
        positive: the positive label where the labels are others than those of `reading`; every other word that stands
            as a label is one more.

    Raises:
        DataError: a file is named twice, cannot be read, or lacks a column; a column named is in no file; no label is
            the positive one.
    """
    _refuse_twice([*files, *against])
    if source != OWN_FILES:
        results = {path: source_named(source).read(path, reading) for path in (*files, *against)}
    else:
        reading, results = _read_own([*files, *against], reading, named or {}, positive)
    return AuditedFiles(
        {str(path): results[path].posts for path in files},
        {str(path): results[path].posts for path in against},
        reading.labels,
        [record for result in results.values() for record in result.skipped],
    )


def _refuse_twice(paths: Sequence[Path]) -> None:
    seen: set[Path] = set()
    for path in paths:
        if path.resolve() in seen:
            raise DataError(f"{path}: named twice; a file cannot be held against itself")
        seen.add(path.resolve())


def _read_own(
    paths: Sequence[Path], reading: Reading, named: Mapping[str, str], positive: str | None
) -> tuple[Reading, dict[Path, ReadResult]]:
    tables = {path: read_rows(path) for path in paths}
    _refuse_unknown(list(tables.values()), named)
    columns = {path: _columns_of(table, named, reading) for path, table in tables.items()}
    words = [word for path, table in tables.items() for word in _label_words(table, columns[path].label)]
    if positive is not None or (words and not any(reading.labels.resolve(word) for word in set(words))):
        reading = replace(reading, labels=labels_of(words, positive))
    results: dict[Path, ReadResult] = {}
    for path in paths:
        results[path] = _read_one(path, replace(reading, columns=columns[path]), [*results.values()])
    return reading, results


def _refuse_unknown(tables: Sequence[Table], named: Mapping[str, str]) -> None:
    """Refuse a column that is in no file: it is a slip of the pen."""
    names = list(dict.fromkeys(name for table in tables for name in table.columns()))
    for role, column in named.items():
        if find_column(column, names) is None:
            shown = ", ".join(names[:MOST_COLUMNS_NAMED])
            raise DataError(f"--columns: no file has a column {column!r} for the {role}; there are: {shown}")


def _columns_of(table: Table, named: Mapping[str, str], reading: Reading) -> PostColumns:
    """Return which columns of a file hold what: as named, or as the study says, or by their usual names."""
    names = table.columns()
    given = {role: getattr(reading.columns, role) for role in POST_FIELDS} | dict(named)
    found = {role: find_column(given[role], names) if given[role] else None for role in POST_FIELDS}
    usual = {role: find_column(ROLES[role] or role, names) for role in POST_FIELDS}
    chosen = {role: found[role] or usual[role] for role in POST_FIELDS}
    if chosen["text"] is None and MESSAGES not in names:
        raise DataError(_no_text(table, given["text"] or "text", names))
    return PostColumns(
        chosen["id"], chosen["text"] or "text", chosen["label"] or "label", chosen["group"], chosen["source"]
    )


def _no_text(table: Table, wanted: str, names: Sequence[str]) -> str:
    listed = ", ".join(names[:MOST_COLUMNS_NAMED])
    return (
        f"{table.path}: no column {wanted!r} for the text; the file has: {listed}\n"
        "say which is which, such as --columns text=COLUMN,label=COLUMN,group=COLUMN (or name a published collection: "
        "--source unified)"
    )


def _label_words(table: Table, column: str) -> list[str]:
    values = (row.values.get(column) for row in table.rows)
    return [word for value in values if not isinstance(value, dict | list) and (word := as_word(value))]


def _read_one(path: Path, reading: Reading, earlier: Sequence[ReadResult]) -> ReadResult:
    """Read a file; whole prompts are cut as in a file before if they are framed alike: many show a frame better."""
    read = source_named(OWN_FILES).read
    for result in earlier:
        if result.frame is not None:
            try:
                return read(path, replace(reading, frame=result.frame))
            except DataError:
                continue
    return read(path, reading)
