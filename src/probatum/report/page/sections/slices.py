"""Where the errors are."""

from __future__ import annotations

from urllib.parse import urlencode

from markupsafe import Markup

from probatum.report.content import ReportContent
from probatum.report.page.html import outside, table, tag
from probatum.report.page.post_data import filter_columns
from probatum.report.page.section import Section, of_plots
from probatum.report.plots import slices
from probatum.report.plots.slices import ErrorSlice, error_slices

INTRO = (
    "Slices of one or two columns with more errors than their size explains. They are leads to read posts by: of so "
    "many slices some stand out by chance."
)


def section(content: ReportContent) -> Section | None:
    """Return the slices that hold more errors than their size explains; `None` without any."""
    found = of_plots("slices", "Where the errors are", INTRO, slices.plots(content), class_="plots one")
    if found is None:
        return None
    filters = set(filter_columns(content))
    rows = [(tag("span", outside(one.name), _link(one, filters)), *_figures(one)) for one in error_slices(content)]
    header = ("slice", "posts", "errors", "error rate")
    listed = table(header, rows, caption="Slices with more errors than their size explains", class_="numbers")
    return Section(found.name, found.title, found.html + listed, found.figures)


def _figures(found: ErrorSlice) -> tuple[str, str, str]:
    return f"{found.n:,}", f"{found.errors:,}", f"{found.errors / found.n:.3f}"


def _link(found: ErrorSlice, filters: set[str]) -> Markup | None:
    """Return a link to the slice's errors in the browser, where its columns are filters."""
    if not found.wanted.keys() <= filters:
        return None
    link = tag("a", "read the errors", href=f"#{urlencode({'show': 'errors', **found.wanted})}")
    return tag("small", link)
