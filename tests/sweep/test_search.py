"""What is tried next, whenever the search was killed."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from probatum.study import Sweep
from probatum.sweep.search import Search

FIRST = {"rank": 12, "learning_rate": 3e-4, "epochs": 1.0, "reweighting": "none"}
SETTINGS = {"rank": [4, 8], "learning_rate": [1e-4, 1e-3], "epochs": [1.0], "seed": 3}


def value_of(settings):
    """Higher ranks and rates do better."""
    return settings["rank"] / 10 + settings["learning_rate"] * 100 + (settings["reweighting"] == "none") / 100


def work(search, times):
    for _ in range(times):
        number, settings = search.next()
        search.tell(number, value_of(settings), {"name": str(number)})
    return [one.settings for one in search.tried()]


@pytest.mark.parametrize("sampler", ["tpe", "grid"])
def test_the_study_itself_is_first_and_nothing_is_tried_twice(tmp_path, sampler):
    search = Search(tmp_path / "sweep.db", "one", Sweep(**SETTINGS, sampler=sampler), FIRST)
    tried = work(search, 18)  # (2 + 1) · (2 + 1) · 1 · 2
    assert tried[0] == FIRST
    assert len({tuple(sorted(settings.items())) for settings in tried}) == 18
    assert search.next() is None


@pytest.mark.parametrize("sampler", ["tpe", "grid"])
def test_a_search_that_was_interrupted_tries_the_same(tmp_path, sampler):
    settings = Sweep(**SETTINGS, sampler=sampler)
    whole = work(Search(tmp_path / "whole.db", "one", settings, FIRST), 12)
    for _ in range(6):
        search = Search(tmp_path / "parts.db", "one", settings, FIRST)
        work(search, 2)
        left = search.next()  # begun, and never told of
        assert Search(tmp_path / "parts.db", "one", settings, FIRST).next() == left
    assert [one.settings for one in search.tried()] == whole


def test_another_seed_tries_in_another_order(tmp_path):
    tried = [
        work(Search(tmp_path / f"{seed}.db", "one", Sweep(**SETTINGS | {"seed": seed}), FIRST), 8) for seed in (1, 2)
    ]
    assert tried[0] != tried[1]


def test_a_failed_training_is_tried_and_not_again(tmp_path):
    search = Search(tmp_path / "sweep.db", "one", Sweep(**SETTINGS), FIRST)
    number, settings = search.next()
    search.tell(number, None, {"name": "one", "failed": "the loss is nan"})
    assert [(one.settings, one.value, one.facts["failed"]) for one in search.tried()] == [
        (settings, None, "the loss is nan")
    ]
    assert search.next()[1] != settings


def test_another_question_is_another_search_in_the_same_file(tmp_path):
    work(Search(tmp_path / "sweep.db", "one", Sweep(**SETTINGS), FIRST), 3)
    assert Search(tmp_path / "sweep.db", "two", Sweep(**SETTINGS), FIRST).tried() == []
    assert len(Search(tmp_path / "sweep.db", "one", Sweep(**SETTINGS), FIRST).tried()) == 3


KILLED = textwrap.dedent("""
    import os, signal, sys
    from pathlib import Path
    from optuna.study import Study
    from probatum.study import Sweep
    from probatum.sweep.search import Search
    original = getattr(Study, sys.argv[2])
    def kill(*arguments, **named):
        if sys.argv[2] == "ask":
            os.kill(os.getpid(), signal.SIGKILL)  # enqueued and not asked for
        original(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(Study, sys.argv[2], kill)
    first = {"rank": 12, "learning_rate": 3e-4, "epochs": 1.0, "reweighting": "none"}
    settings = Sweep(rank=[4, 8], learning_rate=[1e-4, 1e-3], epochs=[1.0], seed=3)
    search = Search(Path(sys.argv[1]), "one", settings, first)
    number, settings = search.next()
    search.tell(number, 0.5, {"name": "x"})
""")


@pytest.mark.parametrize("where", ["ask", "tell", "enqueue_trial"])
def test_a_kill_inside_optuna_loses_no_trial_and_adds_none(tmp_path, where):
    storage = tmp_path / "sweep.db"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(storage), where],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    search = Search(storage, "one", Sweep(**SETTINGS), FIRST)
    if where == "tell":
        assert [one.settings for one in search.tried()] == [FIRST]
    else:
        assert search.next()[1] == FIRST
        assert search.next()[1] == FIRST  # until it is told of
