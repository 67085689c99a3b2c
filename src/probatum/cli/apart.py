"""Start a run that outlives its terminal, and say how to watch and stop it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from probatum.artifacts import short_path
from probatum.cli.app import errors, say, say_next

if TYPE_CHECKING:
    from probatum.study import Study

MOST_LINES = 20


def run_apart(study: Study, out: Path | None) -> None:
    """Start this same command line without --detach, apart from this terminal, and leave."""
    from probatum.pipeline import run_folder
    from probatum.watch.detach import detach

    folder = run_folder(study, out)
    started = detach([word for word in sys.argv[1:] if word != "--detach"], folder)
    place = shlex.quote(short_path(folder.path))
    if started.code is not None:
        tail = started.log.read_text(encoding="utf-8", errors="replace").splitlines()[-MOST_LINES:]
        errors.print("\n".join(tail), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(started.code)
    say(f"started as process {started.pid}; it prints to {short_path(started.log)}")
    say(f"stop: kill -INT {started.pid}   (the same command goes on from there)")
    say_next(f"probatum status {place}")
