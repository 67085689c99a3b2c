"""Every post and every system's answer to it, by column, as the page's script reads them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from probatum.data.records import Status
from probatum.report.content import ReportContent

UNPARSED, ERROR = -1, -2
MOST_VALUES = 60  # more would make a list that nobody reads
RESERVED = {"show", "system", "other", "low", "high", "q", "sort", "page", "post"}  # words of the page's addresses


def post_data(content: ReportContent) -> dict[str, Any]:
    """Return the posts by column; names of labels, groups and sources stand once, posts hold their places.

    Returns:
        `ids` and `texts`; `columns`, label and group among them, each with `names` and `codes`; `positive`, the place
        of the positive label; `systems` by name with `scores` (null where there is none) and `calls` (places of
        labels, -1 for an unparsed answer, -2 for a post that could not be scored).
    """
    evidence = content.evidence
    labels = sorted({post.label for post in evidence.posts} | _called(content))
    place = {label: at for at, label in enumerate(labels)}
    return {
        "ids": [post.id for post in evidence.posts],
        "texts": [post.text for post in evidence.posts],
        "columns": {
            "label": {"names": labels, "codes": [place[post.label] for post in evidence.posts]},
            "group": _coded(content, "group"),
            **{name: _coded(content, name) for name in filter_columns(content) if name not in ("label", "group")},
        },
        "positive": place.get(content.verdict.positive, -1),
        "systems": {name: _answers(content, name, place) for name in content.systems},
    }


def filter_columns(content: ReportContent) -> list[str]:
    """Return the columns that posts can be filtered by: those that part them into a few slices."""
    evidence = content.evidence
    named = ["label", *(name for name in evidence.columns if name not in RESERVED)]
    return [name for name in named if evidence.has_few_values(name, MOST_VALUES)]


def _called(content: ReportContent) -> set[str]:
    rows = (row for rows in content.evidence.predictions.values() for row in rows)
    return {row.prediction for row in rows if row.prediction is not None}


def _coded(content: ReportContent, column: str) -> dict[str, list[Any]]:
    names, codes = np.unique(content.evidence.column(column), return_inverse=True)
    return {"names": names.tolist(), "codes": codes.tolist()}


def _answers(content: ReportContent, system: str, place: dict[str, int]) -> dict[str, list[Any]]:
    rows = content.evidence.predictions[system]
    return {
        "scores": [None if math.isnan(row.score) else row.score for row in rows],
        "calls": [
            ERROR if row.status is Status.ERROR else UNPARSED if row.prediction is None else place[row.prediction]
            for row in rows
        ],
    }
