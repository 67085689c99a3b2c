"""How far a run is, read from another shell."""

import io
import json
import os
import socket
import subprocess
import sys
import time

import pytest
from rich.console import Console

from probatum.artifacts import write_json_atomic
from probatum.errors import InputError, StageError
from probatum.manifest import RunFolder
from probatum.watch.live import print_status
from probatum.watch.status import read_status


@pytest.fixture
def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def run(tmp_path):
    """Write a run folder as a run would have left it; returns its path."""

    def write(stages, pid=None, host=None, progress=None):
        folder = RunFolder(tmp_path)
        process = {"pid": os.getpid() if pid is None else pid, "host": host or socket.gethostname(), "started": 0}
        write_json_atomic(folder.manifest, {"process": process, "stages": stages})
        if progress is not None:
            write_json_atomic(folder.progress, progress)
        return tmp_path

    return write


def done(seconds=3.0, **facts):
    return {"state": "done", "inputs": "x", "started": 0, "seconds": seconds, "outputs": {}, "facts": facts}


def begun(ago=65.0):
    return {"state": "running", "inputs": "x", "started": time.time() - ago}


STEP = {"stage": "training", "time": 0, "step": 1250, "num_steps": 5000, "loss": 0.51234, "validation_loss": None}


def test_a_finished_run(run):
    status = read_status(run({"data": done(1.5), "linear": done(2.0), "compare": done(outcome="accepted")}))
    assert [(stage.name, stage.state, stage.seconds) for stage in status.stages] == [
        ("data", "done", 1.5), ("linear", "done", 2.0), ("compare", "done", 3.0),
    ]  # fmt: skip
    assert status.outcome == "accepted"
    assert status.alive is True


def test_a_run_at_work_says_where_it_stands(run):
    progress = STEP | {"validation_loss": 0.4, "left_s": 3725.2}
    status = read_status(run({"data": done(), "training": begun()}, progress=progress))
    stage = status.stages[1]
    assert stage.state == "running"
    assert stage.seconds == pytest.approx(65, abs=5)
    assert stage.note == "step 1,250 of 5,000, loss 0.512, validation loss 0.400, 1:02:05 left"
    assert status.outcome is None


def test_what_is_not_known_yet_is_left_out(run):
    status = read_status(run({"training": begun()}, progress=STEP | {"loss": None, "left_s": None}))
    assert status.stages[0].note == "step 1,250 of 5,000"


def test_scoring_counts_posts(run):
    progress = {"stage": "baseline", "time": 0, "posts": 1500}
    assert read_status(run({"baseline": begun()}, progress=progress)).stages[0].note == "1,500 posts"


def test_weights_that_load_are_counted(run):
    progress = {"stage": "baseline", "time": 0, "tensors": 12, "num_tensors": 1035}
    note = read_status(run({"baseline": begun()}, progress=progress)).stages[0].note
    assert note == "loading weights, 12 of 1,035 tensors"


def test_the_progress_of_an_earlier_stage_is_not_this_ones(run):
    assert read_status(run({"tuned": begun()}, progress=STEP)).stages[0].note == ""


@pytest.mark.parametrize("text", ["", '{"stage": "trai'])
def test_a_progress_that_cannot_be_read_is_no_progress(run, text):
    path = run({"training": begun()})
    RunFolder(path).progress.write_text(text)
    assert read_status(path).stages[0].note == ""


def test_a_run_whose_process_is_gone_has_stopped(run, dead_pid):
    status = read_status(run({"training": begun()}, pid=dead_pid, progress=STEP | {"left_s": 9}))
    assert status.alive is False
    assert (status.stages[0].state, status.stages[0].seconds) == ("stopped", None)
    assert status.stages[0].note.startswith("step 1,250 of 5,000")
    assert status.stages[0].note.endswith("; start the run again to go on")


def test_a_run_that_stopped_before_it_told_anything(run, dead_pid):
    (stage,) = read_status(run({"data": begun()}, pid=dead_pid)).stages
    assert stage.note == "start the run again to go on"


def test_stages_that_were_done_stay_done_when_the_process_is_gone(run, dead_pid):
    assert read_status(run({"data": done()}, pid=dead_pid)).stages[0].state == "done"


def test_a_process_of_somebody_else_is_alive(run, monkeypatch):
    def not_yours(pid, signal):
        raise PermissionError

    monkeypatch.setattr(os, "kill", not_yours)
    assert read_status(run({"data": begun()})).alive is True


