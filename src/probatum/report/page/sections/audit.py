"""What the audit of the posts found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from probatum.report.content import ReportContent
from probatum.report.page.html import outside, tag
from probatum.report.page.section import Section

LONG = 1000


def section(content: ReportContent) -> Section | None:
    """Return the findings, the gravest first; `None` where no audit is at hand."""
    if not content.findings:
        return None
    return Section("audit", "Audit of the posts", tag("ul", *map(_finding, content.findings), class_="findings"))


def _finding(finding: Mapping[str, Any]) -> Markup:
    ids = [str(name) for name in finding.get("example_ids", ())]
    examples = tag("p", "for example ", *(tag("code", outside(name, 60), " ") for name in ids)) if ids else None
    kind = str(finding.get("kind", "")).replace("_", " ")
    return tag(
        "li",
        tag("span", str(finding.get("severity", "")), class_=f"chip {finding.get('severity')}"), " ",
        tag("b", kind), ": ", outside(str(finding.get("message", "")), LONG),
        tag("p", outside(str(finding.get("advice", "")), LONG), class_="what"),
        examples,
    )  # fmt: skip
