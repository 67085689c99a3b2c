"""How fast a stage goes."""

import pytest

from probatum.model.load import LoadingProgress
from probatum.training.callbacks import TrainingProgress
from probatum.watch.pace import WINDOW_S, Pace


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pace(clock):
    return Pace(list, clock)


def test_posts_a_second_and_time_left(pace, clock):
    assert pace.facts("baseline", 10, 100) == {"posts": 10, "num_posts": 100, "left_s": None}
    clock.now += 2
    told = pace.facts("baseline", 30, 100)
    assert told["posts_per_s"] == pytest.approx(10)
    assert told["left_s"] == pytest.approx(7)


def test_a_total_that_is_not_known_leaves_the_time_out(pace, clock):
    pace.facts("baseline", 1, None)
    clock.now += 1
    assert pace.facts("baseline", 3, None)["left_s"] is None


def test_only_the_last_half_minute_counts(pace, clock):
    posts = 0
    for _ in range(60):  # slow for a minute
        clock.now += 1
        posts += 1
        pace.facts("tuned", posts, 9999)
    for _ in range(int(WINDOW_S) + 1):  # then fast
        clock.now += 1
        posts += 100
        told = pace.facts("tuned", posts, 9999)
    assert told["posts_per_s"] == pytest.approx(100)


def test_another_stage_begins_anew(pace, clock):
    pace.facts("baseline", 500, 1000)
    clock.now += 1
    assert "posts_per_s" not in pace.facts("tuned", 600, 1000)


def test_loading_weights_is_no_work_of_a_stage(pace, clock):
    assert pace.facts("baseline", LoadingProgress(3, 10), 100) == {"tensors": 3, "num_tensors": 10}


def test_training_tells_posts_and_tokens_a_second(pace, clock):
    pace.facts("training", TrainingProgress(1, 10, None, None, None, 8, 300), None)
    clock.now += 4
    told = pace.facts("training", TrainingProgress(3, 10, 0.5, 0.4, 14.0, 24, 900), None)
    assert (told["posts_per_s"], told["tokens_per_s"]) == (pytest.approx(4), pytest.approx(150))
    assert (told["step"], told["left_s"]) == (3, 14.0)
