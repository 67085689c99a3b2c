"""What a figure is, and the look that all figures share.

Colours are names until a figure is drawn: the page turns them into CSS variables, so that dark mode and print need no
new drawing, and files get the light colours.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from probatum.metrics.intervals import Interval
from probatum.report.safe import one_line

Spec = dict[str, Any]
FIT_WIDTH = {"width": "container", "autosize": {"type": "fit-x", "contains": "padding"}}
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"

# Light and dark. Systems after Okabe and Ito (2008), darkened or lightened to 3:1 on the page's ground.
COLOURS = {
    "paper": ("#ffffff", "#15171c"),
    "ink": ("#1c1e24", "#e9eaee"),
    "muted": ("#5c616c", "#a3a8b4"),
    "line": ("#dcdfe5", "#353942"),
    "edge": ("#868c98", "#6f7684"),
    "well": ("#f3f4f7", "#20232a"),
    "tuned": ("#0072b2", "#56b4e9"),
    "baseline": ("#c65100", "#f0a03c"),
    "linear": ("#00805d", "#35c99c"),
    "majority": ("#6f7480", "#8f95a3"),
    "other1": ("#a8497f", "#e398c0"),
    "other2": ("#7a6a00", "#e5d54a"),
    "positive": ("#b3327a", "#f08cc0"),
    "negative": ("#00797a", "#4fc4c4"),
    "passed": ("#00704f", "#4ad3a4"),
    "failed": ("#b3261e", "#ff9b92"),
    "inconclusive": ("#8a5a00", "#f2c14e"),
}
SHAPES = {"tuned": "circle", "baseline": "diamond", "linear": "square", "majority": "cross"}
OTHER_SHAPES = ("triangle-up", "triangle-down")
MOST_LABEL = 32


@dataclass(frozen=True)
class Plot:
    """One figure.

    Attributes:
        name: stem of its file and of its element's id.
        title: what people call it.
        description: what it shows, in one sentence, for those who cannot see it.
        spec: Vega-Lite, without title and look.
        header: of its data as a table.
        rows: its data as a table, as text.
    """

    name: str
    title: str
    description: str
    spec: Spec
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


def colour(name: str) -> str:
    """Return a colour of `COLOURS` as the CSS variable that the page defines."""
    assert name in COLOURS, name
    return f"var(--{name})"


def system_scales(systems: Sequence[str]) -> tuple[Spec, Spec]:
    """Return the encodings of colour and shape by system, the same in every figure."""
    others = [name for name in systems if name not in SHAPES]
    colours = [colour(name if name in SHAPES else f"other{1 + others.index(name) % 2}") for name in systems]
    shapes = [SHAPES.get(name) or OTHER_SHAPES[others.index(name) % 2] for name in systems]
    return (
        {"field": "system", "type": "nominal", "title": None, "scale": {"domain": list(systems), "range": colours}},
        {"field": "system", "type": "nominal", "title": None, "scale": {"domain": list(systems), "range": shapes}},
    )


def label(text: str) -> str:
    """Return a name from outside as a figure's label."""
    return one_line(text, MOST_LABEL)


def labels(names: Iterable[str]) -> dict[str, str]:
    """Return a label for each name, none twice: long names that begin alike are numbered."""
    found: dict[str, str] = {}
    times: Counter[str] = Counter()
    for name in dict.fromkeys(names):
        short = label(name)
        times[short] += 1
        found[name] = short if times[short] == 1 else f"{short} ({times[short]})"
    return found


def none_if_nan(value: float) -> float | None:
    """Return a number as JSON holds it."""
    return None if math.isnan(value) else value


def span(interval: Interval) -> dict[str, float | None]:
    """Return value, low and high of a defined interval as fields of a data row; no ends where it has none."""
    return {"value": interval.value, "low": none_if_nan(interval.low), "high": none_if_nan(interval.high)}


def share_axis(title: str, domain: tuple[float, float] = (0, 1)) -> Spec:
    """Return the scale and axis of a share, as an encoding without its field."""
    return {"type": "quantitative", "title": title, "scale": {"domain": list(domain)}, "axis": {"tickCount": 5}}


def config() -> Spec:
    """Return the look that all figures share."""
    text = {"labelColor": colour("ink"), "titleColor": colour("muted"), "labelFontSize": 12, "titleFontSize": 12}
    apart = {"labelOverlap": "greedy", "labelSeparation": 6}  # labels that would touch are left out
    lines = {"gridColor": colour("line"), "domainColor": colour("line"), "tickColor": colour("line")}
    return {
        "background": None,
        "font": "system-ui, sans-serif",
        "view": {"stroke": None},
        "axis": text | lines | apart | {"titleFontWeight": "normal", "labelLimit": 150},
        "legend": text | {"orient": "top", "symbolStrokeWidth": 2, "labelLimit": 200},
        "title": {"color": colour("ink"), "fontSize": 13, "anchor": "start"},
        "header": {"labelColor": colour("ink"), "titleColor": colour("muted"), "labelFontSize": 12},
        "point": {"filled": True, "size": 70},
        "line": {"strokeWidth": 2},
        "rule": {"color": colour("muted")},
        "text": {"color": colour("ink")},
    }
