"""Traces that preparation leaves in a text: yes-or-no marks that are not what the author said.

A trace is *outer* where it stands at the edge of a text, so that in a ready prompt it may belong to the frame.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from probatum.data.audit.association import BoolArray
from probatum.data.reading.boundaries import heading_of

Where = Literal["text", "frame", "answer", "column"]
OUTER: Mapping[str, str] = {
    "begins with white space": r"\A\s",
    "ends with white space": r"\s\Z",
    "ends with a line break": r"\n\s*\Z",
    "is wrapped in double quotes": r'(?s)\A\s*".*"\s*\Z',
    "is wrapped in single quotes": r"(?s)\A\s*'.*'\s*\Z",
    "is wrapped in typographic quotes": r"(?s)\A\s*[“‘«].*[”’»]\s*\Z",
    "is wrapped in brackets": r"(?s)\A\s*(\[.*\]|\(.*\)|\{.*\})\s*\Z",
    "is written as a bytes literal": r"""(?s)\Ab(['"]).*\1\Z""",
    "ends with a double quote that nothing opens": r'(?s)\A[^"]*"\s*\Z',
    "begins with a double quote that nothing closes": r'(?s)\A\s*"[^"]*\Z',
}
INNER: Mapping[str, str] = {
    "has two spaces in a row": r"\S {2,}\S",
    "has a line break": r"\S\s*\n\s*\S",
    "has a carriage return": r"\r",
    "has doubled braces": r"\{\{|\}\}",
    "has an HTML entity": r"&(?:[a-z]{2,8}|#\d{1,6});",
    "has an HTML tag": r"</?(?:br|p|a|b|i|div|span|em|strong|li|ul)\b[^>]*>",
    "has an escaped line break or quote": r"\\[nrt\"']",
    "has a no-break or zero-width space": "[\u00a0\u200b-\u200d\u2060\ufeff]",
    "has wrongly decoded characters": "â€|Ã[\u0080-\u00bf]|\ufffd",
    "has a control character": r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]",
    "has white space before punctuation": r"\w [.,!?;:’'](?:\s|\Z)",
}
_PLACEHOLDER = re.compile(
    r"<[a-z_]{2,20}>|\[[A-Z_]{2,20}(?::[^\]\s]{1,20})?\]|\{[a-z_]{2,20}\}|@USER\b|\bHTTPURL\b", re.ASCII
)
MOST_VALUES = 60


@dataclass(frozen=True, slots=True)
class Trace:
    """One mark, and which posts have it.

    Attributes:
        where: the part of the record that has it.
        says: what it says of a post ("ends with white space").
        holds: for each post, whether it has it.
        strict: whether it cannot be the author's own writing.
    """

    where: Where
    says: str
    holds: BoolArray
    strict: bool


def text_traces(texts: Sequence[str], min_count: int, ready: bool) -> list[Trace]:
    """Return the traces in the posts' own texts.

    Args:
        texts: the texts.
        min_count: fewest posts that must have a placeholder.
        ready: whether the texts were cut out of prompts, so that their edges may be the frame's.
    """
    traces = [Trace("text", says, match(texts, pattern), ready) for says, pattern in OUTER.items()]
    traces += [Trace("text", says, match(texts, pattern), False) for says, pattern in INNER.items()]
    counts = Counter(token for text in texts for token in set(_PLACEHOLDER.findall(text)))
    for token, _ in frequent(counts, min_count, len(texts)):
        traces.append(Trace("text", f"has the placeholder {token}", match(texts, re.escape(token)), False))
    return traces + (_heading_traces(texts, min_count) if ready else [])


def _heading_traces(texts: Sequence[str], min_count: int) -> list[Trace]:
    """Return headings at the beginning (`text: `): pieces of a frame that not all prompts share."""
    headings = [heading_of(text) for text in texts]
    counts = Counter(heading for heading in headings if heading)
    return [
        Trace("text", f"begins with the heading {shorten(heading)}", marks(headings, heading.__eq__), True)
        for heading, _ in frequent(counts, min_count, len(texts))
    ]


def match(texts: Sequence[str], pattern: str) -> BoolArray:
    """Return which texts hold a pattern."""
    compiled = re.compile(pattern)
    return marks(texts, lambda text: compiled.search(text) is not None)


def marks(values: Sequence[str], holds: Callable[[str], bool]) -> BoolArray:
    """Return for which values a condition holds."""
    return np.fromiter((holds(value) for value in values), dtype=bool, count=len(values))


def frequent(counts: Mapping[str, int], min_count: int, total: int) -> list[tuple[str, int]]:
    """Return the values that often enough are there and often enough are not, the most frequent first."""
    chosen = [(value, count) for value, count in counts.items() if min_count <= count <= total - min_count]
    return sorted(chosen, key=lambda pair: (-pair[1], pair[0]))[:MOST_VALUES]


def shorten(text: str) -> str:
    """Return a text in quotes, cut for a message."""
    return repr(text if len(text) <= 50 else text[:49] + "…")
