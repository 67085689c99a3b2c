"""Which slices hold more errors than their size explains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from probatum.metrics.classification import Flags
from probatum.metrics.intervals import wilson
from probatum.report.content import ReportContent
from probatum.report.plots.plot import FIT_WIDTH, Plot, Spec, colour, label
from probatum.report.safe import one_line
from probatum.verdict.evidence import describe_slice

MOST_VALUES = 40
MOST_SLICES = 10
FEWEST_POSTS = 15
ROW_HEIGHT = 26


@dataclass(frozen=True)
class ErrorSlice:
    """A slice of posts and the errors in it.

    Attributes:
        wanted: column to value.
        n: posts.
        errors: wrong answers among them.
        excess: errors beyond those that the error rate of all posts would give.
    """

    wanted: dict[str, str]
    n: int
    errors: int
    excess: float

    @property
    def name(self) -> str:
        """The slice in words."""
        return describe_slice(self.wanted)


def plots(content: ReportContent) -> list[Plot]:
    """Return one figure of the slices with the most errors beyond their share; none without any."""
    found = error_slices(content)
    if not found:
        return []
    wrong = ~content.evidence.answers[content.judged].correct
    total, n = int(wrong.sum()), len(wrong)
    what = (
        f"Slices with more errors of {label(content.judged)} than their size explains: their share of all {total:,} "
        f"errors (bar) beside their share of all {n:,} posts (line)."
    )
    return [Plot("slices", "Share of all errors beside share of all posts", what, _spec(found, total, n))]


def error_slices(content: ReportContent) -> list[ErrorSlice]:
    """Return the slices of one or two columns with the most errors beyond their share, the most first.

    The excess of a slice is errors - n × (all errors / all posts); its error rate's interval lies above that of all
    posts. A pair of columns is left out if one of the two alone has as much excess. These are leads, not findings: many
    slices are looked at.
    """
    level = content.verdict.confidence
    evidence, wrong = content.evidence, ~content.evidence.answers[content.judged].correct
    columns = ["label", *(name for name in evidence.columns if evidence.has_few_values(name, MOST_VALUES))]
    codes = {name: np.unique(evidence.column(name), return_inverse=True) for name in columns}
    singles = [one for name in columns for one in _slices({name: codes[name]}, wrong, level)]
    alone = {next(iter(one.wanted.items())): one.excess for one in singles}
    pairs = [
        one
        for two in combinations(columns, 2)
        for one in _slices({name: codes[name] for name in two}, wrong, level)
        if one.excess > max(alone.get(item, 0.0) for item in one.wanted.items())
    ]
    return sorted(singles + pairs, key=lambda one: (-one.excess, one.name))[:MOST_SLICES]


def _slices(
    codes: dict[str, tuple[NDArray[np.str_], NDArray[np.intp]]], wrong: Flags, level: float
) -> Iterator[ErrorSlice]:
    """Yield the slices of some columns that are large enough and hold more errors than their share."""
    sizes = [len(values) for values, _ in codes.values()]
    flat = np.ravel_multi_index([code for _, code in codes.values()], sizes)
    counts = np.bincount(flat, minlength=int(np.prod(sizes)))
    errors = np.bincount(flat[wrong], minlength=int(np.prod(sizes)))
    excess = errors - counts * wrong.mean()
    large = np.flatnonzero((counts >= FEWEST_POSTS) & (excess > 0) & (counts < len(wrong)))
    low, _ = wilson(errors[large], counts[large], level)
    for at in large[low > wrong.mean()]:
        places = np.unravel_index(at, sizes)
        wanted = {name: str(values[place]) for (name, (values, _)), place in zip(codes.items(), places, strict=True)}
        yield ErrorSlice(wanted, int(counts[at]), int(errors[at]), float(excess[at]))


def _spec(found: list[ErrorSlice], total: int, n: int) -> Spec:
    values = [
        {"slice": one_line(one.name, 60), "errors": one.errors / total, "posts": one.n / n, "count": one.errors}
        for one in found
    ]
    order = [row["slice"] for row in values]
    y = {"field": "slice", "type": "nominal", "sort": order, "title": None, "axis": {"labelLimit": 230}}
    share = {"type": "quantitative", "axis": {"format": "%", "tickCount": 5}, "title": "share"}
    told = [
        {"field": "slice", "title": ""},
        {"field": "count", "type": "quantitative", "title": "errors", "format": ","},
        {"field": "errors", "type": "quantitative", "title": "of all errors", "format": ".1%"},
        {"field": "posts", "type": "quantitative", "title": "of all posts", "format": ".1%"},
    ]
    return {
        "data": {"values": values},
        **FIT_WIDTH,
        "height": ROW_HEIGHT * len(found),
        "layer": [
            {
                "mark": {"type": "bar", "color": colour("baseline"), "opacity": 0.8, "height": {"band": 0.62}},
                "encoding": {"y": y, "x": share | {"field": "errors"}, "tooltip": told},
            },
            {
                "mark": {"type": "tick", "color": colour("ink"), "thickness": 3, "height": {"band": 0.9}},
                "encoding": {"y": y, "x": share | {"field": "posts"}},
            },
        ],
    }
