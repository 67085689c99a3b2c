"""Label conventions: which finer labels stand under a label, by group, and where the same one counts differently.

A convention is no mistake, but a model that was not told of it makes many: where "offensive" counts as normal, a model
that flags offensive posts is wrong by the labels, and the more so for the groups with most of them.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from probatum.data.audit.findings import FEW_POSTS, Finding, examples
from probatum.data.audit.held import Held
from probatum.data.audit.noise import MIN_AUROC, Judged
from probatum.data.labels import normalise_label
from probatum.data.records import Post

PURE = 0.95  # share of a finer label's posts that have the same label
MOST_VALUES = 50
MIN_FILLED = 0.5
MIN_RISE = 0.2  # as high as a slice of hard negatives seldom gets; one labelled by another rule does
MOST_GROUPS = 6
MOST_TOLD = 4
SOUNDS_POSITIVE = re.compile(
    r"offens|abus|insult|toxic|profan|hate|hostil|derog|slur|threat|harass|vulgar|obscen|aggress|sexis|racis"
)
SOUNDS_NEGATIVE = re.compile(r"\b(?:not?|non|neither|benign|normal|none|neutral|clean|harmless|counter|against)\b")


def find_conventions(files: Sequence[Held], judged: Judged | None, positive: str | None) -> list[Finding]:
    """Find finer labels under a label that does not go without saying, and those that count differently by slice.

    A finer label is told if it stands under a label other than the positive one and its name sounds like the positive
    one's, or the linear model gives its posts 20 points more of the positive label than the others of that label.

    Args:
        files: the files.
        judged: what the linear model says of their texts.
        positive: the positive label, if there is one.
    """
    found = _differences({held.name: held.posts for held in files}, None)
    if not found:
        found = _differences(_by_source(files), tuple(held.name for held in files))
    scores = _scores(judged, positive)
    return found + [finding for held in files for finding in _under_other_labels(held, scores, positive)]


def _by_source(files: Sequence[Held]) -> dict[str, list[Post]]:
    sources: defaultdict[str, list[Post]] = defaultdict(list)
    for held in files:
        for post in held.posts:
            sources[post.source or "no source"].append(post)
    return dict(sources)


def _scores(judged: Judged | None, positive: str | None) -> dict[str, float]:
    """Return normalised text to the probability of the positive label, nothing where the model knows too little."""
    if judged is None or judged.auroc < MIN_AUROC or positive not in judged.labels:
        return {}
    column = judged.probabilities[:, judged.labels.index(positive)]
    return dict(zip(judged.texts, map(float, column), strict=True))


def labels_of_values(posts: Sequence[Post], column: str) -> dict[str, str]:
    """Return the label that each value of a column counts as; nothing where they are no labels.

    The values with more than `FEW_POSTS` posts, if each has one label in at least `PURE` of its posts and there are two
    labels in all; in a column with at most `MOST_VALUES` values that is filled in for `MIN_FILLED` of the posts.
    """
    cells: Counter[tuple[str, str]] = Counter()
    totals: Counter[str] = Counter()
    for post in posts:
        if (value := _value(post, column)) is not None:
            cells[value, post.label] += 1
            totals[value] += 1
            if len(totals) > MOST_VALUES:
                return {}
    if sum(totals.values()) < MIN_FILLED * len(posts):
        return {}
    frequent = [value for value, count in totals.items() if count > FEW_POSTS]
    found = {value: label for (value, label), count in cells.items() if count >= PURE * totals[value]}
    is_finer = set(frequent) <= set(found) and len({found[value] for value in frequent if value in found}) > 1
    return {value: found[value] for value in frequent} if is_finer else {}


def _value(post: Post, column: str) -> str | None:
    value = post.extra.get(column)
    return str(value).strip() or None if isinstance(value, str | int | float) else None


def _columns(posts: Sequence[Post]) -> list[str]:
    return list(dict.fromkeys(name for post in posts for name in post.extra))


@dataclass(frozen=True, slots=True)
class _Finer:
    """A value of a column, the label that it counts as, and the posts that have it."""

    column: str
    value: str
    label: str
    members: list[Post]


def _under_other_labels(held: Held, scores: Mapping[str, float], positive: str | None) -> list[Finding]:
    found = []
    for column in _columns(held.posts):
        values = labels_of_values(held.posts, column)
        under = Counter(values.values())
        finer = [
            _Finer(column, value, label, [post for post in held.posts if _value(post, column) == value])
            for value, label in values.items()
            if label != positive and under[label] > 1
        ]
        told = [each for each in finer if _sounds_positive(each.value) or _rise(held, each, scores) >= MIN_RISE]
        if told:
            found.append(_count_as(held, sorted(told, key=lambda each: (-len(each.members), each.value))))
    return found


def _sounds_positive(value: str) -> bool:
    name = normalise_label(value)
    return SOUNDS_POSITIVE.search(name) is not None and SOUNDS_NEGATIVE.search(name) is None


def _rise(held: Held, finer: _Finer, scores: Mapping[str, float]) -> float:
    """Return how much more of the positive label the linear model gives a finer label than the rest of its label.

    A difference of mean out-of-fold probabilities, NaN where the model has seen none of the posts on one side.
    """
    inside = {id(post) for post in finer.members}
    sides: tuple[list[float], list[float]] = ([], [])
    for post, text in held.pairs():
        if post.label == finer.label and text in scores:
            sides[id(post) in inside].append(scores[text])
    return float(np.mean(sides[1]) - np.mean(sides[0])) if all(sides) else math.nan


def _count_as(held: Held, finer: Sequence[_Finer]) -> Finding:
    """Tell the finer labels of one column that stand under another label than the positive one, the widest first."""
    rows = [row for each in finer for row in _by_group(held, each)]
    members = [post for each in finer for post in each.members]
    more = f"; and {len(finer) - MOST_TOLD} more" if len(finer) > MOST_TOLD else ""
    widest = max((row["count"] / row["of"] for row in rows if row["count"] > FEW_POSTS), default=0.0)
    return Finding(
        "convention",
        "medium" if widest >= 0.1 else "low",
        len(members),
        len(members) / len(held),
        f"{held.name}: {finer[0].column} " + "; ".join(_told(each, rows) for each in finer[:MOST_TOLD]) + more,
        examples(members),
        "say so in the prompt: a model that was not told flags them; and look at the error rates on these posts alone",
        (held.name,),
        details=tuple(rows),
    )


def _told(finer: _Finer, rows: Sequence[Mapping[str, Any]]) -> str:
    whole, *groups = [row for row in rows if row["value"] == finer.value]
    says = f"{finer.value!r} counts as {finer.label}: {whole['count']} of {whole['of']} {finer.label} posts"
    shown = [f"{row['group']} {row['count']} of {row['of']}" for row in groups if row["count"]]
    return says + (f" ({', '.join(shown[:MOST_GROUPS])})" if shown else "")


def _by_group(held: Held, finer: _Finer) -> list[dict[str, Any]]:
    """Return how many of a label's posts have the finer label: of all (group null), then by group, the most first."""
    totals = Counter(post.group for post in held.posts if post.label == finer.label)
    counts = Counter(post.group for post in finer.members if post.label == finer.label)
    groups = sorted((group for group in totals if group is not None), key=lambda group: (-counts[group], group))
    common = {"column": finer.column, "value": finer.value, "label": finer.label}
    whole = common | {"group": None, "count": counts.total(), "of": totals.total()}
    return [whole, *(common | {"group": group, "count": counts[group], "of": totals[group]} for group in groups)]


