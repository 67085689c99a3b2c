"""The verdict in one sentence, the reasons, and what to do next."""

from __future__ import annotations

from collections import Counter

from markupsafe import Markup

from probatum.report.content import ReportContent
from probatum.report.page.html import joined, outside, tag
from probatum.report.page.section import Section
from probatum.verdict.results import CriterionResult, Verdict
from probatum.verdict.wording import number

LONG = 4000


def section(content: ReportContent) -> Section:
    """Return the verdict, why, and the next step."""
    verdict = content.verdict
    tally = Counter(result.outcome for result in verdict.criteria)
    counts = ", ".join(f"{tally[name]} {name}" for name in ("passed", "failed", "inconclusive") if tally[name])
    headline = tag(
        "p", tag("strong", verdict.outcome.upper(), class_=f"outcome {verdict.outcome}"), " ", _short(verdict, counts),
        class_="headline",
    )  # fmt: skip
    return Section(
        "verdict", "Verdict", joined([headline, _change(content), _reasons(verdict), _next(verdict), _notes(verdict)])
    )


def _change(content: ReportContent) -> Markup | None:
    """Return what the change that the verdict is about comes to."""
    change = content.change
    if change is None or not change.differences["f1"].defined:
        return None
    f1 = change.differences["f1"]
    before, after = (content.verdict.systems[name].metrics["f1"].value for name in (change.other, change.system))
    gain = f"{number(f1.value, True)}, interval {number(f1.low, True)} to {number(f1.high, True)}"
    posts = f"{len(change.fixed):,} post{'s' * (len(change.fixed) != 1)} fixed, {len(change.broken):,} broken"
    told = f"From {change.other} to {change.system}: F1 {number(before)} → {number(after)} ({gain}); {posts}."
    return tag("p", outside(told))


def _short(verdict: Verdict, counts: str) -> Markup:
    decisive = [result for result in verdict.criteria if result.outcome != "passed"]
    if not decisive:
        return outside(verdict.sentence.split(": ", 1)[-1], LONG)
    return outside(f"{len(verdict.criteria)} criteria: {counts}.")


def _reasons(verdict: Verdict) -> Markup | None:
    """Return why the criteria that did not pass did not, those that failed first."""
    order = ("failed", "inconclusive")
    found = sorted((r for r in verdict.criteria if r.outcome in order), key=lambda r: order.index(r.outcome))
    return tag("ul", *(_reason(result) for result in found), class_="reasons") if found else None


def _reason(result: CriterionResult) -> Markup:
    mark = tag("span", result.outcome, class_=f"chip {result.outcome}")
    return tag("li", mark, " ", tag("b", outside(result.text)), ": ", outside(result.reason, 600), ".")


def _next(verdict: Verdict) -> Markup:
    step = verdict.next_step
    command = tag("pre", tag("code", step.command), class_="command", tabindex="0") if step.command else None
    return tag("div", tag("p", tag("b", "Next: "), outside(step.sentence, 600)), command, class_="next")


def _notes(verdict: Verdict) -> Markup | None:
    return (
        tag("ul", *(tag("li", outside(note, 600)) for note in verdict.notes), class_="notes") if verdict.notes else None
    )
