"""How training went: the loss on training and validation posts, and which checkpoint was kept."""

from __future__ import annotations

from typing import Any

from probatum.report.content import ReportContent
from probatum.report.plots.plot import FIT_WIDTH, Plot, Spec, colour
from probatum.verdict.wording import number

HEIGHT = 260
KINDS = {"loss": "training", "eval_loss": "validation"}


def plots(content: ReportContent) -> list[Plot]:
    """Return the loss curves; none where nothing was trained."""
    values = _values(content)
    if not values:
        return []
    training = content.context.training
    kept = training.best_step if training else None
    what = "Loss by optimiser step on training and validation posts; the line is the checkpoint that was kept."
    rows = [[f"{row['step']:,}", row["kind"], number(row["loss"])] for row in values]
    return [Plot("losses", "Loss", what, _spec(values, kept), ("step", "posts", "loss"), rows)]


def _values(content: ReportContent) -> list[dict[str, Any]]:
    training = content.context.training
    start = training.start_loss if training else None
    first = [] if start is None else [{"step": 0, "kind": "validation", "loss": start}]
    return first + [
        {"step": row["step"], "kind": kind, "loss": row[name]}
        for row in content.log
        for name, kind in KINDS.items()
        if isinstance(row.get(name), int | float) and "step" in row
    ]


def _spec(values: list[dict[str, Any]], kept: int | None) -> Spec:
    step = {"type": "quantitative", "title": "step", "axis": {"tickCount": 6}}
    scale = {"domain": list(KINDS.values()), "range": [colour("muted"), colour("tuned")]}
    by_kind = {"field": "kind", "type": "nominal", "title": None, "scale": scale}
    told = [
        {"field": "kind", "title": "posts"},
        {"field": "step", "type": "quantitative", "format": ","},
        {"field": "loss", "type": "quantitative", "format": ".4f"},
    ]
    layers: list[Spec] = [
        {
            "data": {"values": values},
            "mark": {"type": "line", "point": {"size": 40}},
            "encoding": {
                "x": step | {"field": "step"},
                "y": {
                    "field": "loss",
                    "type": "quantitative",
                    "title": "loss (nats)",
                    "scale": {"zero": False},
                    "axis": {"tickCount": 6},
                },
                "color": by_kind,
                "tooltip": told,
            },
        }
    ]
    if kept is not None:
        layers.append(
            {
                "data": {"values": [{"step": kept, "text": f"kept: {kept:,}"}]},
                "encoding": {"x": step | {"field": "step"}},
                "layer": [
                    {"mark": {"type": "rule", "color": colour("ink"), "strokeDash": [4, 3]}},
                    {
                        "mark": {"type": "text", "align": "right", "dx": -5, "y": 8, "color": colour("ink")},
                        "encoding": {"text": {"field": "text"}},
                    },
                ],
            }
        )
    return {**FIT_WIDTH, "height": HEIGHT, "layer": layers}
