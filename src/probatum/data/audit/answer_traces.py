"""Traces in raw answers: everything but the label itself."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from probatum.data.audit.traces import INNER, OUTER, Says, Trace, contains, frequent, marks, shorten
from probatum.data.reading.answers import LABEL_KEYS

_EDGES: Mapping[str, Says] = {
    "begins with white space": OUTER["begins with white space"],
    "ends with white space": OUTER["ends with white space"],
    "ends with a full stop or other mark": lambda text: text.rstrip()[-1:] in tuple(".!?,;:"),
    "is wrapped in quotes": lambda text: text.strip()[:1] in tuple("\"'`“") and text.strip()[-1:] in tuple("\"'`”"),
    "has doubled braces": lambda text: text.strip().startswith("{{") or text.strip().endswith("}}}"),
    "has a code fence": contains("```"),
    "has a special token": contains(r"<\|?[a-z_/]{1,30}\|?>"),
    "has a line break": INNER["has a line break"],
}


def answer_traces(answers: Sequence[str], min_count: int) -> list[Trace]:
    """Return the traces in the answers; the label is masked, so that it is not one itself.

    Args:
        answers: the raw answers.
        min_count: fewest answers that must share a value.
    """
    traces = [Trace("answer", says, marks(answers, holds), True) for says, holds in _EDGES.items()]
    cores = [_label_words(answer) for answer in answers]
    for says, holds in (("in capitals", str.isupper), ("with a capital letter", lambda core: core[:1].isupper())):
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
