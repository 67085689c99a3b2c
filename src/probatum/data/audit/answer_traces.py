"""Traces in raw answers: everything but the label itself."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from probatum.data.audit.traces import Trace, frequent, marks, match, shorten
from probatum.data.reading.answers import LABEL_KEYS

_EDGES = {
    "begins with white space": r"\A\s",
    "ends with white space": r"\s\Z",
    "ends with a full stop or other mark": r"[.!?,;:]\s*\Z",
    "is wrapped in quotes": r"""(?s)\A\s*["'`“].*["'`”]\s*\Z""",
    "has doubled braces": r"\A\s*\{\{|\}\}\s*\Z",
    "has a code fence": r"```",
    "has a special token": r"<\|?[a-z_/]+\|?>",
    "has a line break": r"\S\s*\n\s*\S",
}


def answer_traces(answers: Sequence[str], min_count: int) -> list[Trace]:
    """Return the traces in the answers; the label is masked, so that it is not one itself.

    Args:
        answers: the raw answers.
        min_count: fewest answers that must share a value.
    """
    traces = [Trace("answer", says, match(answers, pattern), True) for says, pattern in _EDGES.items()]
    cores = [_label_words(answer) for answer in answers]
    for says, holds in (("in capitals", str.isupper), ("with a capital letter", str.istitle)):
        traces.append(Trace("answer", f"has its label {says}", marks(cores, holds), True))
    objects = [_as_object(answer) for answer in answers]
    traces += _key_traces(objects, min_count)
    traces += _variants([_skeleton(answer) for answer in answers], "has the form", min_count)
    return traces


def _key_traces(objects: Sequence[dict[str, Any] | None], min_count: int) -> list[Trace]:
    """Return the traces of JSON answers: which keys they have, in which order, null or with which recurring value."""
    dicts = [value or {} for value in objects]
    traces = [Trace("answer", "is JSON", np.array([value is not None for value in objects]), True)]
    keys = Counter(key for value in dicts for key in value)
    for key, _ in frequent(keys, min_count, len(dicts) + min_count):
        values = [json.dumps(value[key]) if key in value else "" for value in dicts]
        traces.append(Trace("answer", f"has the key {shorten(key)}", marks(values, bool), True))
        if key.lower() not in LABEL_KEYS:
            traces += _variants(values, f"has under {shorten(key)} the value", min_count)
    traces += _variants([" ".join(value) for value in dicts], "has its keys in the order", min_count)
    return traces


def _variants(values: Sequence[str], says: str, min_count: int) -> list[Trace]:
    counts = Counter(value for value in values if value)
    return [
        Trace("answer", f"{says} {shorten(value)}", marks(values, value.__eq__), True)
        for value, _ in frequent(counts, min_count, len(values))
    ]


def _as_object(answer: str) -> dict[str, Any] | None:
    """Return a JSON answer's object; doubled braces, the commonest way to break one, are undone."""
    text = answer.strip()
    for candidate in (text, text[1:-1] if text.startswith("{{") else ""):
        try:
            value = json.loads(candidate)
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    return None


def _label_words(answer: str) -> str:
    """Return the words that give the label: those of a short answer, or those under a label key."""
    value = _as_object(answer)
    if value is None:
        core = answer.strip(" \t\r\n\"'`.,;:!?“”")
        return core if len(core.split()) <= 4 else ""
    return next((str(text) for key, text in value.items() if key.lower() in LABEL_KEYS), "")


def _skeleton(answer: str) -> str:
    """Return the form of an answer: a bare label's edges, or JSON with every value blanked out."""
    value = _as_object(answer)
    if value is None:
        core = _label_words(answer)
        return answer.replace(core, "LABEL") if core else ""
    return re.sub(r'(:\s*)("(?:[^"\\]|\\.)*"|[^,{}\s]+)', r"\1_", answer)
