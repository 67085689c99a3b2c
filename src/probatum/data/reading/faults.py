"""What can be wrong with one record of a file, and how a list of faults is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from probatum.errors import DataError

MOST_SHOWN = 20
ADVICE = (
    "mend them, or leave them out (they are counted and listed): data.on_error: skip in the study, "
    "or --on-error skip of prepare and audit"
)


class FieldError(ValueError):
    """One field of one record is wrong; the reader adds the file and the line.

    Attributes:
        field: the column, or what else is wrong (`row`, `line`).
        reason: one phrase that says what was found and what is allowed.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, slots=True)
class BadRecord:
    """One record that could not be read.

    Attributes:
        path: the file.
        line: the 1-based line where the record starts.
        field: the column, or `row` where the record as a whole is wrong.
        reason: what was found and what is allowed.
    """

    path: str
    line: int
    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.field}: {self.reason}"

    def to_json(self) -> dict[str, Any]:
        """Return the record as a JSON object."""
        return asdict(self)


def bad_record(path: Path, line: int, fault: FieldError) -> BadRecord:
    """Say where a fault was found."""
    return BadRecord(str(path), line, fault.field, fault.reason)


def stop_on(bad: Sequence[BadRecord], advice: str = ADVICE) -> None:
    """Raise one error that lists every bad record.

    Args:
        bad: the records, in the order of the file.
        advice: what to do about them.

    Raises:
        DataError: there is at least one; the first twenty are listed, the rest counted.
    """
    if not bad:
        return
    lines = [str(record) for record in bad[:MOST_SHOWN]]
    if len(bad) > MOST_SHOWN:
        lines.append(f"… and {len(bad) - MOST_SHOWN} more bad lines")
    raise DataError("\n".join([*lines, advice]))
