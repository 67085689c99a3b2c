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
Says = Callable[[str], bool]


def contains(pattern: str) -> Says:
    """Return whether a text holds a pattern, as a function of the text."""
    search = re.compile(pattern).search
    return lambda text: search(text) is not None


def _wrapped(*pairs: str) -> Says:
    """Return whether a text, white space aside, begins and ends with one of the pairs of characters."""
    return lambda text: len(bare := text.strip()) > 1 and bare[0] + bare[-1] in pairs


OUTER: Mapping[str, Says] = {
    "begins with white space": lambda text: text[:1].isspace(),
    "ends with white space": lambda text: text[-1:].isspace(),
    "ends with a line break": lambda text: "\n" in text[len(text.rstrip()) :],
    "is wrapped in double quotes": _wrapped('""'),
    "is wrapped in single quotes": _wrapped("''"),
    "is wrapped in typographic quotes": _wrapped("“”", "‘’", "«»", "„“"),
    "is wrapped in brackets": _wrapped("[]", "()", "{}"),
    "is written as a bytes literal": lambda text: text[:2] in {"b'", 'b"'} and text[-1] == text[1],
    "ends with a double quote that nothing opens": lambda text: text.count('"') == 1 and text.rstrip()[-1:] == '"',
    "begins with a double quote that nothing closes": lambda text: text.count('"') == 1 and text.lstrip()[:1] == '"',
}
INNER: Mapping[str, Says] = {
    "has two spaces in a row": lambda text: "  " in text.strip(),
    "has a line break": lambda text: "\n" in text.strip(),
    "has a carriage return": lambda text: "\r" in text,
    "has doubled braces": lambda text: "{{" in text or "}}" in text,
    "has an HTML entity": contains(r"&(?:[a-z]{2,8}|#\d{1,6});"),
    "has an HTML tag": contains(r"</?(?:br|p|a|b|i|div|span|em|strong|li|ul)(?:\s[^<>]{0,200})?/?>"),
    "has an escaped line break or quote": contains(r"\\[nrt\"']"),
    "has a no-break or zero-width space": contains("[\u00a0\u200b-\u200d\u2060\ufeff]"),
    "has wrongly decoded characters": contains("â€|Ã[\u0080-\u00bf]|\ufffd"),
    "has a control character": contains(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"),
    "has white space before punctuation": contains(r"\w [.,!?;:’'](?:\s|\Z)"),
}
_PLACEHOLDER = re.compile(
    r"<[a-z_]{2,20}>|\[[A-Z_]{2,20}(?::[^\]\s]{1,20})?\]|\{[a-z_]{2,20}\}|@USER\b|\bHTTPURL\b", re.ASCII
)
MOST_VALUES = 60
_DENIED = {
    "begins": "does not begin",
    "ends": "does not end",
    "has": "does not have",
    "is": "is not",
    "differs": "does not differ",
}
_VERB = re.compile(rf"\A(?:{'|'.join(_DENIED)})\b")


@dataclass(frozen=True, slots=True)
class Trace:
    """One mark, and which posts have it.

    Attributes:
        where: the part of the record that has it.
        says: what it says of a post ("ends with white space").
        holds: for each post, whether it has it.
        strict: whether it cannot be the author's own writing.
        style: whether it is how many authors write, so that a weak tie to the label is no preparation's.
        lacks: what it says of a post without it (default: `says`, with its verb denied).
    """

    where: Where
    says: str
    holds: BoolArray
    strict: bool
    style: bool = False
    lacks: str | None = None

    def told(self, present: bool) -> str:
        """Return what it says of the posts that have it, or of those without."""
        if present:
            return self.says
        return self.lacks or _VERB.sub(lambda found: _DENIED[found[0]], self.says, count=1)


def text_traces(texts: Sequence[str], min_count: int, ready: bool) -> list[Trace]:
    """Return the traces in the posts' own texts.

    Args:
        texts: the texts.
        min_count: fewest posts that must have a placeholder.
        ready: whether the texts were cut out of prompts, so that their edges may be the frame's.
    """
    traces = [Trace("text", says, marks(texts, holds), ready) for says, holds in OUTER.items()]
    traces += [Trace("text", says, marks(texts, holds), False) for says, holds in INNER.items()]
    counts = Counter(token for text in texts for token in set(_PLACEHOLDER.findall(text)))
    for token, _ in frequent(counts, min_count, len(texts)):
        traces.append(Trace("text", f"has the placeholder {token}", marks(texts, contains(re.escape(token))), False))
    return traces + (_heading_traces(texts, min_count) if ready else [])


def _heading_traces(texts: Sequence[str], min_count: int) -> list[Trace]:
    """Return headings at the beginning (`text: `): pieces of a frame that not all prompts share."""
    headings = [heading_of(text) for text in texts]
    counts = Counter(heading for heading in headings if heading)
    return [
        Trace("text", f"begins with the heading {shorten(heading)}", marks(headings, heading.__eq__), True)
        for heading, _ in frequent(counts, min_count, len(texts))
    ]


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
