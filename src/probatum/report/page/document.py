"""The page as one document: sections, data, script and style in one file."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from probatum.artifacts import write_text_atomic
from probatum.report.content import ReportContent
from probatum.report.context import began_words
from probatum.report.page.embed import chart_library, json_for_script, page_script, policy, static
from probatum.report.page.html import outside, tag
from probatum.report.page.post_data import post_data
from probatum.report.page.section import Section
from probatum.report.page.sections import SECTIONS
from probatum.report.plots.plot import COLOURS, config
from probatum.report.safe import one_line


def write_page(content: ReportContent, path: Path) -> None:
    """Write the page, whole or not at all."""
    write_text_atomic(path, render_page(content))


def render_page(content: ReportContent) -> str:
    """Return the page as HTML.

    Every text from outside is escaped in markup, or stands in JSON that the script turns into text nodes.
    """
    sections = [section for make in SECTIONS if (section := make(content)) is not None]
    style = Markup(f"{_colours()}\n{static('page.css')}")  # our own files
    library, script = Markup(chart_library()), Markup(page_script())
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy([library, script], [style])),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"{one_line(content.name, 80)}: {content.verdict.outcome}"),
        tag("style", style),
    )
    body = tag(
        "body",
        tag("a", "to the verdict", href="#verdict", class_="skip"),
        _header(content),
        tag("div", _contents(sections), tag("main", *map(_section, sections)), class_="columns"),
        tag("div", id="tooltip", role="presentation", hidden=True),
        tag("div", id="announcer", role="status", class_="unseen"),
        *_data(content, sections),
        tag("script", library),
        tag("script", script),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _colours() -> str:
    pairs = "".join(f"--{name}: light-dark({light}, {dark}); " for name, (light, dark) in COLOURS.items())
    return f":root {{ {pairs}}}"


def _header(content: ReportContent) -> Markup:
    themes = (
        tag("button", name, type="button", data_theme_choice=name, aria_pressed="true" if name == "auto" else "false")
        for name in ("auto", "light", "dark")
    )
    facts = (content.model, f"{content.verdict.n:,} test posts", began_words(content.context))
    about = tag("p", outside(", ".join(filter(None, facts)), 300), class_="what")
    return tag(
        "header",
        tag("div", tag("h1", outside(content.name, 120)), about),
        tag("div", *themes, role="group", aria_label="colours", class_="themes"),
    )


def _contents(sections: list[Section]) -> Markup:
    links = (tag("li", tag("a", section.title, href=f"#{section.name}")) for section in sections)
    return tag("nav", tag("details", tag("summary", "Contents"), tag("ol", *links), open=True), aria_label="contents")


def _section(section: Section) -> Markup:
    heading = tag("h2", section.title, id=f"{section.name}-title")
    return tag("section", heading, section.html, id=section.name, aria_labelledby=f"{section.name}-title")


def _data(content: ReportContent, sections: list[Section]) -> list[Markup]:
    figures = {element: spec for section in sections for element, spec in section.figures.items()}
    data = {section.name: section.data for section in sections if section.data}
    parts = {"figures": {"config": config(), "specs": figures}, "sections": data, "posts": post_data(content)}
    return [
        tag("script", json_for_script(value), type="application/json", id=f"data-{name}")
        for name, value in parts.items()
    ]
