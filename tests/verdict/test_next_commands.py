"""Every command that a verdict prints is one that the command line and the study take."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from probatum import cli
from probatum.cli.options import load_study
from probatum.demo import write_demo
from probatum.verdict import causes, diagnose, training_advice
from probatum.verdict.evidence import TrainingSummary
from probatum.verdict.results import NextStep
from probatum.verdict.training_advice import gentler, longer, stronger

VERBS = typer.main.get_command(cli.app).commands
WRITTEN = [
    command
    for module in (causes, diagnose, training_advice)
    for command in re.findall(r'"(probatum (?:run|audit)[^"]*)"', Path(module.__file__).read_text(encoding="utf-8"))
]
TRAINED = TrainingSummary(True, 300, 300, 1.2, 0.8, 100, 0.95, learning_rate=1e-4, epochs=3)
FILLED = {
    "{gentler(training)}": gentler(TRAINED),
    "{longer(training)}": longer(TRAINED),
    "{stronger(training)}": stronger(TRAINED),
    "{listed}": "0,1,2",
}


def test_the_commands_are_found_in_the_source():
    assert len(WRITTEN) >= 12
    assert {command.split()[1] for command in WRITTEN} == {"run", "audit"}


@pytest.mark.parametrize("written", sorted(set(WRITTEN)))
def test_a_command_is_taken_as_it_is_printed(tmp_path, written):
    """Parsed by the command line itself, in a folder with a space, and laid over a study that is then checked whole."""
    study = write_demo(tmp_path / "a study")
    places = {
        "STUDY": f"{shlex.quote(str(study))} --out {shlex.quote(str(tmp_path / 'a run'))}",
        "TRAIN": f"{shlex.quote(str(study.parent / 'data' / 'train.jsonl'))} --study {shlex.quote(str(study))}",
    }
    for name, value in FILLED.items():
        written = written.replace(name, value)
    command = NextStep("", written).located(places).command
    program, verb, *rest = shlex.split(command)
    assert program == "probatum"
    context = VERBS[verb].make_context(verb, rest)
    given = context.params
    if verb == "audit":
        assert [file.name for file in given["files"]] == ["train.jsonl"]
        assert load_study(given["study"], {}).task.positive == "hate"
    else:
        assert given["out"] == tmp_path / "a run"
        assert load_study(given["study"], given).name == "demo"
