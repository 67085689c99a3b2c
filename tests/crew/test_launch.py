"""Processes that are started together end together, also where one of them cannot be started."""

import sys

import pytest

from probatum.crew import launch
from probatum.errors import CrewError


def test_a_process_that_cannot_be_started_leaves_no_others(tmp_path, monkeypatch):
    sleeper = tmp_path / "python"
    sleeper.write_text("#!/bin/sh\nexec sleep 60\n")
    sleeper.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(sleeper))
    monkeypatch.setattr(launch, "END_S", 0.2)
    real, started = launch._start, []

    def start(command, environment):
        if len(started) == 2:
            sleeper.unlink()  # the third finds no Python
        started.append(real(command, environment))
        return started[-1]

    monkeypatch.setattr(launch, "_start", start)
    with pytest.raises(CrewError, match=r"^rank 2 of 3 could not be started \(No such file or directory\)") as error:
        launch.launch(["run", "study.yaml"], 3)
    assert "probatum run study.yaml" in str(error.value)
    assert len(started) == 2
    assert all(process.returncode in (-9, 2) for process in started)  # killed, or ended by itself before
