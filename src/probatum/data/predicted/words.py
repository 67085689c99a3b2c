"""Which label a word of a file of predictions names."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from probatum.data.labels import LabelSet, normalise_label
from probatum.errors import DataError
from probatum.study import Task

MOST_NAMED, MOST_SPELLINGS, LONGEST = 12, 4, 60


def labels_of(true_words: Iterable[str], positive: str | None) -> LabelSet:
    """Return the labels that words are resolved with.

    Where the positive label is one of the default task's (hate, not hate, normal), its names count, and every further
    true label is one more. Where it is not, the labels are the words that stand as true labels.

    Args:
        true_words: every true label, as often as it stands.
        positive: the positive label as the user calls it (default: the task's).

    Raises:
        DataError: no true label is the positive one, or a name of the task's where the positive one is.
    """
    written = Counter(true_words)
    counts: Counter[str] = Counter()
    for word, times in written.items():
        counts[normalise_label(word)] += times
    task = Task().label_set()
    asked = as_word(task.positive if positive is None else positive)
    known = task.resolve(asked)
    strange = bool(counts) and not any(task.resolve(word) for word in counts)
    if positive is not None and (strange if known else normalise_label(asked) not in counts):
        raise DataError(f"--positive: no true label is {str(positive)!r}; there are: {_listed(written)}")
    if positive is None and strange:
        raise DataError(f"which true label is the positive one? there are: {_listed(written)}; say it with --positive")
    words = dict(task.words) if known else {asked: asked}
    names = {normalise_label(word) for word in words} | set(task.known_names() if known else ())
    words |= {word: word for word in counts if word not in names}
    if len(words) == 1:
        words[f"not_{asked}"] = f"not {asked}"
    return LabelSet(known or asked, words, task.aliases if known else {})


def _listed(written: Counter[str]) -> str:
    """Return the labels as they are written in the files, the spellings that count as one label together."""
    spellings: defaultdict[str, list[str]] = defaultdict(list)
    counts: Counter[str] = Counter()
    for word, times in written.most_common():
        shown = re.sub(r"^minus (?=\d)", "-", word)
        spellings[normalise_label(word)].append(repr(shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"))
        counts[normalise_label(word)] += times
    told = [
        f"{' or '.join(spellings[name][:MOST_SPELLINGS])} ({times:,})" for name, times in counts.most_common(MOST_NAMED)
    ]
    return ", ".join(told) + (", …" if len(counts) > MOST_NAMED else "")


@lru_cache(maxsize=4096, typed=True)  # typed: 1, 1.0 and True are one key else
def as_word(raw: Any) -> str:
    """Return a label as a word: 1.0 and "1.0" are "1", -1 keeps its sign (which folding hyphens would take)."""
    word = "" if raw is None else str(raw).strip().strip("\"'`.!").strip()
    word = re.sub(r"\.0+$", "", word) if re.fullmatch(r"[+-]?\d+\.0+", word) else word
    return re.sub(r"^-(?=\d)", "minus ", word)
