"""Every criterion's interval beside the line that it must clear."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from typing import Any

from probatum.report.content import ReportContent
from probatum.report.plots.plot import Plot, Spec, colour, none_if_nan
from probatum.report.safe import one_line
from probatum.verdict.results import CriterionResult
from probatum.verdict.wording import number

OUTCOMES = ("passed", "failed", "inconclusive")
MARGIN = 0.08  # of the axis, on both sides of what is drawn


def plots(content: ReportContent) -> list[Plot]:
    """Return one figure with a row for every criterion that is a number."""
    drawn = [result for result in content.verdict.criteria if is_drawn(result)]
    if not drawn:
        return []
    spec = {
        "vconcat": [
            {"title": {"text": one_line(result.text, 90), "frame": "group"}, "height": 22, "width": 420}
            | bar(result, axis=True)
            for result in drawn
        ]
    }
    rows = [
        (result.text, result.outcome, number(result.value), f"{number(result.low)} to {number(result.high)}")
        for result in drawn
    ]
    what = "Every criterion's value and interval beside the limit that it must clear; the side that passes is shaded."
    return [Plot("criteria", "Criteria", what, spec, ("criterion", "outcome", "value", "interval"), rows)]


def is_drawn(result: CriterionResult) -> bool:
    """Return whether a criterion has a value that can be drawn beside a limit."""
    return bool(result.limit) and not isnan(result.value) and result.criterion["metric"] != "training"


def bar(result: CriterionResult, *, axis: bool = False) -> Spec:
    """Return a criterion's interval, its value, its limit and the side of it that passes.

    Args:
        result: a criterion that `is_drawn`.
        axis: with numbers below.
    """
    low, high = _domain(result)
    passes = _passing(result, low, high)
    row = {"low": result.low, "high": result.high, "value": result.value}
    shown = {name: none_if_nan(value) for name, value in row.items()} | {"outcome": result.outcome}
    scale = {"domain": [low, high], "nice": False}
    ticks = {"tickCount": 4, "grid": False, "title": None} if axis else None
    x: Spec = {"type": "quantitative", "scale": scale, "axis": ticks}
    colours = {"domain": list(OUTCOMES), "range": [colour(outcome) for outcome in OUTCOMES]}
    by_outcome = {"field": "outcome", "type": "nominal", "legend": None, "scale": colours}
    return {
        "layer": [
            {
                "data": {"values": [passes]},
                "mark": {"type": "rect", "color": colour("passed"), "opacity": 0.16},
                "encoding": {"x": x | {"field": "from"}, "x2": {"field": "to"}},
            },
            {
                "data": {"values": [{"limit": limit} for limit in result.limit]},
                "mark": {"type": "rule", "color": colour("ink"), "strokeDash": [3, 2], "strokeWidth": 1.5},
                "encoding": {"x": x | {"field": "limit"}},
            },
            {
                "data": {"values": [shown]},
                "mark": {"type": "rule", "strokeWidth": 5, "strokeCap": "round"},
                "encoding": {"x": x | {"field": "low"}, "x2": {"field": "high"}, "color": by_outcome},
            },
            {
                "data": {"values": [shown]},
                "mark": {"type": "point", "size": 60, "stroke": colour("paper"), "strokeWidth": 1.5, "opacity": 1},
                "encoding": {"x": x | {"field": "value"}, "color": by_outcome},
            },
        ]
    }


def _domain(result: CriterionResult) -> tuple[float, float]:
    ends = [end for end in (result.low, result.high, result.value, *result.limit) if not isnan(end)]
    margin = (max(ends) - min(ends)) * MARGIN or 0.05
    return min(ends) - margin, max(ends) + margin


def _passing(result: CriterionResult, low: float, high: float) -> Mapping[str, Any]:
    """Return where values pass, cut at the ends of the axis."""
    if result.criterion.get("at_least") is not None:
        return {"from": result.limit[0], "to": high}
    if result.criterion.get("within") is not None:
        return {"from": result.limit[0], "to": result.limit[1]}
    return {"from": low, "to": result.limit[0]}
