"""A run that outlives its terminal: a real process in a session of its own."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from tests.flow.quick import quick_study
from tests.flow.test_study import ENVIRONMENT, probatum

pytestmark = pytest.mark.flow


def wait_for(condition, process_gone=None):
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def status(run, cwd):
    return json.loads(probatum("status", run, "--json", cwd=cwd))


def test_a_detached_run_survives_its_terminal_and_is_watched_to_its_end(tmp_path):
    study, run = quick_study(tmp_path / "study"), tmp_path / "run"
    said = probatum("run", study, "--out", run, "--detach", cwd=tmp_path)
    told = status(run, tmp_path)
    pid = told["process"]["pid"]
    assert told["alive"] is True
    assert f"started as process {pid}; it prints to run/run.log" in said
    assert f"kill -INT {pid}" in said
    assert "next: probatum status run" in said
    assert os.getsid(pid) == pid != os.getsid(0)
    refused = probatum("run", study, "--out", run, "--detach", cwd=tmp_path, code=4, stdin=subprocess.DEVNULL)
    assert refused == ""
    assert status(run, tmp_path)["process"]["pid"] == pid
    os.kill(pid, signal.SIGHUP)
    probatum("status", run, "--follow", "--every", "0.5", cwd=tmp_path)
    told = status(run, tmp_path)
    assert told["alive"] is False
    assert told["outcome"] in ("accepted", "rejected", "inconclusive")
    assert f"report: {run / 'report.md'}" in (run / "run.log").read_text()


def test_a_detached_run_is_stopped_as_it_says_and_goes_on(tmp_path):
    study, run = quick_study(tmp_path / "study"), tmp_path / "run"
    probatum("run", study, "--out", run, "--detach", cwd=tmp_path)
    pid = status(run, tmp_path)["process"]["pid"]
    wait_for(lambda: any(stage["name"] == "baseline" for stage in status(run, tmp_path)["stages"] if stage["seconds"]))
    os.kill(pid, signal.SIGINT)
    probatum("status", run, "--follow", "--every", "0.5", cwd=tmp_path)
    assert "stopped; the same command goes on from here" in (run / "run.log").read_text()
    assert (run / "data" / "test.jsonl").is_file()


def test_a_detached_run_that_cannot_begin_says_why_at_once(tmp_path):
    study = quick_study(tmp_path / "study")
    (tmp_path / "study" / "data" / "train.jsonl").unlink()
    command = [sys.executable, "-m", "probatum", "run", str(study), "--out", str(tmp_path / "run"), "--detach"]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert "train.jsonl" in done.stderr + (tmp_path / "run" / "run.log").read_text()
