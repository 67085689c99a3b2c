"""The command line: one verb for each stage; each loads the study, calls one function, and prints the next command."""

from __future__ import annotations

import json
import os
import shlex
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console

from probatum import __version__
from probatum.artifacts import short_path
from probatum.errors import InputError, ProbatumError, StudyError
from probatum.launch import is_follower, is_member, launch

if TYPE_CHECKING:
    from probatum.crew import Crew
    from probatum.pipeline import Run
    from probatum.study import Study

INTERRUPTED = 130
SETTINGS = {
    "limit": "limit",
    "method": "scoring.method",
    "memory_limit": "model.memory_limit",
    "shard": "model.shard",
}
SIDES = ("train", "validation", "test")
STUDY_SUFFIXES = (".yaml", ".yml")
FOR_PREDICTIONS = "For files of predictions"

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Fine-tune a language model on labelled posts and get a verdict that holds up.\n\n"
    "Begin with [bold]probatum demo[/bold]. Exit codes: 0 accepted or done, 1 rejected, 2 the input is wrong, "
    "3 inconclusive, 4 anything else.",
)
console = Console(emoji=False)
errors = Console(stderr=True, emoji=False)

StudyFile = Annotated[Path, typer.Argument(help="the study file (YAML)", show_default=False)]
Out = Annotated[Path | None, typer.Option(help="the run folder \\[default: runs/NAME]", show_default=False)]
Limit = Annotated[int | None, typer.Option(help="try it on so many posts of each file first", min=4)]
MemoryLimit = Annotated[
    str | None, typer.Option(help="take no more of the GPU than 79GB, 40GiB or bytes; on a CPU it only bounds the plan")
]
Json = Annotated[bool, typer.Option("--json", help="print JSON for programs")]
Gpus = Annotated[
    int | None, typer.Option(help="share the work among so many GPUs \\[default: 1]", min=1, show_default=False)
]
Shard = Annotated[
    bool, typer.Option("--shard", help="split the weights over these GPUs, for a model that fits no single one")
]
Rank = Annotated[int | None, typer.Option(help="LoRA rank", min=1)]
Alpha = Annotated[float | None, typer.Option(help="LoRA alpha")]
Dropout = Annotated[float | None, typer.Option(help="LoRA dropout", min=0, max=1)]
Epochs = Annotated[float | None, typer.Option(help="passes over the training posts")]
BatchSize = Annotated[int | None, typer.Option(help="posts in each optimiser step", min=1)]
LearningRate = Annotated[float | None, typer.Option(help="peak learning rate")]
Examples = Annotated[int, typer.Option(help="show so many fixed and broken posts; they may be hateful", min=0)]
Method = Annotated[Literal["likelihood", "generate"] | None, typer.Option(help="how an answer becomes a score")]


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="print the version and leave", is_eager=True)] = False,
) -> None:
    """Answer --version."""
    if show:
        console.print(__version__)
        raise typer.Exit


@app.command(rich_help_panel="The whole study")
def run(
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
    examples: Examples = 0,
    as_json: Json = False,
) -> None:
    """Do every stage of a study in order, and judge.

    Started again, it goes on where it stopped: a stage whose inputs are unchanged is not repeated.
    """
    overrides = _overrides(
        limit=limit,
        rank=rank,
        alpha=alpha,
        dropout=dropout,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        shard=shard or None,
        method=method,
        memory_limit=memory_limit,
    )
    _finish(_run(_load(study, overrides), out, as_json, gpus=gpus), as_json, examples)


@app.command(rich_help_panel="The whole study")
def demo(
    out: Annotated[Path, typer.Option(help="folder for the posts, the study and the run")] = Path("demo"),
    as_json: Json = False,
) -> None:
    """Run a whole study on generated posts and the built-in toy model: no network, no GPU, about a minute."""
    from probatum.demo import write_demo

    _finish(_run(_load(write_demo(out), {}), out / "run", as_json), as_json, examples=2)


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
        loaded = _load(study, {})
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
    _next(f"probatum audit {' '.join(str(prepared.files[side]) for side in prepared.files if side in SIDES)}")


