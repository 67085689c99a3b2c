"""HateXplain: posts with the labels, target communities and rationales of three annotators each."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from probatum.data.readers import ReadResult
from probatum.data.reading.faults import BadRecord, FieldError
from probatum.data.reading.files import load_text
from probatum.data.reading.formats import Row, Table, parse_json
from probatum.data.sources.source import Reading, Source, Values, binary_labels, posts_of_rows
from probatum.errors import DataError

LABELS = ("hatespeech", "offensive", "normal")


def read_hatexplain(path: Path, reading: Reading) -> ReadResult:
    """Read `dataset.json`: an object of post id to annotators, rationales and tokens.

    The label is the majority of the annotators: hatespeech is positive, offensive and normal are negative;
    `label_multiclass` keeps the three. The group is the community that most annotators named, if at least two did. The
    text is the tokens with spaces between them. Posts on which the annotators have no majority are always left out and
    listed among the skipped, as in the published experiments; they are no error.

    Raises:
        DataError: it is not this collection's file, or a record is bad and the user chose to stop.
    """
    rows, undecided = [], []
    for row in _entries(path):
        if _is_tie(row.values):
            reason = f"{row.values['post_id']}: no majority among the annotators ({', '.join(_votes(row.values))})"
            undecided.append(BadRecord(str(path), row.line, "annotators", reason))
        else:
            rows.append(row)
    names = binary_labels(reading.labels, "hateful", "not hateful")
    result = posts_of_rows(Table(path, rows, []), reading, names, _rewrite)
    skipped = sorted([*result.skipped, *undecided], key=lambda record: record.line)
    return replace(result, skipped=skipped)


def _entries(path: Path) -> list[Row]:
    text = load_text(path)
    try:
        entries = parse_json(text)
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error})") from error
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        raise DataError(f"{path}: not HateXplain's dataset.json: expected an object of post id to post")
    rows, at, line = [], 0, 1
    for number, (key, entry) in enumerate(entries.items(), 1):
        start = max(at, text.find(f'"{key}"', at))
        at, line = start, line + text.count("\n", at, start)
        rows.append(Row(line, number, {"post_id": key} | entry))
    return rows


def _votes(values: Values) -> list[str]:
    annotators = values.get("annotators")
    if not isinstance(annotators, list) or not annotators:
        raise FieldError("annotators", f"{values['post_id']}: expected a list of annotators")
    votes = [vote.get("label") if isinstance(vote, dict) else None for vote in annotators]
    for vote in votes:
        if vote not in LABELS:
            raise FieldError("annotators", f"{values['post_id']}: unknown label {vote!r}; known: {', '.join(LABELS)}")
    return [str(vote) for vote in votes]


def _is_tie(values: Values) -> bool:
    try:
        counts = Counter(_votes(values)).most_common(2)
    except FieldError:
        return False  # told with the other bad records
    return len(counts) > 1 and counts[0][1] == counts[1][1]


def _majority_target(values: Values) -> str | None:
    """Return the community that most annotators named, if at least two did and no other was named as often."""
    named = Counter(target for vote in values["annotators"] for target in set(_targets(vote)) if target != "None")
    first, second = [*named.most_common(2), (None, 0), (None, 0)][:2]
    return first[0] if first[1] >= 2 and first[1] > second[1] else None


def _targets(vote: Any) -> list[str]:
    targets = vote.get("target")
    return [str(target) for target in targets] if isinstance(targets, list) else []


def _rewrite(values: Values) -> Values:
    tokens = values.get("post_tokens")
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise FieldError("post_tokens", f"{values['post_id']}: expected a list of tokens")
    label = Counter(_votes(values)).most_common(1)[0][0]
    return {
        "id": values["post_id"],
        "text": " ".join(tokens),
        "label": "hateful" if label == "hatespeech" else "not hateful",
        "group": _majority_target(values),
        "source": "hatexplain",
        "label_multiclass": label,
    }


SOURCE = Source(
    "hatexplain",
    "HateXplain: dataset.json",
    "MIT; Mathew et al. 2021",
    read_hatexplain,
    begins=re.compile(r'\s*\{\s*"[^"]{1,80}"\s*:\s*\{\s*"(?:post_id|annotators|rationales|post_tokens)"\s*:'),
)
