"""A study shared by two CPU processes: the same as by one, and no hang when one of them is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file
from tests.commands import ENVIRONMENT, run_apart
from tests.flow.test_study import small_study

import probatum
from probatum.data.records import read_predictions
from probatum.study import Study

pytestmark = pytest.mark.flow
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
LAUNCH = "import sys; from probatum.crew.launch import launch; sys.exit(launch(sys.argv[1:], 2))"


def children(pid):
    """The processes that a process started, first started first."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for(path, process):
    deadline = time.monotonic() + 100
    while not path.is_file():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_two_processes_end_as_one_does_also_when_one_was_killed(tmp_path):
    study = small_study(tmp_path / "study", dropout=0.0, max_steps=6, eval_steps=2)
    settings = yaml.safe_load(study.read_text()) | {"systems": ["baseline", "tuned"], "verdict": {"criteria": []}}
    study.write_text(yaml.safe_dump(settings | {"model": {"name": "builtin", "device": "cpu"}}))
    whole, shared = tmp_path / "whole", tmp_path / "shared"
    verdict = probatum.run(Study.load(study), whole).verdict

    # a follower is killed while it trains
    arguments = ["run", str(study), "--out", str(shared)]
    process = subprocess.Popen(
        [sys.executable, *TORCHRUN, "-m", "probatum", *arguments],
        env=ENVIRONMENT | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(shared / "training" / "checkpoints" / "checkpoint-2" / "trainer_state.json", process)
    leader, follower = children(process.pid)
    killed_s = time.monotonic()
    os.kill(follower, signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - killed_s < 10
    assert process.returncode != 0
    assert f"error: rank 1 (on the CPU, process {follower}) of 2 failed: it was killed" in said
    assert said.count("to go on: ") == 1
    assert "what it finished is kept; to go on: torchrun --nproc-per-node 2 -m probatum run" in said
    record = json.loads((shared / "manifest.json").read_text())["stages"]["training"]
    assert record["state"] == "failed"
    assert "rank 1" in record["error"]
    assert not Path(f"/proc/{leader}").exists()

    # and the run goes on, by our own launcher, which keeps the verdict's exit code
    again = run_apart(*arguments, before=("-c", LAUNCH), OMP_NUM_THREADS="1")
    assert again.code == verdict.exit_code, again.err
    assert again.out.count("unchanged") == 3  # posts, cases and the baseline
    assert again.out.count("train the adapter") == 1
    rows = [json.loads(line) for line in (shared / "training" / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "eval_loss" in row] == [2, 4, 6]

    ours, theirs = (load_file(one / "training" / "adapter" / "adapter_model.safetensors") for one in (shared, whole))
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=0, atol=3e-4)  # entries are up to 0.1
    for system in ("baseline", "tuned"):
        one, other = (read_predictions(folder / system / "predictions.jsonl") for folder in (shared, whole))
        assert [row.id for row in one] == [row.id for row in other]
        assert [row.score for row in one] == pytest.approx([row.score for row in other], abs=1e-4)


def test_what_every_process_gets_wrong_is_told_once(tmp_path):
    study = small_study(tmp_path / "study")
    study.write_text(yaml.safe_dump(yaml.safe_load(study.read_text()) | {"model": {"device": "cpu"}}))
    done = run_apart("run", study, "--gpus", "2", "--out", tmp_path / "run", "--json")
    assert done.code == 2
    assert done.err == (
        "error: --gpus 2, but the study says model.device: cpu; leave --gpus out, or say device: auto\n"
    )
    assert json.loads(done.out)["exit_code"] == 2
    assert not (tmp_path / "run").exists()
