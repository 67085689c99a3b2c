"""The verbs that do one stage of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from probatum.cli.app import app, console, print_json, refuse_flags, say, say_next
from probatum.cli.many import Metric, Page, show_leaderboard
from probatum.cli.options import (
    Alpha,
    BatchSize,
    Dropout,
    Epochs,
    Examples,
    Gpus,
    Json,
    LearningRate,
    Limit,
    MemoryLimit,
    Method,
    Out,
    Rank,
    Shard,
    StudyFile,
    load_study,
)
from probatum.cli.session import finish, run_stages, same_run
from probatum.errors import StudyError

STUDY_SUFFIXES = (".yaml", ".yml")
FOR_PREDICTIONS = "For files of predictions"


@app.command(rich_help_panel="Stage by stage")
def score(
    context: typer.Context,
    study: StudyFile,
    system: Annotated[
        Literal["majority", "linear", "baseline", "tuned"], typer.Option(help="which system")
    ] = "baseline",
    out: Out = None,
    limit: Limit = None,
    method: Method = None,
    memory_limit: MemoryLimit = None,
    gpus: Gpus = None,
    shard: Shard = False,
    as_json: Json = False,
) -> None:
    """Score the study's test posts with one system."""
    from probatum.pipeline import measure
    from probatum.report.tables import systems_table

    done = run_stages(load_study(study, context.params), out, as_json, (system,), gpus)
    result = measure(done, system)
    if as_json:
        print_json(result.to_json()["systems"][system])
    else:
        console.print(systems_table(result))
        say(f"predictions: {done.folder.predictions(system)}")
        say_next(f"probatum {'compare' if system == 'tuned' else 'train'} {same_run(done)}")


@app.command(rich_help_panel="Stage by stage")
def train(
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
    memory_limit: MemoryLimit = None,
    gpus: Gpus = None,
    shard: Shard = False,
) -> None:
    """Train the study's LoRA adapter; a killed run goes on from its newest checkpoint."""
    done = run_stages(load_study(study, context.params), out, False, ("training",), gpus)
    say(f"adapter: {done.folder.adapter}")
    say_next(f"probatum score {same_run(done)} --system tuned")


@app.command(rich_help_panel="Stage by stage")
def compare(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(help="one study (YAML), run folders, or files of predictions (CSV, JSON)", show_default=False),
    ],
    out: Out = None,
    limit: Limit = None,
    memory_limit: MemoryLimit = None,
    gpus: Gpus = None,
    shard: Shard = False,
    examples: Examples = 0,
    columns: Annotated[
        str | None,
        typer.Option(
            help="which column holds what: ROLE=COLUMN,… with the roles id, text, label, prediction, group, source, "
            "score, cluster for posts that share a template or author, and system where one file holds several",
            rich_help_panel=FOR_PREDICTIONS,
        ),
    ] = None,
    positive: Annotated[
        str | None,
        typer.Option(help="the positive label \\[default: hate]", show_default=False, rich_help_panel=FOR_PREDICTIONS),
    ] = None,
    valid_only: Annotated[
        bool,
        typer.Option(
            "--valid-only",
            help="leave out predictions that name no label, instead of counting them as wrong",
            rich_help_panel=FOR_PREDICTIONS,
        ),
    ] = False,
    metric: Metric = None,
    html: Page = None,
    as_json: Json = False,
) -> None:
    """Judge a study's systems, order those of many runs, or compare predictions that were made elsewhere.

    [bold]probatum compare STUDY.yaml[/bold] judges the study's criteria, scoring first what is not scored yet.

    [bold]probatum compare RUN RUN[/bold] is [bold]probatum runs RUN RUN[/bold]: one leaderboard.

    [bold]probatum compare A.csv B.csv --columns text=input_text,label=true_label,prediction=predicted_label[/bold]
    needs no model: a table for each file, and each file against each one before it, on the posts that both hold.
    """
    for_study: dict[str, Any] = {"out": out, "limit": limit, "memory_limit": memory_limit, "gpus": gpus}
    for_study |= {"shard": shard, "examples": examples}
    for_predictions = {"columns": columns, "positive": positive, "valid_only": valid_only}
    if any(path.is_dir() for path in files):
        refuse_flags(for_study, f"{files[0]} is a folder of runs, which hold these settings")
        refuse_flags(for_predictions, f"{files[0]} is a folder; name the file of predictions in it")
        show_leaderboard(files, metric, html, as_json)
        return
    refuse_flags({"metric": metric, "html": html}, "only a leaderboard of run folders takes it")
    if any(path.suffix.lower() in STUDY_SUFFIXES for path in files):
        if len(files) > 1:
            raise StudyError(
                f"compare takes one study, or files of predictions; given {len(files)}: {', '.join(map(str, files))}"
            )
        refuse_flags(for_predictions, f"{files[0]} is a study, whose file holds these settings")
        finish(run_stages(load_study(files[0], context.params), out, as_json, gpus=gpus), as_json, examples)
    refuse_flags(for_study, f"{files[0]} is a file of predictions, not a study (YAML)")
    _compare_runs(files, columns, positive, valid_only, as_json)


def _compare_runs(
    files: list[Path], columns: str | None, positive: str | None, valid_only: bool, as_json: bool
) -> None:
    from probatum.data.predicted.columns import parse_columns
    from probatum.data.predicted.runs import read_runs
    from probatum.report.runs import print_runs
    from probatum.study import VerdictSettings
    from probatum.verdict.runs import compare_runs

    runs, labels = read_runs(files, parse_columns(columns), positive)
    compared = compare_runs(runs, labels, "valid_only" if valid_only else "all", VerdictSettings())
    if as_json:
        print_json(compared.to_json())
    else:
        print_runs(console, compared)
