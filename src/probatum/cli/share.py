"""The verbs that hand a finished run on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from probatum.artifacts import short_path
from probatum.cli.app import app, say


@app.command(rich_help_panel="Share")
def export(
    folder: Annotated[Path, typer.Argument(help="the run folder", show_default=False)],
    form: Annotated[
        Literal["lm-eval", "inspect", "csv"],
        typer.Option("--format", help="for whom it is; inspect needs inspect_ai", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="the folder to write to")] = Path("export"),
) -> None:
    """Write a finished run in the form of another tool; the posts' texts are in it."""
    from probatum.export.finished import Finished
    from probatum.export.formats import FORMATS
    from probatum.shelf import read_run

    for path in FORMATS[form](Finished.read(read_run(folder)), out):
        say(f"  {short_path(path)}")


@app.command(rich_help_panel="Share")
def push(
    folder: Annotated[Path, typer.Argument(help="the run folder", show_default=False)],
    to: Annotated[str, typer.Option(help="USER/REPO on the hub", show_default=False)],
    private: Annotated[bool, typer.Option("--private", help="make a new repository private")] = False,
) -> None:
    """Upload a run's adapter and its model card to a hub; never a post."""
    from probatum.hub import push as push_run
    from probatum.hub import warning
    from probatum.shelf import read_run

    run = read_run(folder)
    if told := warning(run):
        say(told)
    say(push_run(run, to, private=private))
