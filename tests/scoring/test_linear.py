"""The cheap systems."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probatum.data.records import Post
from probatum.errors import DataError
from probatum.scoring.decide import decided
from probatum.scoring.linear import score_linear, score_majority


def posts(*pairs):
    return [Post(str(i), text, label) for i, (text, label) in enumerate(pairs)]


TRAIN = posts(
    ("all of them are vermin", "hate"),
    ("vermin, throw them out", "hate"),
    ("they are lovely neighbours", "not_hate"),
    ("lovely weather and neighbours", "not_hate"),
)
NEW = posts(("vermin!", "hate"), ("lovely", "not_hate"), ("", "not_hate"), ("日本 🙂", "hate"))


def test_linear_learns_and_repeats():
    predictions = score_linear(TRAIN, NEW, "hate")
    assert [p.prediction for p in predictions[:2]] == ["hate", "not_hate"]
    assert all(0 <= p.score <= 1 for p in predictions)
    assert predictions == score_linear(TRAIN, NEW, "hate")


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(len(NEW))))
def test_no_post_changes_another_posts_score(order):
    scores = [p.score for p in score_linear(TRAIN, NEW, "hate")]
    shuffled = score_linear(TRAIN, [NEW[i] for i in order], "hate")
    assert [p.score for p in shuffled] == pytest.approx([scores[i] for i in order], abs=1e-12)


def test_linear_with_three_labels_gives_the_best_other_below_the_threshold():
    train = [*TRAIN, *posts(("you utter fool", "offensive"), ("what a fool you are", "offensive"))]
    scored = score_linear(train, posts(("fool", "offensive"), ("vermin", "hate")), "hate")
    predictions = [decided(row, "hate", 0.9, row.score) for row in scored]
    assert predictions[0].prediction == "offensive"
    assert predictions[1].prediction != "hate"
    assert predictions[1].score > predictions[0].score


@pytest.mark.parametrize("train", [[], TRAIN[:2], TRAIN[2:]])
def test_linear_needs_the_positive_label_and_another(train):
    with pytest.raises(DataError, match="need 'hate' and at least one other label; found"):
        score_linear(train, NEW, "hate")


def test_linear_needs_text():
    with pytest.raises(DataError, match="none of the 2 training posts has any text"):
        score_linear(posts(("", "hate"), (" \n", "not_hate")), NEW, "hate")


def test_linear_takes_posts_of_signs_only_and_no_posts():
    assert score_linear(posts(("🙂", "hate"), ("!", "not_hate")), posts(("🙂", "hate")), "hate")[0].score > 0.5
    assert score_linear(TRAIN, [], "hate") == []


def test_majority_gives_everyone_the_share():
    predictions = score_majority(posts(("a", "hate"), ("b", "not_hate"), ("c", "not_hate")), NEW, "hate")
    assert {p.score for p in predictions} == {1 / 3}
    assert {p.prediction for p in predictions} == {"not_hate"}


@pytest.mark.parametrize(
    ("train", "share", "prediction"),
    [(TRAIN, 0.5, "hate"), (TRAIN[:2], 1.0, "hate"), (TRAIN[2:], 0.0, "not_hate")],
)
def test_majority_at_the_threshold_and_with_one_label(train, share, prediction):
    assert {(p.score, p.prediction) for p in score_majority(train, NEW, "hate")} == {(share, prediction)}


def test_majority_needs_posts():
    with pytest.raises(DataError, match="no training posts to count"):
        score_majority([], NEW, "hate")


def test_linear_on_the_real_posts(shared_data):
    def read(name):
        rows = json.loads((shared_data / "unified" / name).read_text(encoding="utf-8"))
        return [Post(str(i), row["text"], row["label_binary"], row["target_group_norm"]) for i, row in enumerate(rows)]

    predictions = score_linear(read("unified_train.json"), read("unified_val.json"), "hate")
    accuracy = sum(p.prediction == p.label for p in predictions) / len(predictions)
    assert accuracy == pytest.approx(0.741, abs=0.01)
