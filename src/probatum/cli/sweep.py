"""The verb that tries several trainings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from probatum.cli.app import app, console, errors, print_json, say
from probatum.cli.options import (
    Examples,
    Json,
    Limit,
    MemoryLimit,
    Set,
    StudyFile,
    load_study,
)
from probatum.cli.session import INTERRUPTED, finish


@app.command(rich_help_panel="The whole study")
def sweep(
    context: typer.Context,
    study: StudyFile,
    out: Annotated[
        Path | None, typer.Option(help="folder of the sweep \\[default: runs/NAME-sweep]", show_default=False)
    ] = None,
    trials: Annotated[
        int | None, typer.Option(help="trainings in all \\[default: sweep.trials]", min=1, show_default=False)
    ] = None,
    limit: Limit = None,
    set_: Set = None,
    memory_limit: MemoryLimit = None,
    examples: Examples = 0,
    as_json: Json = False,
) -> None:
    """Try trainings (rank, rate, epochs, reweighting), choose one on validation, judge it on test.

    Started again, it goes on where it stopped; more --trials add to those there are.
    """
    from probatum.sweep.flow import sweep as try_trainings
    from probatum.sweep.table import print_sweep
    from probatum.watch.terminal import TerminalWatcher

    loaded = load_study(study, context.params)
    watcher = None if as_json else TerminalWatcher(console)
    try:
        swept = try_trainings(loaded, out, trials, watcher, (lambda _: None) if as_json else say)
    except KeyboardInterrupt:
        errors.print("stopped; the same command goes on from here", markup=False)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        if watcher is not None:
            watcher.close()
    if as_json:
        print_json(swept.to_json())
        assert swept.run.verdict is not None
        raise typer.Exit(swept.run.verdict.exit_code)
    print_sweep(console, swept)
    finish(swept.run, as_json, examples)
