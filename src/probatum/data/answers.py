"""Which label a raw answer gives: a bare label, JSON, or a text with exactly one label in it."""

from __future__ import annotations

import json
import re
from typing import Any

from probatum.data.faults import FieldError
from probatum.data.labels import LabelSet, normalise_label
from probatum.errors import did_you_mean

LABEL_KEYS = ("label", "classification", "class", "category", "prediction", "verdict", "answer")
_KEYED = re.compile(r'"(?P<key>' + "|".join(LABEL_KEYS) + r')"\s*:\s*"(?P<value>[^"]*)"', re.IGNORECASE)
_NEGATION = re.compile(r"\b(?:no|not|non|never|neither|nor|without|cannot)\b|n['’]t\b")


def resolve_label(raw: Any, labels: LabelSet, field: str) -> str:
    """Return the label that a column's raw value names.

    Raises:
        FieldError: it is missing or names no label; the reason lists the known names.
    """
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        raise FieldError(field, "missing")
    if isinstance(raw, dict | list):
        raise FieldError(field, f"expected a label, found {type(raw).__name__}")
    if (label := labels.resolve(raw)) is not None:
        return label
    known = labels.known_names()
    hint = did_you_mean(normalise_label(raw), known)
    listed = "" if hint.startswith("allowed") else f" known: {', '.join(known)}"
    raise FieldError(field, f"unknown label {str(raw)[:60]!r}; {hint}{listed}")


def label_of_answer(answer: str, labels: LabelSet, field: str = "answer") -> str:
    """Return the label that an answer gives.

    The rules, in order: the whole answer is a label's name; it is JSON (or nearly) with one of the keys `label`,
    `classification`, `class`, `category`, `prediction`, `verdict`, `answer`; exactly one label's name stands in it as a
    whole word, the longest names first (so "not hate" is not "hate"), and nothing else in it negates.

    Raises:
        FieldError: it gives none, or more than one.
    """
    if (label := labels.resolve(answer.strip().strip("\"'`.!"))) is not None:
        return label
    keyed = keyed_values(answer)
    found = {_label_in_words(value, labels, field) for value in keyed} if keyed else {
        _label_in_words(answer, labels, field)
    }  # fmt: skip
    if len(found) > 1:
        raise FieldError(field, f"gives two labels, {' and '.join(sorted(found))}: {_short(answer)}")
    return found.pop()


def keyed_values(answer: str) -> list[str]:
    """Return what stands under the label keys of a JSON answer, also where the JSON is broken."""
    if "{" not in answer:
        return []
    try:
        value = json.loads(answer)
    except ValueError:
        return [match["value"] for match in _KEYED.finditer(answer)]
    if not isinstance(value, dict):
        return []
    return [text for key, text in value.items() if key.lower() in LABEL_KEYS and isinstance(text, str)]


def mask_labels(text: str, labels: LabelSet, placeholder: str = " ") -> tuple[str, set[str]]:
    """Replace every label's name in a text, the longest names first.

    Returns:
        The normalised text with placeholders, and the labels that stood in it.
    """
    masked, found = normalise_label(text), set()
    for name in sorted(labels.known_names(), key=len, reverse=True):
        masked, count = re.subn(rf"\b{re.escape(name)}\b", placeholder, masked)
        if count:
            found.add(labels.resolve(name) or name)
    return masked, found


def _label_in_words(text: str, labels: LabelSet, field: str) -> str:
    if (label := labels.resolve(text)) is not None:
        return label
    rest, found = mask_labels(text, labels)
    if not found:
        raise FieldError(field, f"no label in {_short(text)}; known: {', '.join(labels.known_names())}")
    if len(found) > 1:
        raise FieldError(field, f"more than one label in {_short(text)}: {', '.join(sorted(found))}")
    if _NEGATION.search(rest):
        raise FieldError(field, f"a label and a negation in {_short(text)}: cannot tell which is meant")
    return found.pop()


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")
