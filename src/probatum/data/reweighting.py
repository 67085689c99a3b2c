"""Weights that make a post's label independent of its group in the training posts, each post counted by its weight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from probatum.data.records import Post

NO_GROUP = "(none)"  # posts without a group are a group of their own: their labels are balanced too
NOTABLE = 10.0  # a post that counts for ten makes training rest on few posts


@dataclass(frozen=True)
class Weight:
    """The weight of the posts of one group with one label.

    Attributes:
        group: the group, `(none)` for posts without one.
        label: the label.
        n: training posts.
        weight: how much each counts.
    """

    group: str
    label: str
    n: int
    weight: float


def weight_table(posts: Sequence[Post], reweighting: str) -> list[Weight]:
    """Return the weight of every group and label that posts have, by name; none without reweighting.

    w(g, y) = P(g) P(y) / P(g, y): the share that such posts would have if group and label were independent, over the
    share that they have (Kamiran and Calders 2012, algorithm 3). Weighted, every group has the same share of each
    label, as long as it has posts of every label; the weights of all posts then add up to their number.

    Args:
        posts: the training posts.
        reweighting: the study's `training.reweighting`.
    """
    if reweighting == "none":
        return []
    cells = Counter((post.group or NO_GROUP, post.label) for post in posts)
    groups, labels = Counter[str](), Counter[str]()
    for (group, label), count in cells.items():
        groups[group] += count
        labels[label] += count
    return [
        Weight(group, label, count, groups[group] * labels[label] / (len(posts) * count))
        for (group, label), count in sorted(cells.items())
    ]


def post_weights(posts: Sequence[Post], reweighting: str) -> list[float] | None:
    """Return the weight of each post, in their order; `None` without reweighting."""
    if reweighting == "none":
        return None
    of = {(cell.group, cell.label): cell.weight for cell in weight_table(posts, reweighting)}
    return [of[post.group or NO_GROUP, post.label] for post in posts]


def describe_weights(table: Sequence[Weight]) -> list[str]:
    """Return what a reader of the run should know about its weights; nothing without any."""
    if not table:
        return []
    low, high = (pick(table, key=lambda cell: cell.weight) for pick in (min, max))
    notes = [
        f"training posts were weighed by group and label, from {low.weight:.3f} ({low.group}, {low.label}) "
        f"to {high.weight:.3f} ({high.group}, {high.label})"
    ]
    if high.weight > NOTABLE:
        notes.append(
            f"each of the {high.n:,} training posts of {high.group} labelled {high.label} counts for "
            f"{high.weight:.0f}: the adapter may learn them by heart; add such posts"
        )
    labels = {cell.label for cell in table}
    lacking = sorted({cell.group for cell in table if {c.label for c in table if c.group == cell.group} < labels})
    if lacking:
        notes.append(f"no weights can balance groups that lack a label in training: {', '.join(lacking)}")
    return notes
