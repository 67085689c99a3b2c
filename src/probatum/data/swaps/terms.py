"""Names of groups that can stand for each other: the shipped list, or the user's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from probatum.errors import DataError, did_you_mean
from probatum.yaml_file import line_of, read_mapping

SHIPPED = Path(__file__).with_name("terms.yaml")
FORMS = ("adjective", "singular", "plural")
KEYS = (*FORMS, "people")
EXAMPLE = "{adjective: Mexican, singular: Mexican, plural: Mexicans}"


@dataclass(frozen=True, slots=True)
class Term:
    """One name of a group.

    Attributes:
        group: whose name it is.
        adjective: as in "a … family"; `None` where it has no such form.
        singular: as in "a …".
        plural: as in "the …".
        people: whether it names the group only in front of people, women, families and the like.
    """

    group: str
    adjective: str | None = None
    singular: str | None = None
    plural: str | None = None
    people: bool = False

    def form(self, name: str) -> str | None:
        """Return the word of a form, `None` where there is none."""
        word: str | None = getattr(self, name)
        return word


def load_terms(path: Path | None = None) -> list[Term]:
    """Read a list of terms.

    Args:
        path: a YAML file, group to its names (default: the shipped list).

    Raises:
        DataError: the file cannot be read, is of another form, names fewer than two groups, or one word twice.
    """
    path = path or SHIPPED
    if not path.is_file():
        raise DataError(f"{path}: no such file of terms; it maps each group to a list like [{EXAMPLE}]")
    raw, tree = read_mapping(path, DataError, "a list of terms is a mapping of groups")
    terms = [
        _term(path, tree, str(group), number, entry)
        for group, entries in raw.items()
        for number, entry in enumerate(_listed(path, tree, group, entries))
    ]
    if len({term.group for term in terms}) < 2:
        raise DataError(f"{path}: swaps need the names of at least two groups")
    _refuse_shared_words(path, terms)
    return terms


def _listed(path: Path, tree: yaml.Node | None, group: Any, entries: Any) -> list[Any]:
    if not isinstance(entries, list) or not entries:
        raise DataError(f"{path}:{line_of(tree, [group])}: {group}: expected a list of names like [{EXAMPLE}]")
    return entries


def _term(path: Path, tree: yaml.Node | None, group: str, number: int, entry: Any) -> Term:
    where = f"{path}:{line_of(tree, [group, number])}: {group}[{number}]"
    if not isinstance(entry, dict):
        raise DataError(f"{where}: expected {EXAMPLE}, found {entry!r}")
    for key, value in entry.items():
        if key not in KEYS:
            raise DataError(f"{where}: unknown key {key!r}; {did_you_mean(str(key), KEYS)}")
        if key == "people" and not isinstance(value, bool):
            raise DataError(f"{where}: people: expected true or false, found {value!r}")
        if key in FORMS and not (isinstance(value, str) and value.strip()):
            raise DataError(f"{where}: {key}: expected a word, found {value!r}")
    forms = {key: entry[key].strip() for key in FORMS if key in entry}
    if not forms:
        raise DataError(f"{where}: no form; give at least one of {', '.join(FORMS)}")
    return Term(group, **forms, people=entry.get("people", False))


def _refuse_shared_words(path: Path, terms: list[Term]) -> None:
    owner: dict[str, Term] = {}
    for term in terms:
        for word in {word.casefold() for form in FORMS if (word := term.form(form))}:
            if word in owner:
                raise DataError(f"{path}: {word!r} is a name of {owner[word].group!r} and of {term.group!r}; keep one")
            owner[word] = term
