"""A run that outlives its terminal: a real process in a session of its own."""

import os
import signal
import time

import pytest
from tests.commands import run_apart
from tests.flow.quick import quick_study

from probatum.errors import StageError
from probatum.manifest import RunFolder
from probatum.watch.detach import detach
from probatum.watch.status import read_status

pytestmark = pytest.mark.flow


def wait_for(condition):
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_detached_run_survives_its_terminal_and_stops_when_told(tmp_path):
    study, place = quick_study(tmp_path / "study", epochs=500), tmp_path / "run"
    study.write_text(study.read_text().replace("max_steps: 4", "max_steps: 5000"))
    said = run_apart("run", study, "--out", place, "--detach", cwd=tmp_path).out
    status = read_status(place)
    pid = status.process["pid"]
    assert status.alive is True
    assert f"started as process {pid}; it prints to run/run.log" in said
    assert f"kill -INT {pid}" in said
    assert "next: probatum status run" in said
    assert os.getsid(pid) == pid != os.getsid(0)
    with pytest.raises(StageError, match="another process works in this run folder"):
        detach(["run", str(study), "--out", str(place)], RunFolder(place))
    os.kill(pid, signal.SIGHUP)
    wait_for(lambda: read_status(place).progress.get("stage") == "training")  # it went on
    assert read_status(place).alive is True
    os.kill(pid, signal.SIGINT)
    wait_for(lambda: read_status(place).alive is False)
    assert "stopped; the same command goes on from here" in (place / "run.log").read_text()


def test_a_detached_run_that_cannot_begin_says_why_at_once(tmp_path):
    study = quick_study(tmp_path / "study")
    (tmp_path / "study" / "data" / "train.jsonl").unlink()
    done = run_apart("run", study, "--out", tmp_path / "run", "--detach", cwd=tmp_path)
    assert "train.jsonl" in done.err + (tmp_path / "run" / "run.log").read_text()