def hold(path):
    """Start another process that holds a run folder, as a run does."""
    code = (
        "import fcntl, sys\n"
        "file = open(sys.argv[1], 'w')\n"
        "fcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    arguments = [sys.executable, "-c", code, str(path / ".lock")]
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    return process


def test_the_lock_tells_whether_a_run_is_at_work_whoever_has_its_number(run, dead_pid):
    path = run({"training": begun()}, pid=dead_pid)
    with hold(path):  # leaving waits for its end
        status = read_status(path)
        assert (status.alive, status.stages[0].state) == (True, "running")
    run({"training": begun()}, pid=os.getpid())  # a number that somebody else has by now
    status = read_status(path)
    assert (status.alive, status.stages[0].state) == (False, "stopped")


def test_who_asks_does_not_take_another_who_asks_for_a_run(run):
    import fcntl

    path = run({"training": begun()})
    (path / ".lock").touch()
    with (path / ".lock").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert read_status(path).alive is False


def test_a_system_without_locks_says_so(run, monkeypatch):
    path = run({"training": begun()})
    (path / ".lock").touch()
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(StageError, match=r"this system has no fcntl.*use Linux, macOS or WSL"):
        read_status(path)


def test_stages_that_have_not_begun_are_waiting(run):
    path = run({"data": done(), "majority": begun()})
    RunFolder(path).study.write_text("systems: [majority, baseline, tuned]\n")
    assert [(stage.name, stage.state) for stage in read_status(path).stages] == [
        ("data", "done"), ("majority", "running"), ("cases", "waiting"), ("baseline", "waiting"),
        ("training", "waiting"), ("tuned", "waiting"), ("compare", "waiting"),
    ]  # fmt: skip
    assert ["training", "waiting"] in [line.split() for line in shown(read_status(path)).splitlines()]


EVERYTHING = """
systems: [linear, baseline, tuned]
data: {behaviour: cases.csv}
swaps: {most: 100}
scoring: {noise_floor: true}
training: {seeds: [0, 7], learning_curve: true}
"""


def test_the_stages_beside_the_test_are_waited_for_too(run):
    path = run({"data": done()})
    RunFolder(path).study.write_text(EVERYTHING)
    waiting = [stage.name for stage in read_status(path).stages if stage.state == "waiting"]
    assert waiting == [
        "cases", "linear", "baseline", "training", "tuned", "noise floor", "train seed 7", "score seed 7",
        *(f"{side} of {system}" for side in ("behaviour", "swaps") for system in ("linear", "baseline", "tuned")),
        "learning curve", "train on 0.25", "validate on 0.25", "train on 0.5", "validate on 0.5", "validate on all",
        "compare",
    ]  # fmt: skip
    RunFolder(path).posts("swaps").parent.mkdir(exist_ok=True)
    RunFolder(path).posts("swaps").touch()  # no post of the test names a group
    assert not any(stage.name.startswith("swaps") for stage in read_status(path).stages)
    RunFolder(path).study.write_text(EVERYTHING.replace("noise_floor: true", "threshold: auto"))
    chosen = [stage.name for stage in read_status(path).stages]
    assert "score seed 7 on validation" in chosen
    assert not {"validate on all", "noise floor"} & set(chosen)


@pytest.mark.parametrize("text", ["", "systems: 3", "{", "systems: [a"])
def test_a_study_that_cannot_be_read_has_no_stages_waiting(run, text):
    path = run({"data": done()})
    RunFolder(path).study.write_text(text)
    assert [stage.name for stage in read_status(path).stages] == ["data"]


def test_a_failed_stage_tells_its_error(run):
    failed = {"state": "failed", "inputs": "x", "started": 0, "error": "TrainingError: the loss is NaN"}
    (stage,) = read_status(run({"training": failed})).stages
    assert (stage.state, stage.note) == ("failed", "TrainingError: the loss is NaN")


def test_another_hosts_process_is_not_looked_for(run, dead_pid):
    status = read_status(run({"training": begun()}, pid=dead_pid, host="elsewhere"))
    assert status.alive is None
    assert status.stages[0].state == "running"


def test_a_comparison_that_is_running_has_no_outcome(run):
    assert read_status(run({"compare": begun()})).outcome is None


def test_a_folder_without_a_run(tmp_path):
    with pytest.raises(InputError, match=r"no run there \(no manifest\.json\); runs are in runs/NAME"):
        read_status(tmp_path / "nothing")


def test_a_damaged_manifest(tmp_path):
    RunFolder(tmp_path).manifest.write_text("{")
    with pytest.raises(StageError, match="move the run folder away"):
        read_status(tmp_path)


def test_as_json(run):
    status = read_status(run({"data": done(), "training": begun()}, progress=STEP | {"left_s": 1}))
    told = json.loads(json.dumps(status.to_json()))
    assert [stage["state"] for stage in told["stages"]] == ["done", "running"]
    assert told["alive"] is True
    assert told["outcome"] is None


def shown(status, width=80):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    print_status(console, status)
    return console.file.getvalue()


def test_on_the_terminal(run):
    stages = {"data": done(59.6), "training": done(3700), "tuned": begun(65.2), "compare": done(outcome="rejected")}
    text = shown(read_status(run(stages, progress={"stage": "tuned", "posts": 12})), width=200)
    lines = [line.split() for line in text.splitlines()]
    assert ["data", "done", "1:00"] in lines
    assert ["training", "done", "1:01:40"] in lines
    assert ["tuned", "running", "1:05", "12", "posts"] in lines
    assert lines[-1] == ["verdict:", "rejected"]


def test_an_error_that_looks_like_markup_is_shown_as_it_is(run):
    failed = {"state": "failed", "inputs": "x", "started": 0, "error": "ValueError: [bold]not[/bold] [/x]"}
    text = shown(read_status(run({"training": failed})))
    assert "[bold]not[/bold] [/x]" in text
    assert max(map(len, text.splitlines())) <= 80
