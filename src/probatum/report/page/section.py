"""What a part of the page is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from probatum.report.page.html import outside, table, tag
from probatum.report.plots.plot import Plot, Spec


@dataclass(frozen=True)
class Section:
    """One part of the page.

    Attributes:
        name: its anchor.
        title: its heading, and its line in the contents.
        html: what stands below the heading.
        figures: element id to the figure that is drawn in it.
        data: what its script needs, as JSON values.
    """

    name: str
    title: str
    html: Markup
    figures: dict[str, Spec] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)


def figure(plot: Plot) -> Markup:
    """Return the place of a figure, with its description and its data as a table."""
    rows = [[outside(cell) for cell in row] for row in plot.rows]
    data = (
        tag("details", tag("summary", "as a table"), table(plot.header, rows, caption=plot.title), class_="data")
        if plot.rows
        else None
    )
    return tag(
        "figure",
        tag("figcaption", tag("strong", plot.title)),
        chart(f"plot-{plot.name}", plot.description),
        tag("p", plot.description, class_="what"),
        data,
        class_="plot",
    )


def chart(element: str, description: str, class_: str = "chart") -> Markup:
    """Return the element that a figure is drawn in."""
    return tag("div", id=element, class_=class_, role="img", aria_label=description)


def of_plots(name: str, title: str, intro: str, plots: Sequence[Plot], class_: str = "plots") -> Section | None:
    """Return a section of figures; `None` where there are none."""
    if not plots:
        return None
    grid = tag("div", *(figure(plot) for plot in plots), class_=class_)
    html = tag("p", intro) + grid if intro else grid
    return Section(name, title, html, {f"plot-{plot.name}": plot.spec for plot in plots})
