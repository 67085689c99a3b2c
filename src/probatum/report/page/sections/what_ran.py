"""What ran where, how long, at what cost."""

from __future__ import annotations

from markupsafe import Markup

from probatum.report.content import ReportContent
from probatum.report.context import Rows, machine_rows, post_rows, seconds_words, stage_rows
from probatum.report.markdown import statistics
from probatum.report.page.html import joined, outside, table, tag
from probatum.report.page.section import Section


def section(content: ReportContent) -> Section:
    """Return seconds by stage, cost, hardware and versions."""
    context = content.context
    parts = (
        _table(stage_rows(context), "Time and cost", class_="numbers"),
        _table(machine_rows(context), "Hardware and versions"),
    )
    posts = _table(post_rows(context), "The posts", class_="digests")
    told = (tag("p", words, class_="what") for words in (seconds_words(context), statistics(content.verdict)) if words)
    html = tag("div", *parts, class_="plots") + tag("div", posts) + joined(list(told))
    return Section("what-ran", "What ran", html)


def _table(found: Rows, caption: str, class_: str = "") -> Markup | None:
    header, rows = found
    cells = [[outside(cell) for cell in row] for row in rows]
    return table(header, cells, caption=caption, class_=class_) if cells else None
