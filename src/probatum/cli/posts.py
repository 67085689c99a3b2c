"""The verbs about posts."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from probatum.cli.app import app, console, print_json, refuse_flags, say, say_next
from probatum.cli.options import Json, Limit, load_study
from probatum.cli.spread import SpreadingCommand

SIDES = ("train", "validation", "test")


@app.command(rich_help_panel="Stage by stage")
def prepare(
    source: Annotated[str, typer.Argument(help="unified, hatexplain, toxigen, hatecheck, or files for your own")],
    path: Annotated[Path, typer.Argument(help="the file to split", show_default=False)],
    out: Annotated[Path, typer.Option(help="folder for train.jsonl, validation.jsonl and test.jsonl")] = Path("data"),
    test: Annotated[Path | None, typer.Option(help="a second file, kept whole as the test", show_default=False)] = None,
    validation_share: Annotated[float, typer.Option(help="share that validates", min=0, max=1)] = 0.15,
    test_share: Annotated[float, typer.Option(help="share that tests, where there is no --test", min=0, max=1)] = 0.0,
    study: Annotated[Path | None, typer.Option(help="a study, for its labels and columns", show_default=False)] = None,
    seed: Annotated[int, typer.Option(help="seed of the split", min=0)] = 0,
    on_error: Annotated[Literal["stop", "skip"], typer.Option(help="on a bad line")] = "stop",
    drop_overlap: Annotated[bool, typer.Option(help="take posts that the test holds too out of training")] = False,
    limit: Limit = None,
) -> None:
    """Read posts from a published collection or your own files, unify their labels, and split them.

    Posts with the same text always land on the same side of the split.
    """
    from probatum.data.prepare import prepare as prepare_files
    from probatum.study import Data, Task

    task, data = Task(), Data(train=path, validation=path)
    if study is not None:
        loaded = load_study(study, {})
        task, data = loaded.task, loaded.data
    prepared = prepare_files(
        source,
        path,
        out,
        labels=task.label_set(),
        test=test,
        columns=data.columns,
        marker=data.marker,
        validation_share=validation_share,
        test_share=test_share,
        seed=seed,
        on_error=on_error,
        drop_overlap=drop_overlap,
        limit=limit,
    )
    for side, file in prepared.files.items():
        count = prepared.counts.get(side)
        say(f"  {file}" + ("" if count is None else f"  {count:,} posts"))
    if overlap := prepared.counts["overlap"]:
        done = "were taken out of training" if drop_overlap else "stay in training; --drop-overlap takes them out"
        say(f"  {overlap:,} posts whose text the test holds too {done}")
    for record in prepared.skipped[:5]:
        say(f"  skipped {record}")
    written = [shlex.quote(str(prepared.files[side])) for side in prepared.files if side in SIDES]
    labels = [] if study is None else ["--study", shlex.quote(str(study))]
    say_next(f"probatum audit {' '.join([*written, *labels])}")


@app.command(rich_help_panel="Stage by stage", cls=SpreadingCommand)
def audit(
    files: Annotated[list[Path], typer.Argument(help="one or more files of posts", show_default=False)],
    against: Annotated[
        list[Path] | None,
        typer.Option(help="hold every FILE against these too, such as what trained a model", show_default=False),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(help="which column holds what: ROLE=COLUMN,… with the roles id, text, label, group, source"),
    ] = None,
    positive: Annotated[
        str | None, typer.Option(help="the positive label \\[default: hate]", show_default=False)
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            help="the published collection that the files are of, or files \\[default: told by their columns]",
            show_default=False,
        ),
    ] = None,
    study: Annotated[
        Path | None, typer.Option(help="a study, for its labels, columns and prompt", show_default=False)
    ] = None,
    on_error: Annotated[
        Literal["stop", "skip"] | None, typer.Option(help="on a bad line \\[default: stop]", show_default=False)
    ] = None,
    fail_on: Annotated[
        Literal["high", "medium", "low"] | None,
        typer.Option(help="exit with 1 if a finding is as grave as this, or graver", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Look for what makes a study on these posts mean less than it seems to.

    Repeats and near-repeats in a file and between files, conflicting and doubtful labels, finer labels that count as
    another, formatting that gives a label away, groups with too few posts, cut posts. With a study, posts that its
    prompt would cut are counted too.
    """
    from probatum.data.audit import audit as audit_posts
    from probatum.data.audit.findings import at_least
    from probatum.data.audit.reading import read_audited
    from probatum.data.predicted.columns import parse_columns
    from probatum.data.records import POST_FIELDS
    from probatum.data.sources import Reading
    from probatum.report.audit import print_audit
    from probatum.study import Data, Task

    task, data, counts = Task(), Data(train=files[0], validation=files[0]), None
    if study is not None:
        from probatum.stages import READY, count_cut

        refuse_flags({"positive": positive}, f"{study} is a study, whose file says it")
        loaded = load_study(study, {})
        task, data = loaded.task, loaded.data
        counts = None if loaded.prompt.strategy == READY else count_cut(loaded)
    named = parse_columns(columns, POST_FIELDS, may_be_none=())
    reading = Reading(task.label_set(), data.columns, data.marker, on_error or data.on_error)
    read = read_audited(files, against or [], reading, source=source, named=named, positive=positive)
    found = audit_posts(read.files, counts, against=read.against, positive=read.labels.positive)
    if as_json:
        print_json(found.to_json() | {"skipped": [record.to_json() for record in read.skipped]})
    else:
        print_audit(console, found)
        for record in read.skipped[:5]:
            say(f"skipped {record}")
    if fail_on is not None and at_least(found.findings, fail_on):
        raise typer.Exit(1)
