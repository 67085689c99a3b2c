"""The trials of a sweep in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from probatum.report.tables import plain, titled_table
from probatum.sweep.flow import Swept
from probatum.verdict.wording import number

_WEIGHED = {"none": "no", "group_label": "yes"}


def print_sweep(console: Console, swept: Swept) -> None:
    """Print every trial, the winner marked, and what its lead is worth.

    Args:
        console: where to.
        swept: a finished sweep.
    """
    columns = ("", "rank", "rate", "epochs", "weighed", "loss", "threshold", "goal", "chosen")
    table = titled_table("Trials, on validation", *columns)
    usable = [one for one in swept.trials if one.value is not None]
    share = {one.number: share for one, share in zip(usable, swept.selection.share, strict=True)}
    for place, one in enumerate(swept.trials, 1):
        settings, facts = one.settings, one.facts
        tried = (str(settings["rank"]), f"{settings['learning_rate']:g}", f"{settings['epochs']:g}")
        figures = (number(facts.get("validation_loss")), number(facts.get("threshold")), number(one.value))
        mark = "*" if one.number == swept.winner.number else ""
        chosen = "failed" if one.value is None else f"{share[one.number]:.0%}"
        table.add_row(f"{place}{mark}", *tried, _WEIGHED[settings["reweighting"]], *figures, chosen)
    console.print(table)
    found = swept.selection
    console.print(
        plain(
            f"* wins with {number(found.found)} on validation; corrected for the choice among {len(usable)}: "
            f"{number(found.corrected)} ({number(found.low)} to {number(found.high)}). goal: what scoring.rule asks of "
            "a threshold (F1, or minus the cost; below every goal where no threshold keeps the cap). chosen: in what "
            "share of resampled validation sets it would have won."
        )
    )
    failed = [one for one in swept.trials if one.value is None]
    for one in failed:
        console.print(Text("failed: ") + plain(f"{one.facts['name']}: {one.facts['failed']}"))
