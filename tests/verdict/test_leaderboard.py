"""Systems of many runs in one order."""

import math
import random
from dataclasses import replace

import pytest

from probatum.data.records import Post, Prediction
from probatum.errors import DataError, InputError
from probatum.metrics.multiple import holm
from probatum.study import VerdictSettings
from probatum.verdict.leaderboard import Entry, rank, to_order_by

SETTINGS = VerdictSettings(bootstrap_draws=200)


def posts_of(count, name="post"):
    return [Post(f"{name}-{at}", f"{name} text {at}", "hate" if at % 2 else "not_hate") for at in range(count)]


def entry(run, right, posts, system="tuned", **settings):
    """An entry that is right about the first `right` posts."""
    rows = [
        Prediction(post.id, post.label, None, None, 0.5, post.label if at < right else other(post.label))
        for at, post in enumerate(posts)
    ]
    return Entry(run, system, posts, rows, "hate", {key: str(value) for key, value in settings.items()})


def other(label):
    return "hate" if label == "not_hate" else "not_hate"


POSTS = posts_of(200)


def test_the_best_is_first_and_the_others_are_tested_against_it():
    entries = [entry("a", 120, POSTS), entry("b", 190, POSTS), entry("c", 188, POSTS)]
    (board,) = rank(entries, "f1", SETTINGS).boards
    assert [row.runs for row in board.rows] == [["b"], ["c"], ["a"]]
    assert [row.place for row in board.rows] == [1, 2, 3]
    assert [row.standing for row in board.rows] == ["best", "not shown to be behind", "behind"]
    assert not board.rows[0].behind.defined
    assert board.rows[2].behind.value == pytest.approx(board.rows[2].figure.value - board.rows[0].figure.value)
    tests = [row.p_value for row in board.rows]
    assert math.isnan(tests[0])
    assert [row.p_holm for row in board.rows[1:]] == holm(tests)[1:]
    assert board.apart == ""


def test_the_order_of_runs_does_not_matter():
    entries = [entry(str(right), right, POSTS) for right in (150, 110, 180, 170)]
    wanted = rank(entries, "accuracy", SETTINGS).to_json()
    random.Random(0).shuffle(entries)
    assert rank(entries, "accuracy", SETTINGS).to_json() == wanted


def test_the_same_answers_under_the_same_settings_are_one_row():
    entries = [entry("a", 150, POSTS, "linear"), entry("b", 150, POSTS, "linear"), entry("b", 190, POSTS)]
    (board,) = rank(entries, "f1", SETTINGS).boards
    assert [(row.system, row.runs) for row in board.rows] == [("tuned", ["b"]), ("linear", ["a", "b"])]


def test_other_settings_keep_their_rows_and_share_a_place_when_equal():
    entries = [entry("a", 150, POSTS, seed=0, rank=4), entry("b", 150, POSTS, seed=1, rank=4)]
    (board,) = rank(entries, "f1", SETTINGS).boards
    assert [row.place for row in board.rows] == [1, 1]
    assert [row.settings for row in board.rows] == [{"seed": "0"}, {"seed": "1"}]
    assert board.rows[1].p_value == 1.0


def test_runs_on_other_posts_stand_apart_and_say_why():
    mixed = [*POSTS[:50], *posts_of(70, "other")]
    entries = [entry("a", 150, POSTS), entry("b", 160, POSTS), entry("c", 119, mixed)]
    first, second = rank(entries, "f1", SETTINGS).boards
    assert (first.n, second.n) == (200, 120)
    assert second.apart.startswith("other test posts: 50 of its 120 texts stand with the same label among the 200")
    assert second.rows[0].standing == "best"


def test_another_positive_label_or_other_ids_stand_apart():
    renamed = [replace(post, id=f"x{post.id}") for post in POSTS]
    turned = replace(entry("c", 150, POSTS), positive="not_hate")
    boards = rank([entry("a", 150, POSTS), entry("b", 150, renamed), turned], "f1", SETTINGS).boards
    assert [board.apart for board in boards] == [
        "",
        "the same posts under other ids",
        "the positive label is not_hate, on the first board it is hate",
    ]


def test_a_changed_text_or_label_is_another_test_set():
    changed = [replace(POSTS[0], text="changed"), *POSTS[1:]]
    assert len(rank([entry("a", 9, POSTS), entry("b", 9, changed)], "f1", SETTINGS).boards) == 2


def test_an_undefined_figure_is_last():
    never = entry("never", 0, POSTS)
    never = replace(never, predictions=[replace(row, prediction="not_hate") for row in never.predictions])
    (board,) = rank([never, entry("a", 10, POSTS)], "precision", SETTINGS).boards
    assert [row.runs for row in board.rows] == [["a"], ["never"]]
    assert board.rows[1].figure.reason == "no post was called positive"


def test_no_entries_give_no_boards():
    assert rank([], "f1", SETTINGS, {"x": "not scored yet: tuned"}).to_json()["unread"] == {
        "x": "not scored yet: tuned"
    }


def test_predictions_of_other_posts_are_refused():
    with pytest.raises(DataError, match="did not answer exactly the posts"):
        rank([replace(entry("a", 5, POSTS), posts=POSTS[:9])], "f1", SETTINGS)


def test_only_figures_of_which_more_is_better_order():
    assert to_order_by("mcc") == "mcc"
    with pytest.raises(InputError, match="fpr: not a figure to order systems by; allowed: accuracy, f1"):
        to_order_by("fpr")


def test_posts_of_one_template_count_as_one_on_a_board():
    alone = posts_of(40)
    many = [replace(post, id=f"{post.id}-{at}", text=f"{post.text} {at}", extra={"template": post.id})
            for post in alone for at in range(6)]  # fmt: skip
    (board,) = rank([entry("a", 30, alone), entry("b", 36, alone)], "f1", SETTINGS).boards
    (clustered,) = rank([entry("a", 180, many), entry("b", 216, many)], "f1", SETTINGS).boards
    assert board.clusters == ""
    assert "240 posts are 40 clusters" in clustered.clusters
    assert clustered.rows[1].p_value == pytest.approx(board.rows[1].p_value, abs=0.02)
    assert clustered.rows[1].behind.high == pytest.approx(board.rows[1].behind.high, abs=0.03)
    (torn,) = rank([replace(entry("a", 180, many), cluster="none"), entry("b", 216, many)], "f1", SETTINGS).boards
    assert torn.rows[1].p_value < 1e-6
