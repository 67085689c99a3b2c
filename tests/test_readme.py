"""The README's tree, links and commands are real."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from probatum.cli import app
from probatum.study import VerdictSettings
from probatum.verdict.runs import compare_runs
from tests.predicted_runs import LABELS, make_run

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"(?:`|^)probatum ([a-z]+)", README, re.MULTILINE)


def test_the_tree_is_there():
    tree = re.search(r"## Where things are\n\n```\n(.*?)```", README, re.DOTALL)[1]
    place = ROOT
    for line in tree.splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            place = ROOT / name if name == "src/probatum/" else ROOT
        assert (place / name if line.startswith(" ") else ROOT / name).exists(), line
    shown = {line.split()[0].rstrip("/") for line in tree.splitlines()}
    package = ROOT / "src" / "probatum"
    real = {p.name for p in package.iterdir() if p.suffix == ".py" or (p / "__init__.py").is_file()}
    assert real - shown == {"__init__.py", "__main__.py", "yaml_file.py"}


def test_links_to_files_are_real():
    for target in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("verb", sorted(set(COMMANDS)))
def test_every_verb_named_exists(verb):
    assert verb in {command.name or command.callback.__name__ for command in app.registered_commands}
    assert CliRunner().invoke(app, [verb, "--help"]).exit_code == 0


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"(?:`|^)make ([a-z]+)", README, re.MULTILINE)):
        assert f"\n{target}:" in makefile, target


def run_block(block, cwd, environment):
    for line in block.strip().splitlines():
        words = shlex.split(line)
        assert words[0] == "probatum"
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 1, 3), f"{line}\n{done.stdout}\n{done.stderr}"


def test_what_compare_shows_of_published_runs_is_what_it_prints(shared_data):
    """Every line of the block stands in the output, in this order and, but for where … is, next to each other."""
    command = next(line for line in README.splitlines() if line.startswith("probatum compare baseline_std"))
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "COLUMNS": "80", "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)],
        cwd=shared_data / "predictions", env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    printed = "\n".join(line.rstrip() for line in done.stdout.splitlines())
    block = re.search(r"<!-- compare -->\n```\n(.*?)\n```", README, re.DOTALL)[1]
    at = 0
    for piece in block.split("\n…\n"):
        at = printed.index(piece, at) + len(piece)


def test_the_names_that_compare_documents_are_those_of_its_json():
    section = (ROOT / "docs" / "compare.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`([a-z0-9_]+)(?:\[\])?`", section))
    rows = [make_run(name, "10", "1?", groups=["a", "b"]) for name in "xy"]
    told = compare_runs(rows, LABELS, "all", VerdictSettings()).to_json()
    names = {*told, *told["runs"][0], *told["runs"][0]["overall"], *told["pairs"][0]}
    figures = told["runs"][0]["overall"]["metrics"]
    assert names | set(figures) | set(figures["f1"]) <= documented


@pytest.mark.flow
def test_the_commands_on_real_posts_run(shared_data, tmp_path):
    """The block for one's own posts, as it stands, on a first try of 50 posts."""
    block = next(b for b in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if "prepare unified" in b)
    lines = block.strip().splitlines()
    for name in ("unified_train.json", "unified_val.json"):
        (tmp_path / name).symlink_to(shared_data / "unified" / name)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_WAIT_POLICY": "PASSIVE"}
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "unified.yaml").write_text((ROOT / "examples" / "unified.yaml").read_text())
    tried = [line.replace("run examples/unified.yaml", "run examples/unified.yaml --limit 50") for line in lines]
    tried = [line.replace("runs/unified", "runs/unified-limit50") for line in tried]
    run_block("\n".join(tried), tmp_path, environment)
    assert (tmp_path / "runs" / "unified-limit50" / "report.md").is_file()


@pytest.mark.flow
def test_the_python_example_runs(tmp_path):
    from tests.flow.test_study import small_study

    study = small_study(tmp_path / "study", max_steps=2)
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1].replace("study.yaml", str(study))
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert "runs/demo/report." in done.stdout
