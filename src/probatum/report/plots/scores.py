"""How scores spread, by true label."""

from __future__ import annotations

import numpy as np

from probatum.report.content import ReportContent
from probatum.report.plots.plot import FIT_WIDTH, Plot, Spec, colour, label

BINS = 25
HEIGHT = 180


def plots(content: ReportContent) -> list[Plot]:
    """Return a histogram for each system that gave scores."""
    return [_plot(content, name) for name in content.scored_systems]


def _plot(content: ReportContent, system: str) -> Plot:
    scores, edges = content.scores(system), np.linspace(0, 1, BINS + 1)
    kinds = {content.verdict.positive: content.truth, "other labels": ~content.truth}
    counts = {
        kind: np.histogram(np.clip(scores[mask & ~np.isnan(scores)], 0, 1), edges)[0] for kind, mask in kinds.items()
    }
    values = [
        {"from": float(edges[at]), "to": float(edges[at + 1]), "label": label(kind), "posts": int(count[at])}
        for kind, count in counts.items()
        for at in range(BINS)
    ]
    rows = [
        [f"{edges[at]:.2f} to {edges[at + 1]:.2f}", *(f"{count[at]:,}" for count in counts.values())]
        for at in range(BINS)
    ]
    what = f"How many posts of each true label got each score from {label(system)}; the line is the threshold in use."
    spec = _spec(values, [label(kind) for kind in kinds], content.threshold(system))
    return Plot(f"scores-{system}", f"Scores, {label(system)}", what, spec, ("score", *map(label, kinds)), rows)


def _spec(values: list[dict[str, object]], kinds: list[str], threshold: float) -> Spec:
    score = {"type": "quantitative", "title": "score", "axis": {"tickCount": 5}, "scale": {"domain": [0, 1]}}
    colours = {"domain": kinds, "range": [colour("positive"), colour("negative")]}
    told = [
        {"field": "label", "title": "label"},
        {"field": "from", "type": "quantitative", "format": ".2f"},
        {"field": "to", "type": "quantitative", "format": ".2f"},
        {"field": "posts", "type": "quantitative", "format": ","},
    ]
    return {
        **FIT_WIDTH,
        "height": HEIGHT,
        "layer": [
            {
                "data": {"values": values},
                "mark": {"type": "bar", "opacity": 0.62, "binSpacing": 1},
                "encoding": {
                    "x": score | {"field": "from", "bin": {"binned": True}},
                    "x2": {"field": "to"},
                    "y": {"field": "posts", "type": "quantitative", "title": "posts", "stack": None},
                    "color": {"field": "label", "type": "nominal", "title": None, "scale": colours},
                    "tooltip": told,
                },
            },
            {
                "data": {"values": [{"threshold": threshold}]},
                "mark": {"type": "rule", "color": colour("ink"), "strokeDash": [4, 3]},
                "encoding": {"x": score | {"field": "threshold"}},
            },
        ],
    }
