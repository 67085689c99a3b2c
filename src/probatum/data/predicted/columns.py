"""Which column of a file of predictions holds what."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probatum.data.labels import normalise_label
from probatum.data.reading.faults import stop_on
from probatum.data.reading.formats import Row, Table, read_rows
from probatum.errors import DataError, did_you_mean

# Role to the column that holds it where none is named; those without one are read only if named.
ROLES: dict[str, str | None] = {
    "id": "id", "text": "text", "label": "label", "prediction": "prediction", "group": "group", "source": "source",
    "score": None, "system": None, "cluster": None,
}  # fmt: skip
SPELLINGS = {"probability": "score"}
NEEDED = ("label", "prediction")
OPTIONAL_EVEN_IF_NAMED = ("group", "source")  # without them there is one table less, which a note says
# How a column is often called, for the hint in an error; the first pattern that a column matches wins.
MAY_BE_NONE = ("id", "text", "group", "source")  # `text=` says that no column of the file is to be read as the text
USUAL = {"prediction": r"pred|answer|output", "label": r"true|gold|label|class", "text": r"text|post|prompt|comment"}
MOST_NAMED = 12


@dataclass(frozen=True)
class Sheet:
    """A file's rows with the column of each role that it has.

    Attributes:
        table: the rows.
        columns: role to column.
        notes: which named columns are absent.
    """

    table: Table
    columns: dict[str, str]
    notes: list[str]

    def value(self, row: Row, role: str) -> Any:
        """Return what stands in the column of a role, `None` where the file or the row has none."""
        return row.values.get(self.columns[role]) if role in self.columns else None


def parse_columns(
    given: str | None, roles: Collection[str] = tuple(ROLES), may_be_none: Collection[str] = MAY_BE_NONE
) -> dict[str, str]:
    """Return role to column of `text=input_text,label=true_label,…`.

    Args:
        given: what the user wrote.
        roles: those that are read; another is refused, for it would be ignored.
        may_be_none: roles for which no column may be said (`text=`), which returns an empty name.

    Raises:
        DataError: a part is no `role=column`, a role is unknown, not read or twice, or label and prediction are one.
    """
    named: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in (given or "").split(","))):
        role, column = _role_and_column(part, roles, may_be_none)
        if role in named:
            raise DataError(f"--columns: {role!r} is given twice, as {named[role]!r} and as {column!r}")
        named[role] = column
    if "label" in named and named["label"] == named.get("prediction"):
        raise DataError(f"--columns: label and prediction are both {named['label']!r}; every answer would be right")
    return named


def _role_and_column(part: str, roles: Collection[str], may_be_none: Collection[str]) -> tuple[str, str]:
    role, equals, column = (piece.strip() for piece in part.partition("="))
    role = SPELLINGS.get(role.lower(), role.lower())
    if not equals or (not column and role not in may_be_none):
        raise DataError(f"--columns: {part!r} is not ROLE=COLUMN, such as label=true_label")
    if role not in ROLES:
        raise DataError(f"--columns: unknown role {role!r}; {did_you_mean(role, roles)}")
    if role not in roles:
        raise DataError(f"--columns: {role!r} is not read here; the roles are {', '.join(roles)}; leave out {part!r}")
    return role, column


def read_sheet(path: Path, named: Mapping[str, str]) -> Sheet:
    """Read a file's rows and find its columns.

    Args:
        path: a JSON-lines, JSON or CSV file.
        named: role to column, as `parse_columns` gives it; another role is looked for by its own name.

    Raises:
        DataError: the file cannot be read, holds a broken row or none, or lacks a column; the message lists those
            that it has.
    """
    table = read_rows(path)
    stop_on(table.bad, "mend these lines")
    if not table.rows:
        raise DataError(f"{path}: no rows, only a header")
    names = table.columns()
    found: dict[str, str] = {}
    missing: list[str] = []
    notes: list[str] = []
    for role, usual in ROLES.items():
        wanted = named.get(role, usual)
        if wanted == "":
            continue
        column = find_column(wanted, names) if wanted else None
        if column is not None:
            found[role] = column
        elif role in OPTIONAL_EVEN_IF_NAMED and role in named:
            notes.append(f"no column {wanted!r} for the {role}, so there is no table by {role}; {_listed(names)}")
        elif role in NEEDED or role in named:
            missing.append(role)
        elif usual is None and (there := find_column(role, names)):
            notes.append(f"column {there!r} is not read; if it holds the {role}, say --columns {role}={there}")
    if missing:
        raise DataError(_missing_columns(path, missing, named, names))
    if found["label"] == found["prediction"]:
        raise DataError(f"{path}: label and prediction are both the column {found['label']!r}")
    return Sheet(table, found, notes)


def find_column(wanted: str, names: Sequence[str]) -> str | None:
    """Return the column of that name, or the only one that differs in case and spaces alone."""
    if wanted in names:
        return wanted
    alike = [name for name in names if normalise_label(name) == normalise_label(wanted)]
    return alike[0] if len(alike) == 1 else None


def _missing_columns(path: Path, missing: Sequence[str], named: Mapping[str, str], names: Sequence[str]) -> str:
    told = " and ".join(f"{named.get(role, ROLES[role])!r} for the {role}" for role in missing)
    near = [did_you_mean(named.get(role) or role, names) for role in missing]
    hints = [hint for hint in near if hint.startswith("did")]
    taken = {*named.values()}
    guesses = {}
    for role, pattern in USUAL.items():
        fitting = [name for name in names if re.search(pattern, name, re.IGNORECASE) and name not in taken]
        known = None if role in missing else named.get(role)
        guesses[role] = known or (fitting[0] if fitting else "COLUMN")
        taken.add(guesses[role])
    wanted = {**named, **{role: guesses.get(role, "COLUMN") for role in (*missing, *NEEDED)}}
    say = ",".join(f"{role}={column}" for role, column in wanted.items())
    hint = f" {' '.join(hints)}" if hints else ""
    return f"{path}: no column {told};{hint} {_listed(names)}\nsay which is which, such as --columns {say}"


def _listed(names: Sequence[str]) -> str:
    return f"the file has: {', '.join(names[:MOST_NAMED])}" + (", …" if len(names) > MOST_NAMED else "")
