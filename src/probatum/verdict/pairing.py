"""Which rows of two runs are about the same post."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from probatum.data.normalise import normalise_text
from probatum.data.predicted.runs import PredictedRun
from probatum.errors import DataError

Key = tuple[str, int]  # an id or a text, and which time it stands


@dataclass(frozen=True)
class Pairing:
    """The rows of two runs that are about the same post.

    Attributes:
        by: what they were paired by.
        rows: the place of each pair's row in the first run and in the second, in the order of the first.
        only_first: rows of the first run whose post the second does not hold.
        only_second: rows of the second run whose post the first does not hold.
        other_text: rows with the same id but another text; they are no pairs.
        other_label: rows about the same post with another true label; they are no pairs.
    """

    by: Literal["id", "text"]
    rows: list[tuple[int, int]]
    only_first: int
    only_second: int
    other_text: int
    other_label: int

    @property
    def whole(self) -> bool:
        """Whether every row of both runs is in a pair."""
        return not (self.only_first or self.only_second or self.other_text or self.other_label)


def pair(first: PredictedRun, second: PredictedRun) -> Pairing:
    """Pair the rows of two runs by id where both have ids, else by text (case and white space folded).

    Ids that are mere row numbers pair different posts. So a pair by id needs the same text too, where both have texts,
    and where the texts alone give more pairs, they decide. An id or text that stands several times is paired in order.

    Raises:
        DataError: neither ids nor texts are in both files.
    """
    found: list[Pairing] = []
    if any(first.ids) and any(second.ids):
        found.append(_pair_by("id", first, second))
    if _has_texts(first) and _has_texts(second):
        found.append(_pair_by("text", first, second))
    if not found:
        raise DataError(
            f"{first.path} and {second.path} cannot be paired: no column with an id or a text is in both; "
            "name one with --columns text=COLUMN or id=COLUMN"
        )
    return max(found, key=lambda pairing: len(pairing.rows))  # the first of equals, so the id


def _pair_by(by: Literal["id", "text"], first: PredictedRun, second: PredictedRun) -> Pairing:
    places = {key: at for at, key in enumerate(_keys(second, by)) if key is not None}
    rows: list[tuple[int, int]] = []
    other_text = other_label = 0
    for at, key in enumerate(_keys(first, by)):
        if key is None or (there := places.get(key)) is None:
            continue
        if not _same_text(first.texts[at], second.texts[there]):
            other_text += 1
        elif first.predictions[at].label != second.predictions[there].label:
            other_label += 1
        else:
            rows.append((at, there))
    shared = len(rows) + other_text + other_label
    return Pairing(by, rows, len(first.ids) - shared, len(second.ids) - shared, other_text, other_label)


def _keys(run: PredictedRun, by: Literal["id", "text"]) -> Iterable[Key | None]:
    times: Counter[str] = Counter()
    for value in run.ids if by == "id" else run.texts:
        name = None if value is None else value if by == "id" else normalise_text(value)
        if name is not None:
            times[name] += 1
        yield None if name is None else (name, times[name])


def _same_text(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other or normalise_text(one) == normalise_text(other)


def _has_texts(run: PredictedRun) -> bool:
    return any(text is not None for text in run.texts)