def _differences(slices: Mapping[str, Sequence[Post]], files: tuple[str, ...] | None) -> list[Finding]:
    """Find finer labels that count as one label in one slice and as another in the next.

    Args:
        slices: file or source to its posts.
        files: the files that the slices are of; `None` where they are the files themselves.
    """
    found = []
    for column in dict.fromkeys(name for posts in slices.values() for name in _columns(posts)):
        maps = {name: labels_of_values(posts, column) for name, posts in slices.items()}
        for first, second in combinations(maps, 2):
            for value in sorted(maps[first].keys() & maps[second].keys()):
                here, there = (
                    _Finer(column, value, maps[name][value], [p for p in slices[name] if _value(p, column) == value])
                    for name in (first, second)
                )
                if here.label != there.label:
                    share = len(there.members) / len(slices[second])
                    found.append(_differs((first, here), (second, there), share, files))
    return found


def _differs(
    left: tuple[str, _Finer], right: tuple[str, _Finer], share: float, files: tuple[str, ...] | None
) -> Finding:
    (first, here), (second, there) = left, right
    return Finding(
        "convention",
        "high",
        len(there.members),
        share,
        f"{here.column} {here.value!r} counts as {here.label} in {first} ({len(here.members)} posts) and as "
        f"{there.label} in {second} ({len(there.members)} posts)",
        examples(there.members),
        "decide on one label for them before anything is trained or measured",
        files or (second, first),
    )
