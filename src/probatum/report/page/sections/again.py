"""Everything needed to run it again."""

from __future__ import annotations

from probatum.report.content import ReportContent
from probatum.report.page.html import tag
from probatum.report.page.section import Section

KEEPS = (
    "The same study with the same posts (their SHA-256 stands above), packages and machine gives the same figures. The "
    "command keeps what is done already; with another --out everything runs anew."
)


def section(content: ReportContent) -> Section:
    """Return the command and the study."""
    context = content.context
    command = tag("pre", tag("code", context.command), class_="command", tabindex="0")
    told = tag("p", KEEPS)
    study = (
        tag("details", tag("summary", "The study, every default written out"),
            tag("pre", tag("code", context.study_yaml), tabindex="0"))
        if context.study_yaml
        else None
    )  # fmt: skip
    return Section("again", "Run it again", tag("div", told, command, study))
