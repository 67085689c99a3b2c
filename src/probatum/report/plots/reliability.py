"""Whether scores keep what they promise: the share of positive posts against the mean score, bin by bin."""

from __future__ import annotations

from probatum.report.content import ReportContent
from probatum.report.plots.plot import FIT_WIDTH, Plot, Spec, colour, label, share_axis, system_scales
from probatum.verdict.results import SystemResult
from probatum.verdict.wording import number

HEIGHT = 240


def plots(content: ReportContent) -> list[Plot]:
    """Return a diagram for each system that gave scores."""
    return [
        _plot(content.verdict.systems[name])
        for name in content.telling_systems
        if content.verdict.systems[name].calibration.ece.defined
    ]


def _plot(system: SystemResult) -> Plot:
    found = system.calibration
    told = f"ECE {number(found.ece.value)}; chance alone stays below {number(found.ece_by_chance.value)}."
    rows = [
        [f"{b.low:.2f} to {b.high:.2f}", f"{b.n:,}", number(b.score), number(b.positive.value)]
        for b in found.bins
        if b.n
    ]
    what = f"Share of positive posts against the mean score of {label(system.name)}; the diagonal is perfect. {told}"
    return Plot(
        f"reliability-{system.name}",
        f"Reliability, {label(system.name)}",
        what,
        _spec(system),
        ("score", "posts", "mean score", "positive share"),
        rows,
    )


def _spec(system: SystemResult) -> Spec:
    values = [
        {"score": b.score, "share": b.positive.value, "low": b.positive.low, "high": b.positive.high, "n": b.n}
        for b in system.calibration.bins
        if b.n
    ]
    by_colour, _ = system_scales([system.name])
    ink = by_colour["scale"]["range"][0]
    x, y = share_axis("mean score"), share_axis("share of positive posts")
    size = {"field": "n", "type": "quantitative", "legend": None, "scale": {"range": [25, 320], "zero": True}}
    told = [
        {"field": "n", "type": "quantitative", "title": "posts", "format": ","},
        {"field": "score", "type": "quantitative", "title": "mean score", "format": ".3f"},
        {"field": "share", "type": "quantitative", "title": "positive", "format": ".3f"},
    ]
    return {
        **FIT_WIDTH,
        "height": HEIGHT,
        "layer": [
            {
                "data": {"values": [{"score": 0, "share": 0}, {"score": 1, "share": 1}]},
                "mark": {"type": "line", "color": colour("muted"), "strokeDash": [4, 4], "strokeWidth": 1},
                "encoding": {"x": x | {"field": "score"}, "y": y | {"field": "share"}},
            },
            {
                "data": {"values": values},
                "mark": {"type": "rule", "color": ink},
                "encoding": {"x": x | {"field": "score"}, "y": y | {"field": "low"}, "y2": {"field": "high"}},
            },
            {
                "data": {"values": values},
                "mark": {"type": "point", "color": ink, "opacity": 0.9},
                "encoding": {
                    "x": x | {"field": "score"},
                    "y": y | {"field": "share"},
                    "size": size,
                    "tooltip": told,
                },
            },
        ],
    }
