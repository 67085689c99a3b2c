"""Runs made elsewhere, in a terminal: a table for each, then what each pair supports; at most 80 columns wide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from probatum.report.safe import one_line
from probatum.report.tables import FIGURES, plain, titled_table, with_span
from probatum.verdict.runs import Figures, PairFigures, RunFigures, RunsCompared, SliceFigures
from probatum.verdict.wording import number

LONGEST_NAME = 34
COLUMN = 11  # characters of "0.123-0.456"
PER_TABLE = 5
MOST_SLICES = 15
MOST_WORDS = 5


def print_runs(console: Console, compared: RunsCompared) -> None:
    """Print every run's figures, then every pair's differences with a sentence on what they support."""
    for run in compared.runs:
        _print_run(console, run, compared)
    for pair in compared.pairs:
        if pair.differences:
            _print_table(console, f"{_name(pair.system)} minus {_name(pair.other)}", _pair_table(pair))
        console.print(plain(pair.statement))
        console.print()


def _print_run(console: Console, run: RunFigures, compared: RunsCompared) -> None:
    overall = run.overall
    counts = f"{overall.n:,} post{'s' * (overall.n != 1)}, {overall.unparsed:,} unparsed"
    _print_table(console, f"{_name(run.name)}: {counts}", _overall_table(run, compared))
    for note in _notes(run, compared):
        console.print(plain(note))
    console.print()
    for column, slices in (("group", run.groups), ("source", run.sources)):
        title = f"{_name(run.name)} by {column}" + (", valid only" if compared.counting == "valid_only" else "")
        for table in _slice_tables(slices[:MOST_SLICES], run.has_scores):
            _print_table(console, title, table)
        if len(slices) > MOST_SLICES:
            console.print(plain(f"and {len(slices) - MOST_SLICES:,} smaller ones, in --json"))


def _print_table(console: Console, title: str, table: Table) -> None:
    """Print a title, which may be wider than its table, and the table."""
    console.print(Text(title, style="bold"))
    console.print(table)


def _overall_table(run: RunFigures, compared: RunsCompared) -> Table:
    overall = run.overall
    first = "all posts" if compared.counting == "all" else "valid only"
    beside = overall.valid_only
    table = _table("", first, *(["valid only"] if beside else []))
    posts = [f"{overall.counted:,}", *([f"{beside.confusion.n:,}"] if beside else [])]
    table.add_row("posts", *posts)
    for metric, name in _figures(run.has_scores):
        table.add_row(name, *(with_span(figures.metrics[metric]) for figures in _both(overall)))
    return table


def _both(found: SliceFigures) -> list[Figures | SliceFigures]:
    return [found, *([found.valid_only] if found.valid_only else [])]


def _notes(run: RunFigures, compared: RunsCompared) -> list[str]:
    notes = [f"{compared.positive} is positive: {_listed(run.labels)}."]
    if run.overall.unparsed:
        listed = _listed({word or "empty": times for word, times in run.unparsed_words.items()})
        words = f"{run.overall.unparsed:,} unparsed ({listed})"
        what = "counted as wrong in the first column" if compared.counting == "all" else "left out (--valid-only)"
        notes.append(f"{words}: {what}.")
    return [*notes, *_without_value(run), *(f"Note: {note}." for note in run.notes)]


def _without_value(run: RunFigures) -> list[str]:
    """Say why figures of the tables are dashes, or have no interval."""
    why: dict[str, list[str]] = {}
    for found in (run.overall, *run.groups, *run.sources):
        where = f" of {one_line(found.value, COLUMN)}" if found.value else ""
        for metric, name in _figures(run.has_scores):
            figure = found.metrics[metric]
            if figure.reason:
                what = "No interval" if figure.defined else "A dash"
                why.setdefault(f"{what} where {figure.reason}", []).append(name + where)
    return [
        f"{reason}: {', '.join(names[:MOST_WORDS])}{', …' * (len(names) > MOST_WORDS)}."
        for reason, names in why.items()
    ]


def _listed(counts: dict[str, int]) -> str:
    shown = [f"{one_line(word, 30)} {times:,}" for word, times in list(counts.items())[:MOST_WORDS]]
    return ", ".join(shown) + (f", … {len(counts) - MOST_WORDS} more" if len(counts) > MOST_WORDS else "")


def _slice_tables(slices: Sequence[SliceFigures], has_scores: bool) -> Iterator[Table]:
    for start in range(0, len(slices), PER_TABLE):
        some = slices[start : start + PER_TABLE]
        table = _table("", *(one_line(found.value or "", COLUMN) for found in some))
        table.add_row("posts", *(f"{found.n:,}" for found in some))
        if any(found.unparsed for found in slices):
            table.add_row("unparsed", *(f"{found.unparsed:,}" for found in some))
        for metric, name in _figures(has_scores):
            table.add_row(name, *(with_span(found.metrics[metric]) for found in some))
        yield table


def _pair_table(pair: PairFigures) -> Table:
    left_out = pair.paired - pair.compared
    table = _table("posts", "F1", "accuracy", "McNemar p", "fixed", "broken")
    posts = f"{pair.compared:,}" + (f"\n{left_out:,} unparsed\nleft out" if left_out else "")
    f1, accuracy = (
        f"{with_span(pair.differences[metric], sign=True)}\nHolm's p {number(pair.holm_p[metric])}"
        for metric in ("f1", "accuracy")
    )
    table.add_row(posts, f1, accuracy, f"{pair.mcnemar_p:.2g}", f"{len(pair.fixed):,}", f"{len(pair.broken):,}")
    return table


def _figures(has_scores: bool) -> list[tuple[str, str]]:
    shown = [(name, FIGURES[name]) for name in ("accuracy", "precision", "recall", "f1", "fpr", "fnr")]
    return [*shown, ("auroc", "AUROC")] if has_scores else shown


def _table(*columns: str) -> Table:
    table = titled_table("", *columns)
    table.title = None
    return table


def _name(name: str) -> str:
    """Return a name that fits a title twice; of a long one its end, where files differ."""
    line = one_line(name, 2000)
    return line if len(line) <= LONGEST_NAME else "…" + line[-(LONGEST_NAME - 1) :]
