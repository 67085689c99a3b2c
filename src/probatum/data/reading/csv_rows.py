"""Rows of a CSV file, each with the line where it starts; a broken row costs that row only."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from probatum.data.reading.faults import FieldError
from probatum.errors import DataError

DELIMITERS = ",;\t|"
_QUOTED = re.compile(r'"[^"]*"')


def iterate_csv(path: Path, text: str) -> Iterator[tuple[int, int, dict[str, Any] | FieldError]]:
    """Yield line, line and columns (or the fault) of every row after the header.

    A quoted field may hold line breaks. Where a quote is never closed, reading goes on at the next line.

    Raises:
        DataError: there is no usable header.
    """
    lines = list(io.StringIO(text, newline=""))
    start = next(index for index, line in enumerate(lines) if line.strip())
    delimiter = max(DELIMITERS, key=_QUOTED.sub("", lines[start]).count)  # one inside a quoted name parts nothing
    header, at = _header(path, lines, start, delimiter)
    while at < len(lines):
        reader, first = _reader(lines, at, delimiter), at
        while at < len(lines):  # one reader serves until a row breaks
            fields = _next_row(reader)
            line, end = at + 1, first + reader.line_num
            if isinstance(fields, FieldError):
                yield line, line, fields
            elif fields and len(fields) != len(header):
                yield line, line, FieldError("row", f"{len(fields)} fields where the header has {len(header)}")
            else:
                if fields:
                    yield line, line, dict(zip(header, fields, strict=True))
                at = end
                continue
            at += 1
            if end > at or isinstance(fields, FieldError):
                break  # it swallowed further lines: read those again


def _header(path: Path, lines: list[str], start: int, delimiter: str) -> tuple[list[str], int]:
    reader = _reader(lines, start, delimiter)
    names = _next_row(reader)
    if isinstance(names, FieldError):
        raise DataError(f"{path}:{start + 1}: the header row cannot be read ({names.reason})")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"{path}:{start + 1}: the header names {twice[0]!r} twice")
    return names, start + reader.line_num


def _reader(lines: list[str], at: int, delimiter: str) -> Any:
    """Return a reader of the rows from a line on; its `line_num` counts from there."""
    return csv.reader((lines[index] for index in range(at, len(lines))), delimiter=delimiter, strict=True)


def _next_row(reader: Iterator[list[str]]) -> list[str] | FieldError:
    try:
        return next(reader)
    except csv.Error as error:
        reason = "a quote is opened and never closed" if "unexpected end" in str(error) else str(error)
        return FieldError("row", f"not CSV ({reason})")
