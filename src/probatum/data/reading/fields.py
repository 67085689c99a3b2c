"""The values of one record's fields: a post's text, names, and everything else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from probatum.data.reading.faults import FieldError
from probatum.data.records import POST_FIELDS

_SURROGATE = re.compile("[\ud800-\udfff]")


def post_text(value: Any, field: str) -> str:
    """Return a post's text as it is, white space and all.

    An empty text is a post (of a picture alone, say): systems judge it, and the audit counts it.

    Raises:
        FieldError: it is missing, or not a string.
    """
    if value is None:
        raise FieldError(field, "missing")
    if not isinstance(value, str):
        raise FieldError(field, f"expected a text, found {type(value).__name__}")
    return value


def optional_name(value: Any, field: str) -> str | None:
    """Return an id, group or source as a text, `None` where there is none.

    Raises:
        FieldError: it is a list, an object or a truth value.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool | list | dict):
        raise FieldError(field, f"expected a text or a number, found {type(value).__name__}")
    return str(value).strip()


def refuse_broken_text(values: Mapping[str, Any]) -> None:
    """Refuse a record with NUL characters, lone surrogates or bytes that are not UTF-8, in any of its columns.

    Raises:
        FieldError: the first such column.
    """
    for name, value in values.items():
        if isinstance(value, str) and value.isascii() and name.isascii() and "\0" not in value and "\0" not in name:
            continue  # most values; the rest is slower
        for text in (name, *_texts_in(value)):
            if "\0" in text:
                raise FieldError(name, "holds a NUL character")
            if _SURROGATE.search(text):
                readable = name.encode("utf-8", "replace").decode()
                raise FieldError(readable, "bytes that are not UTF-8, or a lone surrogate")


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_in(inner)


def extra_columns(values: Mapping[str, Any], used: set[str]) -> dict[str, Any]:
    """Return the columns beside a post's own.

    One that would hide a post's own field gets `_column` behind its name; one without a name (the index that pandas
    writes) is left out.
    """
    rest = {name: value for name, value in values.items() if name and name not in used}
    return {f"{name}_column" if name in POST_FIELDS else name: value for name, value in rest.items()}
