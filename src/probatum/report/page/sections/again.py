"""Everything needed to run it again."""

from __future__ import annotations

from probatum.report.content import ReportContent
from probatum.report.page.html import tag
from probatum.report.page.section import Section


def section(content: ReportContent) -> Section:
    """Return the command and the study."""
    context = content.context
    command = tag("pre", tag("code", context.command), class_="command", tabindex="0")
    study = (
        tag("details", tag("summary", "The study, every default written out"),
            tag("pre", tag("code", context.study_yaml), tabindex="0"))
        if context.study_yaml
        else None
    )  # fmt: skip
    return Section("again", "Run it again", tag("div", command, study))
