"""The figures of a verdict as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from probatum.metrics.classification import DEFINITIONS
from probatum.metrics.groups import FIGURES as SLICE_FIGURES
from probatum.metrics.groups import GroupRow
from probatum.metrics.intervals import Interval
from probatum.report.safe import in_markdown
from probatum.verdict.results import Comparison, GroupChange, SliceRow, SystemResult, Verdict
from probatum.verdict.wording import number

FIGURES = (*DEFINITIONS, "auroc", "auprc", "brier")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table of cells that are Markdown already; "" without rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(header)} |", "|" + " --- |" * len(header), *lines]) if lines else ""


def with_interval(interval: Interval, sign: bool = False) -> str:
    """Return a value and its interval, if it has one, as one cell; or why there is no value."""
    if not interval.defined:
        return f"– ({in_markdown(interval.reason or 'unknown')})"
    if not interval.bounded:
        why = f" (no interval: {in_markdown(interval.reason)})" if interval.reason else ""
        return f"{number(interval.value, sign)}{why}"
    return f"{number(interval.value, sign)} ({number(interval.low, sign)} to {number(interval.high, sign)})"


def criteria(verdict: Verdict) -> list[str]:
    """Return every criterion, its outcome and why."""
    rows = [
        (f"**{result.outcome}**", in_markdown(result.text, 300), in_markdown(result.reason, 600), result.decided_by)
        for result in verdict.criteria
    ]
    return ["## Criteria", table(("outcome", "criterion", "why", "decided by"), rows) or "The study sets none."]


def systems(verdict: Verdict) -> list[str]:
    """Return the figures of all systems side by side, and what scoring took."""
    columns = [column for system in verdict.systems.values() for column in _columns(system)]
    rows = [
        (
            metric_title(metric),
            *(with_interval(figures[metric]) if metric in figures else "–" for _, figures in columns),
        )
        for metric in FIGURES
    ]
    errors = ([_calibration(system), *["–"] * (len(_columns(system)) - 1)] for system in verdict.systems.values())
    rows.append(("ECE (by chance below)", *(cell for cells in errors for cell in cells)))
    level = f"{verdict.confidence * 100:g}%"
    legend = f"{verdict.n:,} posts, {in_markdown(verdict.positive)} is positive, {level} intervals."
    valid = any(system.valid_only for system in verdict.systems.values())
    warning = (
        "An answer with no label in it counts as wrong. *Valid only* drops such answers, as many published studies do; "
        "those figures are flattering and decide nothing."
    )
    usage = _usage(verdict)
    return ["## Systems", legend, table(("", *(title for title, _ in columns)), rows), warning if valid else "", usage]


def _columns(system: SystemResult) -> list[tuple[str, Mapping[str, Interval]]]:
    name = in_markdown(system.name)
    valid = [(f"{name}, valid only", system.valid_only)] if system.valid_only else []
    return [(name, system.metrics), *valid]


def _calibration(system: SystemResult) -> str:
    found = system.calibration
    if not found.ece.defined:
        return f"– ({in_markdown(found.ece.reason or 'unknown')})"
    return f"{number(found.ece.value)} ({number(found.ece_by_chance.value)})"


def metric_title(metric: str) -> str:
    """Return what tables call a figure of a system."""
    return DEFINITIONS[metric].name if metric in DEFINITIONS else {"brier": "Brier score"}.get(metric, metric.upper())


def _usage(verdict: Verdict) -> str:
    rows = [
        (
            in_markdown(system.name), f"{system.unparsed:,}", f"{system.errors:,}", f"{system.truncated:,}",
            _amount(system.usage.seconds, ".1f"), _amount(system.usage.tokens, ",d"), _amount(system.usage.cost, ".4f"),
        )
        for system in verdict.systems.values()
    ]  # fmt: skip
    return table(("system", "unparsed", "errors", "truncated", "seconds", "tokens", "cost"), rows)


def _amount(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def confusions(verdict: Verdict) -> list[str]:
    """Return the four counts of every system."""
    rows = [
        (in_markdown(name), *(f"{int(count):,}" for count in (c.tp, c.fn, c.fp, c.tn)), f"{int(c.unparsed):,}")
        for name, c in ((system.name, system.confusion) for system in verdict.systems.values())
    ]
    header = (
        "system",
        "true positives",
        "false negatives",
        "false positives",
        "true negatives",
        "unparsed among the false",
    )
    return ["## Confusion matrices", table(header, rows)]


def groups(verdict: Verdict) -> list[str]:
    """Return every group, and how its FPR and FNR change from the baseline."""
    if not verdict.groups:
        return []
    parts = ["## By group", _slice_table(verdict.groups), "Between groups:", _fairness(verdict)]
    for comparison in baseline_first(verdict.comparisons)[:1]:
        change = f"{in_markdown(comparison.other)} → {in_markdown(comparison.system)}"
        found = {(row.system, row.row.value): row.row for row in verdict.groups}
        rows = [_group_row(group, comparison, found) for group in comparison.groups]
        parts += [f"Change, {change}:", table(("group", f"FPR {change}", "change", f"FNR {change}", "change"), rows)]
    return parts


def _fairness(verdict: Verdict) -> str:
    found = [(system.name, system.fairness) for system in verdict.systems.values() if system.fairness]
    rows = [
        (
            in_markdown(name),
            *(with_interval(one.interval) for one in (fairness.demographic_parity, fairness.equalised_odds)),
            *(number(fairness.mean_areas[kind].value) for kind in ("subgroup", "bpsn", "bnsp")),
        )
        for name, fairness in found
    ]
    areas = (f"{kind} AUC, power mean" for kind in ("subgroup", "BPSN", "BNSP"))
    return table(("system", "demographic-parity difference", "equalised-odds difference", *areas), rows)


def _group_row(group: GroupChange, comparison: Comparison, found: Mapping[tuple[str, str], GroupRow]) -> Sequence[str]:
    before, after = (found[name, group.value] for name in (comparison.other, comparison.system))

    def step(rate: str) -> str:
        return " → ".join(number(getattr(row, rate).value) for row in (before, after))

    changes = (with_interval(group.fpr, sign=True), with_interval(group.fnr, sign=True))
    return in_markdown(group.value), step("fpr"), changes[0], step("fnr"), changes[1]


def _slice_table(rows: Sequence[SliceRow]) -> str:
    cells = [
        (
            in_markdown(found.row.value), in_markdown(found.system), f"{found.row.n:,}", f"{found.row.positives:,}",
            f"{found.row.negatives:,}",
            *(with_interval(getattr(found.row, figure)) for figure in SLICE_FIGURES),
        )
        for found in rows
    ]  # fmt: skip
    names = (DEFINITIONS[figure].name for figure in SLICE_FIGURES)
    return table(("value", "system", "posts", "positive", "negative", *names), cells)


def slices(verdict: Verdict) -> list[str]:
    """Return source and every further column with few values."""
    columns = list(dict.fromkeys(row.column for row in verdict.slices))
    parts = ["## By further columns"] if columns else []
    for column in columns:
        rows = [row for row in verdict.slices if row.column == column]
        parts += [f"### {in_markdown(column)}", _slice_table(rows)]
    return parts


def paired(verdict: Verdict) -> list[str]:
    """Return the paired differences of the judged system to each other one."""
    rows = [
        (
            f"{in_markdown(c.system)} − {in_markdown(c.other)}",
            *(with_interval(c.differences[metric], sign=True) for metric in ("f1", "accuracy", "fpr", "fnr")),
            f"{c.mcnemar_p:.3g}", f"{len(c.fixed):,}", f"{len(c.broken):,}",
        )
        for c in verdict.comparisons
    ]  # fmt: skip
    header = ("", "F1", "accuracy", "FPR", "FNR", "McNemar p", "fixed", "broken")
    return ["## Paired comparisons", table(header, rows)] if rows else []


def baseline_first(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return the comparisons with the one against baseline in front."""
    return sorted(comparisons, key=lambda comparison: comparison.other != "baseline")
