"""What more posts bring: F1 on validation against the number of posts trained on."""

from __future__ import annotations

from probatum.report.content import ReportContent
from probatum.report.plots.plot import FIT_WIDTH, Plot, span, system_scales
from probatum.verdict.wording import number

HEIGHT = 240


def plots(content: ReportContent) -> list[Plot]:
    """Return the learning curve; none where none was measured."""
    points = [point for point in content.verdict.diagnosis.learning_curve if point.f1.defined]
    if not points:
        return []
    systems = list(dict.fromkeys(point.system for point in points))
    by_colour, by_shape = system_scales(systems)
    x = {"field": "n", "type": "quantitative", "title": "posts trained on", "axis": {"tickCount": 5}}
    y = {"type": "quantitative", "title": "F1 on validation", "scale": {"zero": False}}
    told = [
        {"field": "system", "title": "system"},
        {"field": "n", "type": "quantitative", "title": "posts", "format": ","},
        {"field": "value", "type": "quantitative", "title": "F1", "format": ".3f"},
    ]
    layers = [
        {"mark": "line", "encoding": {"y": y | {"field": "value"}}},
        {"mark": "rule", "encoding": {"y": y | {"field": "low"}, "y2": {"field": "high"}}},
        {
            "mark": {"type": "point", "opacity": 1},
            "encoding": {"y": y | {"field": "value"}, "shape": by_shape, "tooltip": told},
        },
    ]
    values = [{"system": point.system, "n": point.n} | span(point.f1) for point in points]
    common = {"data": {"values": values}, "height": HEIGHT, "encoding": {"x": x, "color": by_colour}, "layer": layers}
    rows = [
        [one.system, f"{one.n:,}", *(number(end) for end in (one.f1.value, one.f1.low, one.f1.high))] for one in points
    ]
    what = (
        f"F1 of {', '.join(systems)} on the validation posts at a threshold of 0.5, against the number of posts "
        "trained on, with intervals."
    )
    header = ("system", "posts", "F1", "from", "to")
    return [Plot("learning-curve", "Learning curve", what, {**FIT_WIDTH, **common}, header, rows)]
