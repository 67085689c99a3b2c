"""Turn a file into rows: JSON lines, a JSON array, or CSV, told apart by content and suffix."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probatum.data.reading.csv_rows import iterate_csv
from probatum.data.reading.faults import BadRecord, FieldError, bad_record
from probatum.data.reading.files import load_text
from probatum.errors import DataError

TABLE_SUFFIXES = (".csv", ".tsv")
JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Row:
    """One record as it stands in its file.

    Attributes:
        line: the 1-based line where it starts.
        number: what tells it from the others: the line, or in a JSON array the 1-based place.
        values: its columns.
    """

    line: int
    number: int
    values: dict[str, Any]


Found = tuple[int, int, dict[str, Any] | FieldError]  # line, number, what stands there


@dataclass(frozen=True, slots=True)
class Table:
    """All rows of a file, good and bad.

    Attributes:
        path: the file.
        rows: the rows that are objects, in the order of the file.
        bad: the records that are not.
    """

    path: Path
    rows: list[Row]
    bad: list[BadRecord]

    def columns(self) -> list[str]:
        """Return the names of all columns, in the order in which they first appear."""
        names: dict[str, None] = {}
        for row in self.rows:
            if not row.values.keys() <= names.keys():
                names |= dict.fromkeys(row.values)
        return list(names)


def read_rows(path: Path) -> Table:
    """Read every record of a JSON-lines, JSON or CSV file.

    Args:
        path: the file; a byte order mark, blank lines and CRLF are fine.

    Returns:
        The rows and the bad records; one bad record never loses the others.

    Raises:
        DataError: the file as a whole cannot be read.
    """
    text = load_text(path)
    rows, bad = [], []
    for line, number, found in _iterate(path, text):
        if isinstance(found, FieldError):
            bad.append(bad_record(path, line, found))
        else:
            rows.append(Row(line, number, found))
    return Table(path, rows, bad)


def _iterate(path: Path, text: str) -> Iterator[Found]:
    start, suffix = text.lstrip(), path.suffix.lower()
    if suffix in TABLE_SUFFIXES or (start[0] not in "[{" and suffix not in JSON_SUFFIXES):
        return iterate_csv(path, text)
    if start[0] == "[" and not _begins_with_a_row(start):
        return _iterate_array(text)
    if start.partition("\n")[0].strip() == "{":
        raise DataError(
            f"{path}: one JSON object over several lines, not a list of posts; "
            "expected one object per line or an array of objects "
            "(HateXplain's dataset.json is read as the collection hatexplain)"
        )
    return _iterate_lines(text)


def _begins_with_a_row(text: str) -> bool:
    """Whether the first line is a whole JSON value by itself and further lines follow."""
    first, _, rest = text.partition("\n")
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return False
    return bool(rest.strip())


def parse_json(text: str) -> Any:
    """Parse one JSON value; NaN and infinity count as missing, a key that stands twice is refused.

    Raises:
        ValueError: it is not JSON, with the reason.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice")
    return values


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_constant=lambda _: None)


def _reason(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON ({error.msg} at column {error.colno})"
    return f"not JSON ({error})"


def _as_object(value: Any) -> dict[str, Any] | FieldError:
    if isinstance(value, dict):
        return value
    return FieldError("row", f"expected a JSON object, found {type(value).__name__}")


def _iterate_lines(text: str) -> Iterator[Found]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            yield number, number, _as_object(parse_json(line.strip()))
        except ValueError as error:
            yield number, number, FieldError("row", _reason(error))


def _iterate_array(text: str) -> Iterator[Found]:
    """Yield the elements of a JSON array; after a broken one, go on at the next that looks like its siblings."""
    position, line, number = text.index("[") + 1, 1, 0
    counted, first_key = 0, None
    while (position := _skip_separators(text, position)) < len(text) and text[position] != "]":
        number += 1
        line += text.count("\n", counted, position)
        counted = position
        try:
            value, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            yield line, number, FieldError("row", f"element {number} is not JSON ({reason})")
            position = _next_sibling(text, position + 1, first_key)
            continue
        found = _as_object(value)
        if isinstance(found, FieldError):
            found = FieldError("row", f"element {number}: {found.reason}")
        elif first_key is None:
            first_key = next(iter(found), None)
        yield line, number, found
    if position >= len(text):
        yield text.count("\n") + 1, number + 1, FieldError("row", "the array is not closed: ']' is missing")
    elif text[position + 1 :].strip():
        yield text.count("\n", 0, position) + 1, number + 1, FieldError("row", "text after the array's closing ']'")


def _skip_separators(text: str, position: int) -> int:
    match = re.compile(r"[\s,]*").match(text, position)
    return match.end() if match else position


def _next_sibling(text: str, position: int, first_key: str | None) -> int:
    """Return where the next object that begins with the same key starts, or the end of the array."""
    key = re.escape(json.dumps(first_key, ensure_ascii=False)) if first_key else '"'
    match = re.compile(r"\{\s*" + key).search(text, position)
    return match.start() if match else max(position, text.rfind("]"))
