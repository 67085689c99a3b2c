"""A run that outlives its terminal: a real process in a session of its own."""

import os
import signal
import subprocess
import sys
import time

import pytest
from tests.flow.quick import quick_study
from tests.flow.test_study import ENVIRONMENT, probatum

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
    study, run = quick_study(tmp_path / "study", epochs=500), tmp_path / "run"
    study.write_text(study.read_text().replace("max_steps: 4", "max_steps: 5000"))
    said = probatum("run", study, "--out", run, "--detach", cwd=tmp_path)
    status = read_status(run)
    pid = status.process["pid"]
    assert status.alive is True
    assert f"started as process {pid}; it prints to run/run.log" in said
    assert f"kill -INT {pid}" in said
    assert "next: probatum status run" in said
    assert os.getsid(pid) == pid != os.getsid(0)
    with pytest.raises(StageError, match="another process works in this run folder"):
        detach(["run", str(study), "--out", str(run)], RunFolder(run))
    os.kill(pid, signal.SIGHUP)
    wait_for(lambda: read_status(run).progress.get("stage") == "training")  # it went on
    assert read_status(run).alive is True
    os.kill(pid, signal.SIGINT)
    wait_for(lambda: read_status(run).alive is False)
    assert "stopped; the same command goes on from here" in (run / "run.log").read_text()


def test_a_detached_run_that_cannot_begin_says_why_at_once(tmp_path):
    study = quick_study(tmp_path / "study")
    (tmp_path / "study" / "data" / "train.jsonl").unlink()
    command = [sys.executable, "-m", "probatum", "run", str(study), "--out", str(tmp_path / "run"), "--detach"]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert "train.jsonl" in done.stderr + (tmp_path / "run" / "run.log").read_text()
