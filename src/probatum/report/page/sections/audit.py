"""What the audit of the posts found."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from probatum.report.content import ReportContent
from probatum.report.page.html import outside, tag
from probatum.report.page.section import Section

LONG = 1000


def section(content: ReportContent) -> Section | None:
    """Return the findings, the gravest first; `None` where no audit is at hand."""
    if not content.findings:
        return None
    shown = {post.id for post in content.evidence.posts}
    listed = tag("ul", *(_finding(finding, shown) for finding in content.findings), class_="findings")
    return Section("audit", "Audit of the posts", listed)


def _finding(finding: Mapping[str, Any], shown: Set[str]) -> Markup:
    ids = [str(name) for name in finding.get("example_ids", ())]
    shown = shown if finding.get("files", ())[:1] == ["test"] else set()  # other files may use the same ids
    examples = tag("p", "for example ", *(_example(name, shown) for name in ids), class_="what") if ids else None
    kind = str(finding.get("kind", "")).replace("_", " ")
    return tag(
        "li",
        tag("span", str(finding.get("severity", "")), class_=f"chip {finding.get('severity')}"), " ",
        tag("b", kind), ": ", outside(str(finding.get("message", "")), LONG),
        tag("p", outside(str(finding.get("advice", "")), LONG), class_="what"),
        examples,
    )  # fmt: skip


def _example(name: str, shown: Set[str]) -> Markup:
    """Return a post's id, a link to the post where it is one of those that the page shows."""
    code = tag("code", outside(name, 60))
    return (tag("a", code, href=f"#{urlencode({'post': name})}") if name in shown else code) + " "
