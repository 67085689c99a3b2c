"""HateCheck: functional tests, each case with the functionality it checks."""

from __future__ import annotations

from pathlib import Path

from probatum.data.readers import ReadResult
from probatum.data.reading.formats import read_rows
from probatum.data.sources.source import Reading, Source, Values, binary_labels, move, posts_of_rows, require_columns

_OWN = {"text": "test_case", "label": "label_gold", "group": "target_ident"}
_KNOWN_BY = (*_OWN.values(), "functionality", "case_id")


def read_hatecheck(path: Path, reading: Reading) -> ReadResult:
    """Read `test_suite_cases.csv`.

    `label_gold` is the label: hateful, or non-hateful. `functionality`, `case_id`, `templ_id` and the rest stay as
    further columns. Cases that aim at no group (abuse of objects, individuals) have none.

    Raises:
        DataError: it is not this collection's file, or a record is bad and the user chose to stop.
    """
    table = read_rows(path)
    require_columns(table, _KNOWN_BY, "HateCheck's test_suite_cases.csv")
    return posts_of_rows(table, reading, binary_labels(reading.labels, "hateful", "non-hateful"), _rewrite)


def _rewrite(values: Values) -> Values:
    return {"id": f"hatecheck-{values['case_id']}", "source": "hatecheck"} | move(values, _OWN)


SOURCE = Source(
    "hatecheck",
    "HateCheck: test_suite_cases.csv",
    "CC-BY-4.0; Röttger et al. 2021",
    read_hatecheck,
    known_by=(_KNOWN_BY,),
)
