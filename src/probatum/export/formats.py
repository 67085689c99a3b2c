"""The formats that a run can be exported to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from probatum.export.csv_rows import write_csv
from probatum.export.finished import Finished
from probatum.export.inspect_log import write_inspect
from probatum.export.lm_eval import write_lm_eval

FORMATS: dict[str, Callable[[Finished, Path], list[Path]]] = {
    "lm-eval": write_lm_eval,
    "inspect": write_inspect,
    "csv": write_csv,
}
