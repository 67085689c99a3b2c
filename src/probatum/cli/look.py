"""The verbs that look at a run or at the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from probatum.cli.app import app, console, print_json, refuse_flags, say
from probatum.cli.options import Gpus, Json, MemoryLimit, Shard, load_study

RunFolderPath = Annotated[Path, typer.Argument(metavar="RUN", help="the run folder", show_default=False)]


@app.command(rich_help_panel="Look")
def status(
    folder: RunFolderPath,
    once: Annotated[bool, typer.Option("--once", help="look once, also on a terminal")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="watch until it ends, also where there is no terminal")
    ] = False,
    every: Annotated[float, typer.Option(help="seconds between two looks", min=0.2)] = 2.0,
    as_json: Json = False,
) -> None:
    """Watch a run from any shell: stages, step, losses, posts a second, GPU, time left.

    On a terminal it goes on until the run ends; elsewhere it is one look.
    """
    from probatum.watch import live
    from probatum.watch.status import read_status

    if as_json:
        print_json(read_status(folder).to_json())
    elif follow or (console.is_terminal and not once):
        try:
            live.follow(console, lambda: read_status(folder), every)
        except KeyboardInterrupt:
            raise typer.Exit from None  # who stops watching does not stop the run
    else:
        live.print_status(console, read_status(folder))


@app.command(rich_help_panel="Look")
def report(
    folder: RunFolderPath,
    show: Annotated[bool, typer.Option("--open", help="open it in the browser")] = False,
) -> None:
    """Make a finished run's report.html again, and open it."""
    import webbrowser

    from probatum.finished import read_content
    from probatum.manifest import RunFolder
    from probatum.report.page import write_page

    run = RunFolder(folder)
    write_page(read_content(run), run.page)
    say(f"report: {run.page}")
    if show and not webbrowser.open(run.page.resolve().as_uri()):  # typer.launch cannot tell that there is none
        say("no browser could be opened here; open the file yourself")


@app.command(rich_help_panel="Look")
def plot(
    folder: RunFolderPath,
    out: Annotated[Path | None, typer.Option(help="where to \\[default: RUN/plots]", show_default=False)] = None,
    form: Annotated[Literal["png", "svg"], typer.Option("--format", help="of the files")] = "png",
) -> None:
    """Write the report's figures as files for papers."""
    from probatum.finished import read_content
    from probatum.manifest import RunFolder
    from probatum.report.plots.every import every_plot
    from probatum.report.plots.export import write_plots

    for path in write_plots(every_plot(read_content(RunFolder(folder))), out or folder / "plots", form):
        say(str(path))


@app.command(rich_help_panel="Look")
def doctor(
    context: typer.Context,
    study: Annotated[Path | None, typer.Argument(help="a study to check the machine for", show_default=False)] = None,
    memory_limit: MemoryLimit = None,
    gpus: Gpus = None,
    shard: Shard = False,
    as_json: Json = False,
) -> None:
    """Check machine, packages, model files, template and labels, and whether the study fits."""
    from probatum.doctor import diagnose, print_diagnosis

    if study is None:
        refuse_flags({"memory_limit": memory_limit, "shard": shard}, "name a study to check them for")
    found = diagnose(None if study is None else load_study(study, context.params), gpus or 1)
    if as_json:
        print_json(found.to_json())
    else:
        print_diagnosis(console, found)
    raise typer.Exit(0 if found.healthy else 2)


@app.command(rich_help_panel="Look")
def schema(
    page: Annotated[bool, typer.Option("--page", help="print a page for readers (docs/study.md)")] = False,
) -> None:
    """Print the JSON Schema of a study file, with which editors complete and check it."""
    from probatum.study.reference import study_page, study_schema

    if page:
        print(study_page(), end="")  # noqa: T201  # no console's wrapping
    else:
        print_json(study_schema())
