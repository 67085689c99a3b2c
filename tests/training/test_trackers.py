"""Trackers: refused where they are not installed, told where to write, and given the verdict's figures."""

import importlib.util
import json
import os

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from probatum.errors import StudyError
from probatum.training import trackers
from probatum.training.trackers import check_trackers, log_figures, tracked


def test_a_tracker_that_is_not_installed_is_refused(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(trackers, "find_spec", lambda name: None if name == "wandb" else found(name))
    check_trackers([])
    check_trackers(["mlflow"])
    with pytest.raises(
        StudyError, match=r"training\.report_to: wandb is not installed; pip install 'probatum\[wandb\]'"
    ):
        check_trackers(["mlflow", "wandb"])


def test_the_environment_is_told_and_left_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_RUN_ID", "mine")
    monkeypatch.delenv("TENSORBOARD_LOGGING_DIR", raising=False)
    (tmp_path / "trackers.json").write_text(json.dumps({"mlflow": "abc", "wandb": "def"}))
    with tracked(tmp_path):
        assert os.environ["TENSORBOARD_LOGGING_DIR"] == str(tmp_path / "tensorboard")
        assert (os.environ["MLFLOW_RUN_ID"], os.environ["WANDB_RUN_ID"]) == ("abc", "def")
        assert (os.environ["WANDB_RESUME"], os.environ["WANDB_CONSOLE"]) == ("allow", "off")
    assert os.environ["MLFLOW_RUN_ID"] == "mine"
    assert "TENSORBOARD_LOGGING_DIR" not in os.environ
    assert "WANDB_RUN_ID" not in os.environ


def test_figures_go_to_tensorboard_at_the_kept_step(tmp_path):
    log_figures(tmp_path, {"verdict/tuned/f1": 0.75}, 800)
    (event,) = EventAccumulator(str(tmp_path / "tensorboard")).Reload().Scalars("verdict/tuned/f1")
    assert (event.value, event.step) == (0.75, 800)
