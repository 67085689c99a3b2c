"""Stages: what is done again, what is not, and what a stage that was cut off is told."""

import json

import pytest

from probatum import __version__
from probatum.errors import StageError
from probatum.manifest import Manifest, RunFolder, hardware, versions


class Killed(BaseException):
    """Stands for Ctrl-C: no `except Exception` catches it."""


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path)


@pytest.fixture
def do(folder):
    """Do one stage with a manifest that is read afresh, as a new process would; tells what the work was told."""

    def do_stage(given=None, text="made", error=None):
        told = []
        path = folder.path / "stage" / "out.txt"

        def work(inputs):
            told.append(inputs == record(folder)["inputs"])
            if error is not None:
                raise error
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            return {"text": text}

        facts, reused = Manifest(folder).do("stage", given or {"x": 1}, [path], work)
        return facts, reused, told

    return do_stage


@pytest.fixture
def out(folder):
    return folder.path / "stage" / "out.txt"


def record(folder):
    return json.loads(folder.manifest.read_text())["stages"]["stage"]


def test_a_stage_is_done_once_for_its_inputs(do, folder):
    assert do() == ({"text": "made"}, False, [True])
    done = record(folder)
    assert do(text="never made") == ({"text": "made"}, True, [])
    assert record(folder) == done
    assert done["state"] == "done"
    assert done["seconds"] >= 0
    assert list(done["outputs"]) == ["stage/out.txt"]


def test_what_earlier_sittings_took_is_counted(folder):
    Manifest(folder).do("stage", {}, [], lambda _: {"earlier_s": 1000.0})
    assert record(folder)["seconds"] >= 1000


def test_the_order_of_the_inputs_is_no_change(do):
    do({"x": 1, "y": {"a": 1, "b": 2}})
    assert do({"y": {"b": 2, "a": 1}, "x": 1})[1]


@pytest.mark.parametrize("given", [{"x": 2}, {"y": 1}, {"x": "1"}, {"x": 1, "y": None}])
def test_a_changed_input_repeats_the_stage_from_its_start(do, given):
    do()
    assert do(given, "made anew") == ({"text": "made anew"}, False, [True])


def test_going_back_to_earlier_inputs_repeats_it_too(do):
    do({"x": 1})
    do({"x": 2})
    assert do({"x": 1})[1:] == (False, [True])


def test_a_deleted_output_is_made_again(do, out):
    do()
    out.unlink()
    assert do() == ({"text": "made"}, False, [True])
    assert out.read_text() == "made"


def test_a_changed_output_is_made_again(do, out):
    do()
    out.write_text("somebody else's")
    assert do()[1:] == (False, [True])
    assert out.read_text() == "made"


def test_an_output_that_is_touched_is_the_same_output(do, out):
    do()
    out.write_text("made")
    assert do()[1]


def test_another_output_is_another_stage(do, folder):
    do()
    assert not Manifest(folder).is_done("stage", record(folder)["inputs"], [folder.path / "other.txt"])


def test_an_output_that_never_came_is_not_there_later_either(folder):
    """A stage may leave a file out; when one turns up, the stage's outcome is no longer what it left."""
    path = folder.path / "sometimes.txt"
    for reused in (False, True):
        assert Manifest(folder).do("stage", {}, [path], lambda _: {})[1] is reused
    path.write_text("now")
    assert not Manifest(folder).do("stage", {}, [path], lambda _: {})[1]


@pytest.mark.parametrize("error", [ValueError("broke"), Killed("now"), KeyboardInterrupt()])
def test_a_stage_that_failed_may_go_on_for_the_same_inputs(do, folder, error):
    with pytest.raises(type(error)):
        do(error=error)
    assert record(folder)["state"] == ("stopped" if isinstance(error, KeyboardInterrupt) else "failed")
    assert record(folder)["error"].startswith(type(error).__name__)
    assert do()[1:] == (False, [True])
    assert "error" not in record(folder)


def test_a_stage_that_failed_may_not_go_on_for_other_inputs(do):
    with pytest.raises(ValueError, match="broke"):
        do(error=ValueError("broke"))
    assert do({"x": 2})[1:] == (False, [True])


def test_a_killed_process_leaves_a_running_stage_that_may_go_on(do, folder):
    do()
    content = json.loads(folder.manifest.read_text())
    content["stages"]["stage"]["state"] = "running"
    folder.manifest.write_text(json.dumps(content))
    assert do()[1:] == (False, [True])


def test_while_it_works_a_stage_is_recorded_as_running(folder):
    seen = []
    Manifest(folder).do("stage", {}, [], lambda _: seen.append(record(folder)) or {})
    assert seen[0]["state"] == "running"
    assert set(seen[0]) == {"state", "inputs", "started"}


def test_stages_do_not_touch_each_other(folder):
    manifest = Manifest(folder)
    manifest.do("one", {"x": 1}, [], lambda _: {"n": 1})
    manifest.do("two", {"x": 1}, [], lambda _: {"n": 2})
    manifest.do("two", {"x": 2}, [], lambda _: {"n": 3})
    again = Manifest(folder)
    assert [again.stage(name)["facts"]["n"] for name in ("one", "two")] == [1, 3]
    assert again.stage("three") == {}


@pytest.mark.parametrize("text", ['{"stages": {', "", "[1]", '"text"', "{}", '{"stages": []}'])
def test_a_damaged_manifest_is_told_with_what_to_do(folder, text):
    folder.manifest.write_text(text)
    with pytest.raises(StageError, match=r"manifest\.json: .*; move the run folder away to start afresh"):
        Manifest(folder)


def test_the_whole_run_is_described(folder):
    import os
    import socket

    Manifest(folder).describe(versions={"python": "3"}, study="small")
    content = json.loads(folder.manifest.read_text())
    assert content["probatum"] == __version__
    assert (content["process"]["pid"], content["process"]["host"]) == (os.getpid(), socket.gethostname())
    assert content["study"] == "small"
    assert content["stages"] == {}


def test_describing_a_run_again_keeps_its_stages(folder):
    manifest = Manifest(folder)
    manifest.do("stage", {}, [], lambda _: {})
    Manifest(folder).describe(study="small")
    assert Manifest(folder).stage("stage")["state"] == "done"


def test_versions_of_what_the_numbers_depend_on():
    import numpy
    import torch

    found = versions()
    assert found["probatum"] == __version__
    assert found["torch"] == torch.__version__
    assert found["numpy"] == numpy.__version__


def test_a_package_that_is_not_there_is_told(monkeypatch):
    from importlib import metadata

    real = metadata.version

    def absent(name):
        if name == "peft":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", absent)
    assert versions()["peft"] == "not installed"


def test_hardware_is_plain_json():
    facts = hardware()
    assert facts["cores"] >= 1
    assert facts["memory_gib"] > 0
    assert json.loads(json.dumps(facts)) == facts


def test_the_names_in_a_run_folder(folder):
    names = {
        folder.study: "study.yaml",
        folder.manifest: "manifest.json",
        folder.adapter: "training/adapter",
        folder.verdict: "verdict.json",
        folder.report: "report.md",
        folder.posts("test"): "data/test.jsonl",
        folder.audit: "data/audit.json",
        folder.predictions("tuned"): "tuned/predictions.jsonl",
        folder.metrics("tuned"): "tuned/metrics.json",
    }
    assert {path.relative_to(folder.path).as_posix() for path in names} == set(names.values())
