"""The verbs that do a whole study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from probatum.cli.apart import run_apart
from probatum.cli.app import app
from probatum.cli.options import (
    Alpha,
    BatchSize,
    Dropout,
    Epochs,
    Examples,
    Gpus,
    Json,
    LearningCurve,
    LearningRate,
    Limit,
    MemoryLimit,
    Method,
    Out,
    Rank,
    Set,
    Shard,
    StudyFile,
    load_study,
)
from probatum.cli.session import finish, run_stages


@app.command(rich_help_panel="The whole study")
def run(
    context: typer.Context,
    study: StudyFile,
    out: Out = None,
    limit: Limit = None,
    rank: Rank = None,
    alpha: Alpha = None,
    dropout: Dropout = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    method: Method = None,
    memory_limit: MemoryLimit = None,
    gpus: Gpus = None,
    shard: Shard = False,
    learning_curve: LearningCurve = False,
    set_: Set = None,
    detached: Annotated[
        bool, typer.Option("--detach", help="go on without this terminal; probatum status watches it")
    ] = False,
    examples: Examples = 0,
    as_json: Json = False,
) -> None:
    """Do every stage of a study in order, and judge.

    Started again, it goes on where it stopped: a stage whose inputs are unchanged is not repeated.
    """
    loaded = load_study(study, context.params)
    if detached:
        run_apart(loaded, out)
        return
    finish(run_stages(loaded, out, as_json, gpus=gpus), as_json, examples)


@app.command(rich_help_panel="The whole study")
def demo(
    out: Annotated[Path, typer.Option(help="folder for the posts, the study and the run")] = Path("demo"),
    as_json: Json = False,
) -> None:
    """Run a whole study on generated posts and the built-in toy model: no network, no GPU, a minute or two."""
    from probatum.demo import write_demo

    finish(run_stages(load_study(write_demo(out), {}), out / "run", as_json), as_json, examples=2)
