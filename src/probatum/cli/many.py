"""The verbs about many runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from probatum.cli.app import app, console, print_json, say
from probatum.cli.options import Json

DEFAULT_FOLDER, DEFAULT_METRIC = Path("runs"), "f1"
FOR_RUNS = "For many runs"

Metric = Annotated[
    str | None,
    typer.Option(
        help="order by f1, f1_macro, mcc, accuracy, precision or recall \\[default: f1]",
        show_default=False,
        rich_help_panel=FOR_RUNS,
    ),
]
Page = Annotated[
    Path | None, typer.Option(help="write it as a page, too", show_default=False, rich_help_panel=FOR_RUNS)
]


@app.command(rich_help_panel="Look")
def runs(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(help="run folders, or folders that hold some \\[default: runs]", show_default=False),
    ] = None,
    metric: Metric = None,
    html: Page = None,
    as_json: Json = False,
) -> None:
    """Order the systems of many runs, and test each against the best on the same posts."""
    show_leaderboard(folders or [DEFAULT_FOLDER], metric, html, as_json)


def show_leaderboard(folders: list[Path], metric: str | None, html: Path | None, as_json: bool) -> None:
    """Print the leaderboard of the runs in some folders."""
    from probatum.report.leaderboard import print_leaderboard
    from probatum.shelf import find_runs, read_entries
    from probatum.study import VerdictSettings
    from probatum.verdict.leaderboard import rank, to_order_by

    order = to_order_by(metric or DEFAULT_METRIC)
    entries, unread = read_entries(find_runs(folders))
    found = rank(entries, order, VerdictSettings(), unread)
    if html is not None:
        from probatum.report.leaderboard_page import write_leaderboard_page

        write_leaderboard_page(found, html)
    if as_json:
        print_json(found.to_json())
    else:
        print_leaderboard(console, found)
        if html is not None:
            say(f"page: {html}")
