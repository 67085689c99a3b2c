"""A finished run read back: what `probatum report` and `probatum plot` do with its folder, or say of it."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from probatum.artifacts import write_json_atomic
from probatum.cli import app
from probatum.data.records import write_jsonl, write_posts, write_predictions
from probatum.errors import DataError, InputError, StageError
from probatum.finished import read_content
from probatum.manifest import RunFolder
from probatum.report.page import render_page
from probatum.study import Study
from probatum.verdict.results import encode
from tests.report.whole_contents import make_whole_content


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run folder as a run leaves it, without the model's files."""
    content, place = make_whole_content(), tmp_path_factory.mktemp("finished")
    folder = RunFolder(place / "run")
    posts = place / "posts.jsonl"
    write_posts(posts, content.evidence.posts)
    sides = {"train": posts, "validation": posts, "test": posts}
    study = Study(name=content.name, data=sides, model={"name": content.model})
    folder.path.mkdir()
    folder.study.write_text(study.to_yaml(), encoding="utf-8")
    write_posts(folder.posts("test"), content.evidence.posts)
    for system, rows in content.evidence.predictions.items():
        write_predictions(folder.predictions(system), rows)
        write_json_atomic(folder.decision(system), encode(content.decisions[system]))
    write_jsonl(folder.training_log, content.log)
    write_json_atomic(folder.audit, {"findings": content.findings})
    write_json_atomic(folder.verdict, content.verdict.to_json())
    write_json_atomic(folder.context, encode(content.context))
    return folder


@pytest.fixture
def folder(made, tmp_path):
    return RunFolder(shutil.copytree(made.path, tmp_path / "run"))


def test_a_page_made_again_is_the_same(folder):
    assert render_page(read_content(folder)) == render_page(make_whole_content())


def test_report_writes_the_page_and_opens_it_when_asked(folder, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or len(opened) == 1)
    done = CliRunner().invoke(app, ["report", str(folder.path)])
    assert done.exit_code == 0
    assert folder.page.is_file()
    assert not opened
    assert CliRunner().invoke(app, ["report", str(folder.path), "--open"]).exit_code == 0
    assert opened == [folder.page.resolve().as_uri()]
    done = CliRunner().invoke(app, ["report", str(folder.path), "--open"])
    assert (done.exit_code, done.output.splitlines()[-1]) == (
        0,
        "no browser could be opened here; open the file yourself",
    )


def test_plot_writes_every_figure(folder, tmp_path):
    done = CliRunner().invoke(app, ["plot", str(folder.path), "--out", str(tmp_path / "plots"), "--format", "svg"])
    assert done.exit_code == 0
    names = {path.name for path in (tmp_path / "plots").iterdir()}
    assert {"fpr.svg", "roc.svg", "swaps.svg"} <= names
    assert len(done.output.split()) == len(names)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="no such folder; name a run folder"):
        read_content(RunFolder(tmp_path / "nowhere"))


def test_a_run_without_a_verdict(folder):
    folder.verdict.unlink()
    with pytest.raises(StageError, match="no verdict there yet; `probatum status"):
        read_content(folder)


@pytest.mark.parametrize("name", ["context", "decision"])
def test_a_run_of_an_earlier_version(folder, name):
    (folder.context if name == "context" else folder.decision("tuned")).unlink()
    with pytest.raises((StageError, DataError), match="`probatum run` makes it again and keeps what is done"):
        read_content(folder)


@pytest.mark.parametrize("text", ["{", "[]", '{"study_yaml": 1}', "null"])
def test_a_spoiled_file(folder, text):
    folder.context.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"context\.json"):
        read_content(folder)


def test_a_verdict_of_another_version(folder):
    folder.verdict.write_text(json.dumps({"schema": -1}), encoding="utf-8")
    with pytest.raises(DataError, match="not a verdict of this version"):
        read_content(folder)


def test_a_context_of_an_earlier_version_makes_a_page_without_what_it_lacks(folder):
    context = json.loads(folder.context.read_text(encoding="utf-8"))
    for name in ("began", "energy_j", "posts", "digests"):
        del context[name]
    folder.context.write_text(json.dumps(context), encoding="utf-8")
    page = render_page(read_content(folder))
    assert "Hardware and versions" in page
    assert "SHA-256 of the run" not in page


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(InputError, match=r"no run there \(no study.yaml\)"):
        read_content(RunFolder(tmp_path))


@pytest.mark.parametrize("text", ["[]", "null", "3", "{}"])
def test_a_verdict_that_is_none(folder, text):
    folder.verdict.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"verdict\.json: not a verdict of this version"):
        read_content(folder)


@pytest.mark.parametrize("damage", ["missing", "cut", "short"])
def test_predictions_that_are_damaged(folder, damage):
    path = folder.predictions("tuned")
    text = path.read_text(encoding="utf-8")
    left = {"missing": None, "cut": text[:1000], "short": text.split("\n", 1)[1]}[damage]
    path.unlink() if left is None else path.write_text(left, encoding="utf-8")
    with pytest.raises(DataError, match=r"tuned.*`probatum run` makes it again and keeps what is done"):
        read_content(folder)
