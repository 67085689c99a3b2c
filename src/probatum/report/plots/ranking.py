"""ROC and precision-recall curves, with the threshold in use marked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from probatum.metrics.curves import OperatingPoints, thinned
from probatum.report.content import ReportContent
from probatum.report.plots.plot import FIT_WIDTH, Plot, Spec, colour, share_axis, system_scales
from probatum.verdict.wording import number

MOST_POINTS = 200
HEIGHT = 300


def plots(content: ReportContent) -> list[Plot]:
    """Return ROC and precision-recall; none without scores, or where all posts are of one class."""
    systems = content.scored_systems
    if not systems or content.truth.all() or not content.truth.any():
        return []
    share = float(content.truth.mean())
    metrics = content.verdict.systems
    roc_table = [[name, number(metrics[name].metrics["auroc"].value)] for name in systems]
    pr_table = [[name, number(metrics[name].metrics["auprc"].value)] for name in systems]
    return [
        Plot(
            "roc",
            "ROC",
            "Recall against false-positive rate at every threshold; the mark is the threshold in use, the diagonal is "
            "chance.",
            _curves(content, ("fpr", "FPR"), ("recall", "recall"), [(0, 0), (1, 1)]),
            ("system", "AUROC"),
            roc_table,
        ),
        Plot(
            "precision-recall",
            "Precision and recall",
            f"Precision against recall at every threshold; the mark is the threshold in use, the level line is chance "
            f"({share:.2f}).",
            _curves(content, ("recall", "recall"), ("precision", "precision"), [(0, share), (1, share)]),
            ("system", "average precision"),
            pr_table,
        ),
    ]


def _curves(
    content: ReportContent,
    x: tuple[str, str],
    y: tuple[str, str],
    chance: list[tuple[float, float]],
) -> Spec:
    values = [row for name, found in content.points.items() for row in _rows(name, found, x[0], y[0])]
    marks = [
        row
        for name, found in content.points.items()
        for row in _in_use(name, found, content.threshold(name), x[0], y[0])
    ]
    by_colour, by_shape = system_scales(content.scored_systems)
    where = {"x": share_axis(x[1]) | {"field": "x"}, "y": share_axis(y[1]) | {"field": "y"}}
    told = [
        {"field": "system", "title": "system"},
        {"field": "x", "type": "quantitative", "title": x[1], "format": ".3f"},
        {"field": "y", "type": "quantitative", "title": y[1], "format": ".3f"},
        {"field": "threshold", "type": "quantitative", "title": "threshold", "format": ".3f"},
    ]
    return {
        **FIT_WIDTH,
        "height": HEIGHT,
        "layer": [
            {
                "data": {"values": [{"x": left, "y": up} for left, up in chance]},
                "mark": {"type": "line", "color": colour("muted"), "strokeDash": [4, 4], "strokeWidth": 1},
                "encoding": where,
            },
            {
                "data": {"values": values},
                "mark": {"type": "line"},
                "encoding": where | {"color": by_colour, "order": {"field": "at", "type": "quantitative"}},
            },
            {
                "data": {"values": marks},
                "mark": {"type": "point", "size": 110, "opacity": 1, "stroke": colour("paper"), "strokeWidth": 1.5},
                "encoding": where | {"color": by_colour, "shape": by_shape, "tooltip": told},
            },
        ],
    }


def _rows(system: str, points: OperatingPoints, x: str, y: str) -> Iterator[dict[str, Any]]:
    across, up = getattr(points, x), getattr(points, y)
    for at in thinned(len(across), MOST_POINTS):
        if not np.isnan(up[at]):
            yield {"system": system, "at": int(at), "x": round(float(across[at]), 5), "y": round(float(up[at]), 5)}


def _in_use(system: str, points: OperatingPoints, threshold: float, x: str, y: str) -> Iterator[dict[str, Any]]:
    at = points.at(threshold)
    across, up = float(getattr(points, x)[at]), float(getattr(points, y)[at])
    if not np.isnan(up):
        yield {"system": system, "x": across, "y": up, "threshold": threshold}
