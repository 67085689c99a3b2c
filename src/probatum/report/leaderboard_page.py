"""A leaderboard as one self-contained page: a plain table, no script, nothing fetched."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from probatum.artifacts import write_text_atomic
from probatum.metrics.intervals import Interval
from probatum.report import leaderboard as words
from probatum.report.page.html import tag
from probatum.report.safe import one_line
from probatum.verdict.leaderboard import Leaderboard
from probatum.verdict.wording import metric_name, number


def write_leaderboard_page(found: Leaderboard, path: Path) -> None:
    """Write the page, whole or not at all."""
    write_text_atomic(path, leaderboard_page(found))


def leaderboard_page(found: Leaderboard) -> str:
    """Return the page as HTML; every text from outside is escaped, and shown as one visible line."""
    loader = PackageLoader("probatum.report", "templates")
    environment = Environment(autoescape=True, loader=loader, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {"line": lambda text: one_line(text, 400), "span": _span, "figure": number}
    template = environment.get_template("leaderboard.html.jinja")
    return template.render(found=found, metric=metric_name(found.metric), words=words)


def _span(interval: Interval, sign: bool = False) -> Markup:
    if not interval.defined:
        return tag("span", f"– ({interval.reason})")
    span = tag("small", f"{number(interval.low, sign)} to {number(interval.high, sign)}")
    return tag("span", number(interval.value, sign), " ", span)
