"""HateSpeechDetection_ver2's unified set: HateXplain and ToxiGen posts about three groups, in one JSON array."""

from __future__ import annotations

from pathlib import Path

from probatum.data.readers import ReadResult
from probatum.data.reading.formats import read_rows
from probatum.data.sources.source import Reading, Source, Values, binary_labels, move, posts_of_rows, require_columns

_OWN = {
    "id": "original_id",
    "text": "text",
    "label": "label_binary",
    "group": "target_group_norm",
    "source": "source_dataset",
}
_REPEATS_THE_TEXT = ("fine_tuning_embedding",)


def read_unified(path: Path, reading: Reading) -> ReadResult:
    """Read `unified_train.json` or `unified_val.json`.

    `label_binary` is the label: hate, or normal. `label_multiclass`, `persona_tag`, `rationale_text`, `is_synthetic`
    and `split` stay as further columns; `fine_tuning_embedding`, which repeats the text, is left out.

    Raises:
        DataError: it is not this collection's file, or a record is bad and the user chose to stop.
    """
    table = read_rows(path)
    require_columns(table, list(_OWN.values()), "a unified file (unified_train.json, unified_val.json)")
    return posts_of_rows(table, reading, binary_labels(reading.labels, "hate", "normal"), _rewrite)


def _rewrite(values: Values) -> Values:
    return move(values, _OWN, _REPEATS_THE_TEXT)


SOURCE = Source(
    "unified",
    "HateSpeechDetection_ver2: unified_train.json, unified_val.json",
    "built from HateXplain (MIT; Mathew et al. 2021) and ToxiGen (MIT; Hartvigsen et al. 2022)",
    read_unified,
    test_file="unified_val.json",
    known_by=(tuple(_OWN.values()),),
)