@app.command(rich_help_panel="Stage by stage")
def audit(
    files: Annotated[list[Path], typer.Argument(help="one or more files of posts", show_default=False)],
    source: Annotated[str, typer.Option(help="the published collection that the files are of")] = "files",
    study: Annotated[Path | None, typer.Option(help="a study, for its labels and columns", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Count, and look for duplicates, overlaps, conflicting labels and anything that gives a label away.

    With a study, posts that its prompt would cut are counted too.
    """
    from probatum.data.audit import audit as audit_posts
    from probatum.data.sources import Reading, source_named
    from probatum.report.audit import print_audit
    from probatum.study import Data, Task

    task, data, counts = Task(), Data(train=files[0], validation=files[0]), None
    if study is not None:
        from probatum.stages import READY, count_cut

        loaded = _load(study, {})
        task, data = loaded.task, loaded.data
        counts = None if loaded.prompt.strategy == READY else count_cut(loaded)
    reading = Reading(task.label_set(), data.columns, data.marker, data.on_error)
    posts = {str(path): source_named(source).read(path, reading).posts for path in files}
    found = audit_posts(posts, counts)
    if as_json:
        _print_json(found.to_json())
    else:
        print_audit(console, found)


@app.command(rich_help_panel="Stage by stage")
def score(
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

    done = _run(
        _load(study, _overrides(limit=limit, method=method, memory_limit=memory_limit, shard=shard or None)),
        out,
        as_json,
        (system,),
        gpus,
    )
    result = measure(done, system)
    if as_json:
        _print_json(result.to_json()["systems"][system])
    else:
        console.print(systems_table(result))
        say(f"predictions: {done.folder.predictions(system)}")
        _next(f"probatum {'compare' if system == 'tuned' else 'train'} {_same_run(done)}")


@app.command(rich_help_panel="Stage by stage")
def train(
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
    overrides = _overrides(
        limit=limit,
        rank=rank,
        alpha=alpha,
        dropout=dropout,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        memory_limit=memory_limit,
        shard=shard or None,
    )
    done = _run(_load(study, overrides), out, False, ("training",), gpus)
    say(f"adapter: {done.folder.adapter}")
    _next(f"probatum score {_same_run(done)} --system tuned")


@app.command(rich_help_panel="Stage by stage")
def compare(
    files: Annotated[
        list[Path],
        typer.Argument(help="one study (YAML), or one or more files of predictions (CSV, JSON)", show_default=False),
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
            "score, and system where one file holds several",
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
    as_json: Json = False,
) -> None:
    """Judge a study's systems, or compare predictions that were made elsewhere.

    [bold]probatum compare STUDY.yaml[/bold] judges the study's criteria, scoring first what is not scored yet.

    [bold]probatum compare A.csv B.csv --columns text=input_text,label=true_label,prediction=predicted_label[/bold]
    needs no model: a table for each file, and each file against each one before it, on the posts that both hold.
    """
    for_study: dict[str, Any] = {"out": out, "limit": limit, "memory_limit": memory_limit, "gpus": gpus}
    for_study |= {"shard": shard, "examples": examples}
    for_predictions = {"columns": columns, "positive": positive, "valid_only": valid_only}
    if any(path.suffix.lower() in STUDY_SUFFIXES for path in files):
        if len(files) > 1:
            raise StudyError(
                f"compare takes one study, or files of predictions; given {len(files)}: {', '.join(map(str, files))}"
            )
        _refuse_flags(for_predictions, f"{files[0]} is a study, whose file holds these settings")
        overrides = _overrides(limit=limit, memory_limit=memory_limit, shard=shard or None)
        _finish(_run(_load(files[0], overrides), out, as_json, gpus=gpus), as_json, examples)
    _refuse_flags(for_study, f"{files[0]} is a file of predictions, not a study (YAML)")
    _compare_runs(files, columns, positive, valid_only, as_json)


@app.command(rich_help_panel="Look")
def status(
    folder: Annotated[Path, typer.Argument(help="the run folder", show_default=False)],
    as_json: Json = False,
) -> None:
    """Say how far a run is, from any shell: stages, step, loss, time left."""
    from probatum.status import print_status, read_status

    found = read_status(folder)
    if as_json:
        _print_json(found.to_json())
    else:
        print_status(console, found)


@app.command(rich_help_panel="Look")
def doctor(
    study: Annotated[Path | None, typer.Argument(help="a study to check the machine for", show_default=False)] = None,
    memory_limit: MemoryLimit = None,
    as_json: Json = False,
) -> None:
    """Check machine, packages, model files, template and labels, and whether the study fits."""
    from probatum.doctor import diagnose, print_diagnosis

    found = diagnose(None if study is None else _load(study, _overrides(memory_limit=memory_limit)))
    if as_json:
        _print_json(found.to_json())
    else:
        print_diagnosis(console, found)
    raise typer.Exit(0 if found.healthy else 2)


def main() -> None:
    """Run the command line; errors that a user can meet become one message and an exit code."""
    # Threads that wait by spinning make two busy processes on two cores five times slower; PyTorch reads this once.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if not is_member():
        sys.exit(_exit_code())
    console.quiet = errors.quiet = is_follower()
    code = _exit_code()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a process group whose other processes are gone may wait for them while Python ends


def _exit_code() -> int:
    try:
        app()
    except ProbatumError as error:
        if "--json" in sys.argv and not is_follower():  # a program reads standard output, also when there is an error
            _print_json({"error": str(error), "exit_code": error.exit_code})
        errors.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        return error.exit_code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:  # Python itself would exit with 1, which means rejected
        traceback.print_exc()
        return ProbatumError.exit_code
    return 0


def _load(path: Path, overrides: dict[str, Any]) -> Study:
    from probatum.study import Study

    return Study.load(path, overrides)


def _overrides(**given: Any) -> dict[str, Any]:
    """Return the settings that flags lay over the study file."""
    return {SETTINGS.get(name, f"training.{name}"): value for name, value in given.items() if value is not None}


def _run(
    study: Study, out: Path | None, quiet: bool, only: tuple[str, ...] | None = None, gpus: int | None = None
) -> Run:
    try:
        if not is_member():
            if gpus is not None and gpus > 1:
                raise typer.Exit(launch(sys.argv[1:], gpus))
            return _lead(study, out, quiet, only, None)
        from probatum.crew import joined

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
    from probatum.terminal import TerminalWatcher

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


def _finish(done: Run, as_json: bool, examples: int) -> None:
    from probatum.data.records import read_written_posts
    from probatum.report.tables import print_verdict

    verdict = done.verdict
    assert verdict is not None
    if as_json:
        _print_json(verdict.to_json())
    else:
        print_verdict(console, verdict, read_written_posts(done.folder.posts("test")), examples)
        say(f"report: {done.report}")
    raise typer.Exit(verdict.exit_code)


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
        _print_json(compared.to_json())
    else:
        print_runs(console, compared)


def _refuse_flags(given: dict[str, Any], why: str) -> None:
    """Refuse flags that would be ignored.

    Raises:
        InputError: one of them was given.
    """
    if wrong := [f"--{name.replace('_', '-')}" for name, value in given.items() if value]:
        raise InputError(f"{' and '.join(wrong)}: not for this; {why}")


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))  # noqa: T201  # programs want no console's wrapping


def say(line: str) -> None:
    """Print a line as it is: a path stays whole for copying."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _next(command: str) -> None:
    say(f"next: {command}")


def _same_run(done: Run) -> str:
    """Return what names this run's settings, its flags among them, and its folder."""
    return f"{shlex.quote(short_path(done.folder.study))} --out {shlex.quote(short_path(done.folder.path))}"
