"""What a reader of a run of predictions should know before its figures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from probatum.data.labels import LabelSet
from probatum.data.records import Prediction

NO_ANSWER = {"", "nan", "null", "n/a", "<na>", "unknown", "none", "na", "error", "unparsed", "invalid", "failed"}
OFTEN, MOST_WORDS = 0.05, 5


def repeats(what: str, values: Sequence[str | None], lines: Sequence[int]) -> list[str]:
    """Say that an id or a text stands more than once, and in which lines first."""
    known = [value for value in values if value is not None]
    if len(set(known)) == len(known):
        return []
    where: dict[str, list[int]] = defaultdict(list)
    for value, line in zip(values, lines, strict=True):
        if value is not None:
            where[value].append(line)
    repeated = [found for found in where.values() if len(found) > 1]
    rows, first = sum(len(found) - 1 for found in repeated), repeated[0]
    return [
        f"{rows:,} row{'s repeat' if rows > 1 else ' repeats'} {what} (the first stands in lines "
        f"{', '.join(map(str, first[:4]))}{', …' * (len(first) > 4)}); every row is counted"
    ]


def further_labels(predictions: Sequence[Prediction], labels: LabelSet) -> list[str]:
    """Say which labels count as negative, where there is more than one."""
    counts = Counter(row.label for row in predictions if row.label != labels.positive)
    if len(counts) < 2:
        return []
    return [f"true labels that count as negative: {', '.join(f'{word} ({n:,})' for word, n in counts.most_common())}"]


def strange_words(unparsed: Counter[str], num_rows: int, labels: LabelSet) -> list[str]:
    """Say that predictions are often words that may be meant for a label, though none is called so."""
    words = {word: times for word, times in unparsed.most_common() if word.casefold() not in NO_ANSWER}
    count = sum(words.values())
    if count < OFTEN * num_rows:
        return []
    told = ", ".join(f"{word!r} ({times:,})" for word, times in list(words.items())[:MOST_WORDS])
    more = f" and {len(words) - MOST_WORDS} more" if len(words) > MOST_WORDS else ""
    known = ", ".join(map(repr, labels.known_names()))
    return [
        f"{count:,} predictions name no label: {told}{more}; the labels are called {known} (in any case, with _ or - "
        "for a space): where a word means one of them, write it so"
    ]


def no_probabilities(predictions: Sequence[Prediction], path: Path, lines: Sequence[int]) -> list[str]:
    """Say that scores are no probabilities, such as logits, and what that changes."""
    beyond = [at for at, row in enumerate(predictions) if row.score < 0 or row.score > 1]
    if not beyond:
        return []
    first = beyond[0]
    return [
        f"{len(beyond):,} score{'s are' if len(beyond) > 1 else ' is'} below 0 or above 1 (the first, "
        f"{predictions[first].score:g}, in {path}:{lines[first]}), so no probabilities: AUROC, which only ranks, "
        "holds; a threshold, Brier score or calibration error of them would not"
    ]
