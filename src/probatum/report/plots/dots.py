"""Dots with intervals, a line of them for each system: the form of most figures by group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from probatum.report.plots.plot import FIT_WIDTH, Spec, colour, share_axis, system_scales

ROW_HEIGHT = 17


def dots(
    rows: Sequence[dict[str, Any]],
    systems: Sequence[str],
    title: str,
    *,
    order: Sequence[str],
    joined: Sequence[str] = (),
    highest: float = 1.0,
    name: str = "rows",
) -> Spec:
    """Return dots with intervals by `place` and system.

    Args:
        rows: `place`, `system`, `value`, `low` and `high`; with `note` for the tooltip.
        systems: from top to bottom within a place.
        title: of the axis.
        order: the places from top to bottom.
        joined: two systems whose dots a line joins.
        highest: where the axis ends.
        name: of the data, for a page that changes it.
    """
    by_colour, by_shape = system_scales(systems)
    y: Spec = {"field": "place", "type": "nominal", "sort": list(order), "title": None, "axis": {"domain": False}}
    # the places are given, so that one without a figure keeps its row, and rows that come later have theirs
    y["scale"] = {"domain": list(order), "paddingInner": 0.3, "paddingOuter": 0.15}
    place = {"y": y, "yOffset": {"field": "system", "type": "nominal", "sort": list(systems)}}
    value = share_axis(title, (0, highest)) | {"field": "value"}
    layers: list[Spec] = []
    if joined:
        only = {"filter": {"field": "system", "oneOf": list(joined)}}
        line = {"type": "line", "color": colour("muted"), "strokeWidth": 1, "strokeDash": [2, 2]}
        by_place = {"field": "place", "type": "nominal"}
        layers.append({"transform": [only], "mark": line, "encoding": place | {"x": value, "detail": by_place}})
    ends = {"x": share_axis(title, (0, highest)) | {"field": "low"}, "x2": {"field": "high"}}
    told = [
        {"field": field, "type": kind, "title": shown, **form}
        for field, kind, shown, form in (
            ("place", "nominal", "", {}),
            ("system", "nominal", "system", {}),
            ("value", "quantitative", title, {"format": ".3f"}),
            ("low", "quantitative", "from", {"format": ".3f"}),
            ("high", "quantitative", "to", {"format": ".3f"}),
            ("note", "nominal", "posts", {}),
        )
    ]
    layers += [
        {"mark": {"type": "rule", "strokeWidth": 2}, "encoding": place | ends | {"color": by_colour}},
        {
            "mark": {"type": "point", "opacity": 1},
            "encoding": place | {"x": value, "color": by_colour, "shape": by_shape, "tooltip": told},
        },
    ]
    height = ROW_HEIGHT * max(len(systems), 2) * max(len(order), 1)
    return {"data": {"name": name, "values": list(rows)}, "height": height, "layer": layers} | FIT_WIDTH
