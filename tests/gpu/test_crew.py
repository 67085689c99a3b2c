"""A study shared by two GPUs: the same as by one, and no hang when the process of one is killed."""

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
from tests.commands import ENVIRONMENT
from tests.flow.test_study import small_study

from probatum.data.records import read_predictions

VERDICTS = (0, 1, 3)


@pytest.fixture(autouse=True)
def needs_two_gpus():
    if torch.cuda.device_count() < 2:
        pytest.skip(f"needs two CUDA GPUs; PyTorch sees {torch.cuda.device_count()}")


@pytest.fixture
def study(tmp_path):
    """A small study in float32, so that rounding is small beside what could be wrong."""
    path = small_study(tmp_path / "study", dropout=0.0, max_steps=8)
    settings = yaml.safe_load(path.read_text())
    settings |= {"systems": ["baseline", "tuned"], "verdict": {"criteria": []}}
    settings |= {"model": {"name": "builtin", "device": "cuda", "dtype": "float32"}}
    path.write_text(yaml.safe_dump(settings))
    return path


def probatum(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "probatum", *map(str, arguments)],
        env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def check_same(one, other):
    adapters = [load_file(run / "training" / "adapter" / "adapter_model.safetensors") for run in (one, other)]
    for name, value in adapters[0].items():
        torch.testing.assert_close(adapters[1][name], value, rtol=0, atol=2e-3)  # entries are up to 0.1
    for system in ("baseline", "tuned"):
        ours, theirs = (read_predictions(run / system / "predictions.jsonl") for run in (one, other))
        assert [row.id for row in ours] == [row.id for row in theirs]
        assert [row.score for row in ours] == pytest.approx([row.score for row in theirs], abs=2e-3)


def test_two_gpus_end_as_one_does_also_when_one_was_killed(study, tmp_path):
    alone = probatum("run", study, "--out", tmp_path / "one")
    assert alone.returncode in VERDICTS, alone.stderr
    arguments = [sys.executable, "-m", "probatum", "run", str(study), "--out", str(tmp_path / "two"), "--gpus", "2"]
    process = subprocess.Popen(arguments, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 200
    while not (tmp_path / "two/training/checkpoints/checkpoint-4/trainer_state.json").is_file():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    follower = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[1])
    killed_s = time.monotonic()
    os.kill(follower, signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 4, said
    assert time.monotonic() - killed_s < 20
    assert f"error: rank 1 (GPU 1, process {follower}) of 2 failed" in said

    again = probatum("run", study, "--out", tmp_path / "two", "--gpus", "2")
    assert again.returncode == alone.returncode, again.stderr
    check_same(tmp_path / "one", tmp_path / "two")


def test_more_gpus_than_there_are_is_the_users_error(study, tmp_path):
    count = torch.cuda.device_count()
    done = probatum("run", study, "--out", tmp_path / "run", "--gpus", count + 1)
    assert done.returncode == 2
    assert f"--gpus {count + 1}, but PyTorch sees {count} GPUs here" in done.stderr
