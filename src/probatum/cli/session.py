"""Run stages with a live view, in one process or as one of several, and print how it ended."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from probatum.artifacts import short_path
from probatum.cli.app import console, errors, print_json, say
from probatum.crew.launch import is_member, launch

if TYPE_CHECKING:
    from probatum.crew.group import Crew
    from probatum.pipeline import Run
    from probatum.study import Study

INTERRUPTED = 130


def run_stages(
    study: Study, out: Path | None, quiet: bool, only: tuple[str, ...] | None = None, gpus: int | None = None
) -> Run:
    """Run stages of a study, in one process or, with several GPUs, in one for each.

    Raises:
        typer.Exit: another process leads, or the user stopped it.
    """
    try:
        if not is_member():
            if gpus is not None and gpus > 1:
                raise typer.Exit(launch(sys.argv[1:], gpus))
            return _lead(study, out, quiet, only, None)
        from probatum.crew.group import joined

        with joined(study.model.device, gpus) as crew:
            if crew.leads:
                return _lead(study, out, quiet, only, crew)
            _follow(study, out, crew)
        raise typer.Exit
    except KeyboardInterrupt:  # caught here because typer keeps it from `main`
        errors.print("stopped; the same command goes on from here", markup=False)
        raise typer.Exit(INTERRUPTED) from None


def _lead(study: Study, out: Path | None, quiet: bool, only: tuple[str, ...] | None, crew: Crew | None) -> Run:
    from probatum.pipeline import run as run_study
    from probatum.watch.terminal import TerminalWatcher

    watcher = None if quiet else TerminalWatcher(console)
    try:
        return run_study(study, out, watcher, only, crew)
    finally:
        if watcher is not None:
            watcher.close()


def _follow(study: Study, out: Path | None, crew: Crew) -> None:
    import signal

    from probatum.pipeline import follow

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the leader ends the crew
    follow(study, out, crew)


def finish(done: Run, as_json: bool, examples: int) -> None:
    """Print a run's verdict and leave with its exit code."""
    from probatum.data.records import read_written_posts
    from probatum.report.further_tables import further_tables
    from probatum.report.tables import print_verdict

    verdict = done.verdict
    assert verdict is not None
    if as_json:
        print_json(verdict.to_json())
    else:
        print_verdict(
            console, verdict, read_written_posts(done.folder.posts("test")), examples, further_tables(verdict)
        )
        say(f"report: {done.folder.page}")
    raise typer.Exit(verdict.exit_code)


def same_run(done: Run) -> str:
    """Return what names this run's settings, its flags among them, and its folder."""
    return f"{shlex.quote(short_path(done.folder.study))} --out {shlex.quote(short_path(done.folder.path))}"
