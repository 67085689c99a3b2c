"""The user's own general text: what a model should still know after fine-tuning."""

from __future__ import annotations

import re
from pathlib import Path

from probatum.data.reading.files import load_text
from probatum.data.reading.formats import read_rows
from probatum.errors import DataError

COLUMN = "text"
JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
FEWEST = 2  # paragraphs, for an interval


def read_paragraphs(path: Path) -> list[str]:
    """Read paragraphs of plain text.

    Args:
        path: a text file with blank lines between paragraphs, or JSON lines with a column `text`, one a paragraph.

    Raises:
        DataError: the file cannot be read, a line holds no text, or there are fewer than two paragraphs.
    """
    paragraphs = _of_rows(path) if path.suffix.lower() in JSON_SUFFIXES else _of_text(path)
    if len(paragraphs) < FEWEST:
        raise DataError(
            f"{path}: {len(paragraphs)} paragraph; the loss on general text needs at least {FEWEST} (better 20 or "
            "more) for an interval; part them by blank lines, or give JSON lines with a column 'text'"
        )
    return paragraphs


def _of_text(path: Path) -> list[str]:
    text = load_text(path)
    for number, line in enumerate(text.splitlines(), 1):
        if any("\udc80" <= character <= "\udcff" for character in line):
            raise DataError(f"{path}:{number}: not UTF-8 text; save the file as UTF-8")
    return [part.strip() for part in re.split(r"\n[ \t\r]*\n", text) if part.strip()]


def _of_rows(path: Path) -> list[str]:
    table = read_rows(path)
    if table.bad:
        raise DataError("\n".join(map(str, table.bad[:20])))
    paragraphs = []
    for row in table.rows:
        text = row.values.get(COLUMN)
        if not isinstance(text, str) or not text.strip():
            found = "missing" if text is None else f"found {text!r}"
            raise DataError(f"{path}:{row.line}: column 'text' must hold a paragraph ({found})")
        paragraphs.append(text.strip())
    return paragraphs
