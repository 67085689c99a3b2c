"""The labels of a task: their names, the words the model must say, and what else they are called in files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from probatum.errors import StudyError


def normalise_label(raw: object) -> str:
    """Fold case, underscores, hyphens and white space, so that "Not_Hate" and "not hate" are one name."""
    return re.sub(r"[\s_\-]+", " ", str(raw)).strip().casefold()


@dataclass(frozen=True)
class LabelSet:
    """Two or more labels, one of them positive.

    Attributes:
        positive: the label that a score is the probability of.
        words: label to the words that the model must say for it.
        aliases: label to further names for it in files.
    """

    positive: str
    words: Mapping[str, str]
    aliases: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.words) < 2:
            raise StudyError("task.labels: at least two labels are needed")
        if self.positive not in self.words:
            raise StudyError(f"task.positive: {self.positive!r} is not one of the labels {', '.join(self.words)}")
        if unknown := set(self.aliases) - set(self.words):
            raise StudyError(f"task.aliases: {', '.join(sorted(unknown))} is not one of the labels")
        seen: dict[str, str] = {}
        for label, names in self._names().items():
            for name in names:
                if seen.setdefault(name, label) != label:
                    raise StudyError(f"task.labels: {name!r} stands for both {seen[name]!r} and {label!r}")

    def _names(self) -> dict[str, list[str]]:
        return {
            label: [normalise_label(name) for name in (label, words, *self.aliases.get(label, ()))]
            for label, words in self.words.items()
        }

    def resolve(self, raw: object) -> str | None:
        """Return the label that a file's raw value names, or `None` if it names none."""
        wanted = normalise_label(raw)
        return next((label for label, names in self._names().items() if wanted in names), None)

    @property
    def negative(self) -> str | None:
        """The other label of a task with two, else `None`."""
        others = [label for label in self.words if label != self.positive]
        return others[0] if len(others) == 1 else None

    def known_names(self) -> list[str]:
        """Return every name that `resolve` accepts, for error messages."""
        return sorted({name for names in self._names().values() for name in names})
