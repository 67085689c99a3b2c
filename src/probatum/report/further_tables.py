"""The parts of the verdict beside the test, in a terminal: tables that fit 80 columns."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from probatum.report.safe import one_line
from probatum.report.tables import plain, titled_table, with_span
from probatum.verdict.further_results import BehaviourRow
from probatum.verdict.results import Verdict
from probatum.verdict.wording import metric_name, number

SHOWN = ("f1", "accuracy", "fpr", "fnr")
MOST_ROWS, MOST_PAIRS = 12, 6
SYSTEMS = ("linear", "baseline", "tuned")


def further_tables(verdict: Verdict) -> Iterator[RenderableType]:
    """Yield a table for each part that there is: seeds, noise and retention, functional tests, swaps, causes."""
    for part in (seeds_table(verdict), _told(verdict), behaviour_table(verdict), swaps_table(verdict)):
        if part is not None:
            yield part
    yield from _causes(verdict)


def seeds_table(verdict: Verdict) -> RenderableType | None:
    """Return mean, extremes and standard deviation of the tuned system's figures over the seeds."""
    found = verdict.seeds
    if found is None:
        return None
    title = f"tuned over the seeds {', '.join(map(str, found.seeds))} ({found.seeds[0]} is judged)"
    table = titled_table(title, "", "mean", "lowest", "highest", "sd")
    for metric in SHOWN:
        spread = found.metrics[metric]
        figures = (number(value) for value in (spread.mean, spread.low, spread.high, spread.sd))
        table.add_row(metric_name(metric), *figures)
    return table


def _told(verdict: Verdict) -> RenderableType | None:
    lines: list[Text] = []
    if noise := verdict.noise_floor:
        lines.append(
            plain(
                f"Noise floor: baseline scored twice flips {len(noise.flipped):,} of {noise.n:,} posts; largest change "
                f"of a score {number(noise.largest_score_change)}, F1 {number(noise.change['f1'], sign=True)}"
            )
        )
    if kept := verdict.retention:
        span = f"{number(kept.rise.low, sign=True)} to {number(kept.rise.high, sign=True)}"
        lines.append(
            plain(
                f"Retention: loss on general text {number(kept.baseline.value)} to {number(kept.tuned.value)}, "
                f"{number(kept.rise.value, sign=True)} ({span}, {kept.paragraphs:,} paragraphs)"
            )
        )
    return Group(*lines, Text("")) if lines else None


def behaviour_table(verdict: Verdict) -> RenderableType | None:
    """Return accuracy by functionality, those that tuned answers worst first, and by group."""
    found = verdict.behaviour
    if found is None:
        return None
    systems = [name for name in SYSTEMS if name in found.overall.figures]
    table = titled_table(f"Behaviour: accuracy on {found.overall.n:,} tests", "", "n", *systems)

    def worst(row: BehaviourRow) -> float:
        value = row.figures[systems[-1]]["accuracy"].value
        return math.inf if math.isnan(value) else value

    shown = sorted(found.functionalities, key=worst)[:MOST_ROWS]
    for row in (found.overall, *shown, *found.groups[:MOST_ROWS]):
        cells = (with_span(row.figures[name]["accuracy"]) for name in systems)
        table.add_row(plain(one_line(row.value, 22)), f"{row.n:,}", *cells)
    if len(found.functionalities) > MOST_ROWS:
        told = f"the {MOST_ROWS} worst of {len(found.functionalities)} functionalities; all are in the report"
        return Group(table, plain(told), Text(""))
    return table


def swaps_table(verdict: Verdict) -> RenderableType | None:
    """Return flip rate and change of the score, over all swaps and for the pairs of groups with most of them."""
    found = verdict.swaps
    if found is None:
        return None
    judged = "tuned" if "tuned" in found.overall else list(found.overall)[-1]
    before = [name for name in ("baseline",) if name in found.overall and name != judged]
    columns = [f"{name} flips" for name in (*before, judged)]
    table = titled_table(
        f"Identity swaps: {found.n:,} made from {found.posts:,} posts", "", "n", *columns, f"score of {judged}"
    )
    rows = [("any, absolute", found.n, found.overall)]
    rows += [(f"{pair.second} for {pair.first}", pair.n, pair.systems) for pair in found.pairs[:MOST_PAIRS]]
    for at, (name, count, figures) in enumerate(rows):
        flips = (with_span(figures[system].flip_rate) for system in (*before, judged))
        change = with_span(figures[judged].change, sign=at > 0)
        table.add_row(plain(one_line(name, 28)), f"{count:,}", *flips, change)
    return table


def _causes(verdict: Verdict) -> Iterator[RenderableType]:
    for place, cause in enumerate(verdict.diagnosis.causes, 1):
        yield plain(f"Cause {place}, {cause.kind.replace('_', ' ')}: {cause.sentence}; {cause.advice}")
        yield Text(f"  {cause.command}", style="bold")
