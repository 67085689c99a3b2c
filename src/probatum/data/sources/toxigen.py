"""ToxiGen: generated statements about groups, in its annotated and in its generated form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from probatum.data.readers import ReadResult
from probatum.data.reading.faults import FieldError
from probatum.data.reading.formats import read_rows
from probatum.data.sources.source import Reading, Source, Values, binary_labels, move, posts_of_rows, require_columns

TOXIC_ABOVE = 5.5
_ANNOTATED = ("text", "target_group", "toxicity_ai", "toxicity_human")
_GENERATED = ("generation", "group", "prompt_label")


def read_toxigen(path: Path, reading: Reading) -> ReadResult:
    """Read an annotated file (`text`, `target_group`, …) or a generated one (`prompt`, `generation`, …).

    Annotated: toxic where `toxicity_ai + toxicity_human > 5.5`, the rule of the published `label_annotations`.
    Generated: toxic where `prompt_label` is 1, that is, where the prompt was; nobody has read those texts.

    Raises:
        DataError: it is not this collection's file, or a record is bad and the user chose to stop.
    """
    table = read_rows(path)
    generated = "generation" in table.columns()
    what = "a ToxiGen file (annotated: text, target_group, …; generated: prompt, generation, …)"
    require_columns(table, _GENERATED if generated else _ANNOTATED, what)
    names = binary_labels(reading.labels, "toxic", "benign")
    return posts_of_rows(table, reading, names, _generated if generated else _annotated)


def _annotated(values: Values) -> Values:
    total = _number(values, "toxicity_ai") + _number(values, "toxicity_human")
    label = "toxic" if total > TOXIC_ABOVE else "benign"
    return {"source": "toxigen", "label": label} | move(values, {"text": "text", "group": "target_group"})


def _generated(values: Values) -> Values:
    toxic = _number(values, "prompt_label")
    if toxic not in (0, 1):
        raise FieldError("prompt_label", f"expected 0 or 1, found {values['prompt_label']!r}")
    label = "toxic" if toxic else "benign"
    return {"source": "toxigen", "label": label} | move(values, {"text": "generation", "group": "group"})


def _number(values: Values, name: str) -> float:
    raw: Any = values.get(name)
    try:
        return float(raw)
    except (TypeError, ValueError):
        raise FieldError(name, "missing" if raw in (None, "") else f"expected a number, found {raw!r}") from None


SOURCE = Source(
    "toxigen",
    "ToxiGen: an annotated file or toxigen.csv, as CSV, JSON or JSON lines",
    "MIT; Hartvigsen et al. 2022",
    read_toxigen,
    known_by=(_ANNOTATED, _GENERATED),
)
