"""The verdict in a terminal: plain tables that fit 80 columns and need no colour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isnan

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from probatum.data.records import Post
from probatum.metrics.intervals import Interval
from probatum.report.decisions import decision_rows
from probatum.report.safe import one_line
from probatum.verdict.results import Comparison, CriterionResult, PostAnswers, Verdict
from probatum.verdict.wording import number

MOST_GROUPS = 12
STYLES = {"passed": "green", "failed": "red", "inconclusive": "yellow"}
VERDICT_STYLES = {"accepted": "green", "rejected": "red", "inconclusive": "yellow"}


def print_verdict(
    console: Console,
    verdict: Verdict,
    posts: Sequence[Post] = (),
    examples: int = 3,
    further: Iterable[RenderableType] = (),
) -> None:
    """Print outcome, criteria, systems, groups, changes, notes and the next step.

    Args:
        console: where to.
        verdict: what was found.
        posts: the posts, for the texts of fixed and broken ones.
        examples: how many fixed and broken posts to show; 0 for none.
        further: what stands behind the changes: `further_tables`.
    """
    console.print(_title(verdict))
    if why := _why(verdict):
        console.print(plain(why))
    parts = (criteria_table(verdict), systems_table(verdict), groups_table(verdict), changes_table(verdict))
    for part in (*parts, *further):
        if part is not None:
            console.print(part)
    if posts and examples and verdict.comparisons:
        console.print(examples_of_change(verdict, _against_baseline(verdict.comparisons), posts, examples))
    for note in verdict.notes:
        console.print(plain(f"Note: {note}."))
    console.print(plain(f"Next: {verdict.next_step.sentence}"))
    if verdict.next_step.command:
        console.print(Text(f"  {verdict.next_step.command}", style="bold"))


def criteria_table(verdict: Verdict) -> RenderableType | None:
    """Return every criterion with its value, interval and outcome, and below it why those not passed were not."""
    if not verdict.criteria:
        return None
    table = titled_table("Criteria", "outcome", "criterion", "value", _level(verdict))
    for result in verdict.criteria:
        signed = _is_change(result)
        span = "-" if isnan(result.low) else f"{number(result.low, signed)} to {number(result.high, signed)}"
        value = "-" if result.criterion["metric"] == "training" else number(result.value, signed)
        outcome = Text(result.outcome.upper(), style=STYLES[result.outcome])
        table.add_row(outcome, plain(result.text), value, span)
    reasons = [
        plain(f"{result.outcome.upper()} {result.text}: {result.reason}.")
        for result in verdict.criteria
        if result.outcome != "passed"
    ]
    return Group(table, *reasons, Text(""))


def systems_table(verdict: Verdict) -> RenderableType:
    """Return the figures of every system side by side, with the valid-only F1 where answers were unparsed."""
    names = list(verdict.systems)
    table = titled_table(f"Systems on {verdict.n:,} posts", "", *(one_line(name, 18) for name in names))
    for metric, title in FIGURES.items():
        if metric == "auroc" and not any(system.metrics[metric].defined for system in verdict.systems.values()):
            continue
        table.add_row(title, *(with_span(verdict.systems[name].metrics[metric]) for name in names))
    errors = [verdict.systems[name].calibration.ece for name in names]
    if any(error.defined for error in errors):
        table.add_row("ECE", *(number(error.value) for error in errors))
    if any(system.valid_only for system in verdict.systems.values()):
        rows = [verdict.systems[name].valid_only.get("f1") for name in names]
        table.add_row("F1 valid only", *(number(row.value) if row else "-" for row in rows))
    for title, cells in decision_rows(verdict, names):
        table.add_row(title, *cells)
    for title, counts in _counts(verdict).items():
        if any(counts):
            table.add_row(title, *(f"{count:,}" for count in counts))
    return table


FIGURES = {
    "f1": "F1", "accuracy": "accuracy", "precision": "precision", "recall": "recall", "fpr": "FPR", "fnr": "FNR",
    "mcc": "MCC", "auroc": "AUROC",
}  # fmt: skip


def _counts(verdict: Verdict) -> dict[str, list[int]]:
    systems = verdict.systems.values()
    return {
        "unparsed": [system.unparsed for system in systems],
        "errors": [system.errors for system in systems],
        "truncated": [system.truncated for system in systems],
    }


def groups_table(verdict: Verdict) -> RenderableType | None:
    """Return FPR and FNR with their intervals for every group, the systems below each other."""
    if not verdict.groups:
        return None
    table = titled_table("Groups", "group", "system", "n", "FPR", "FNR")
    values = list(dict.fromkeys(row.row.value for row in verdict.groups))
    named = set(values[:MOST_GROUPS])
    shown = [row for row in verdict.groups if row.system != "majority" and row.row.value in named]
    for at, row in enumerate(shown):
        first = at == 0 or shown[at - 1].row.value != row.row.value
        name = plain(one_line(row.row.value, 20)) if first else ""
        table.add_row(name, plain(row.system), f"{row.row.n:,}", with_span(row.row.fpr), with_span(row.row.fnr))
    if len(values) > MOST_GROUPS:
        return Group(table, plain(f"and {len(values) - MOST_GROUPS:,} smaller groups, in the report"))
    return table


def changes_table(verdict: Verdict) -> RenderableType | None:
    """Return the paired differences of the judged system to each other one."""
    if not verdict.comparisons:
        return None
    judged = verdict.comparisons[0].system
    table = titled_table(f"{judged} against", "", "F1", "accuracy", "McNemar p", "fixed", "broken")
    for comparison in verdict.comparisons:
        f1, accuracy = (with_span(comparison.differences[name], sign=True) for name in ("f1", "accuracy"))
        fixed, broken = f"{len(comparison.fixed):,}", f"{len(comparison.broken):,}"
        table.add_row(plain(comparison.other), f1, accuracy, f"{comparison.mcnemar_p:.2g}", fixed, broken)
    return table


def examples_of_change(
    verdict: Verdict, comparison: Comparison, posts: Sequence[Post], examples: int
) -> RenderableType:
    """Return some posts that were fixed and some that were broken, their text made harmless.

    Args:
        verdict: what was found.
        comparison: which two systems.
        posts: where the texts are.
        examples: most of each kind.
    """
    texts = {post.id: post.text for post in posts}
    lines: list[Text] = []
    for title, ids in (("Fixed", comparison.fixed), ("Broken", comparison.broken)):
        lines.append(plain(f"{title} by {comparison.system}, against {comparison.other}: {len(ids):,}"))
        lines += [_example(verdict.changed.get(name), texts.get(name, ""), comparison) for name in ids[:examples]]
    return Group(*lines, Text(""))


def _example(answers: PostAnswers | None, text: str, comparison: Comparison) -> Text:
    if answers is None:
        return Text(f"  {one_line(text, 70)}")
    was, now = (answers.predictions.get(name) or "unparsed" for name in (comparison.other, comparison.system))
    return Text("  " + one_line(f"[{was} -> {now}, is {answers.label}] {text}", 150))


def _against_baseline(comparisons: Sequence[Comparison]) -> Comparison:
    return next((c for c in comparisons if c.other == "baseline"), comparisons[0])


def _is_change(result: CriterionResult) -> bool:
    return bool(result.criterion.get("gain_over") or result.criterion.get("rise_over"))


def _title(verdict: Verdict) -> Text:
    return Text(f"\n{verdict.outcome.upper()}\n", style=f"bold {VERDICT_STYLES[verdict.outcome]}")


def _why(verdict: Verdict) -> str:
    """Return why a verdict is what it is, where its table of criteria cannot tell: a doubt, or no criteria; else ""."""
    undecided = verdict.outcome == "inconclusive"
    told = any(result.outcome != "passed" for result in verdict.criteria)
    return verdict.sentence if undecided and not told else ""


def _level(verdict: Verdict) -> str:
    return f"{verdict.confidence * 100:g}% interval"


def with_span(interval: Interval, sign: bool = False) -> str:
    """Return a value with its interval, if it has one, on the line below; a dash where it is undefined."""
    if not interval.defined:
        return "-"
    if not interval.bounded:
        return f"{number(interval.value, sign)}\nno interval"
    between = " to " if sign else "-"
    return f"{number(interval.value, sign)}\n{number(interval.low, sign)}{between}{number(interval.high, sign)}"


def plain(text: str) -> Text:
    """Return text that rich takes as it is, markup and all."""
    return Text(one_line(text, 2000))


def titled_table(title: str, *columns: str) -> Table:
    """Return an empty table that needs no colour and takes titles as they are."""
    table = Table(title=plain(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(plain(column), overflow="fold")
    return table
