"""Which columns of a file hold what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from probatum.data.reading.formats import Table
from probatum.errors import DataError, did_you_mean

MOST_COLUMNS_NAMED = 12


class ColumnNames(Protocol):
    """Which columns hold what; `probatum.study.Columns` is one."""

    @property
    def id(self) -> str | None:
        """Column with the post's id."""

    @property
    def text(self) -> str:
        """Column with the post's text."""

    @property
    def label(self) -> str:
        """Column with the true label."""

    @property
    def group(self) -> str | None:
        """Column with the group."""

    @property
    def source(self) -> str | None:
        """Column with the collection."""


@dataclass(frozen=True, slots=True)
class PostColumns:
    """The default columns: those of the files that Probatum writes."""

    id: str | None = None
    text: str = "text"
    label: str = "label"
    group: str | None = None
    source: str | None = None


def require_column(table: Table, role: str, name: str) -> None:
    """Refuse a file in which no record has a column.

    Args:
        table: the file's rows.
        role: what the column is for (`text`, `label`, …), for the message.
        name: the column.

    Raises:
        DataError: no row has it; the message lists the columns that there are.
    """
    names = table.columns()
    if not table.rows or name in names:
        return
    listed = ", ".join(names[:MOST_COLUMNS_NAMED]) + (", …" if len(names) > MOST_COLUMNS_NAMED else "")
    hint = did_you_mean(name, names)
    near = f"{hint} " if hint.startswith("did") else ""
    raise DataError(
        f"{table.path}: no column {name!r} for the {role}; {near}the file has: {listed} "
        f"(set data.columns.{role} in a study, which prepare takes as --study; for audit, --columns {role}=COLUMN)"
    )
