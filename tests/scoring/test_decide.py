"""One rule from probabilities to a prediction."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.data.records import Post, Status
from probatum.scoring.decide import decide, predict

POST = Post("p1", "text", "hate", "lgbtq", "toxigen")


@pytest.mark.parametrize(
    ("hate", "threshold", "label"),
    [(0.5, 0.5, "hate"), (0.499, 0.5, "not_hate"), (0.0, 0.0, "hate"), (1.0, 1.0, "hate"), (0.2, 0.1, "hate")],
)
def test_two_labels_at_and_below_the_threshold(hate, threshold, label):
    assert decide({"hate": hate, "not_hate": 1 - hate}, "hate", threshold) == label


@pytest.mark.parametrize(
    ("probabilities", "threshold", "label"),
    [
        ({"hate": 0.4, "offensive": 0.35, "normal": 0.25}, 0.5, "offensive"),
        ({"hate": 0.4, "offensive": 0.35, "normal": 0.25}, 0.4, "hate"),
        ({"hate": 0.2, "offensive": 0.4, "normal": 0.4}, 0.5, "offensive"),
    ],
)
def test_three_labels_below_the_threshold_give_the_best_other(probabilities, threshold, label):
    assert decide(probabilities, "hate", threshold) == label


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_raising_the_threshold_never_adds_a_positive(score, one, two):
    low, high = sorted((one, two))
    probabilities = {"hate": score, "not_hate": 1 - score}
    if decide(probabilities, "hate", high) == "hate":
        assert decide(probabilities, "hate", low) == "hate"


def test_predict_keeps_the_post_and_its_score():
    prediction = predict(POST, {"hate": 0.7, "not_hate": 0.3}, "hate", answer="hate", truncated=True)
    assert (prediction.id, prediction.label, prediction.group, prediction.source) == ("p1", "hate", "lgbtq", "toxigen")
    assert (prediction.score, prediction.prediction, prediction.status) == (0.7, "hate", Status.OK)
    assert prediction.answer == "hate" and prediction.truncated


def test_a_probability_that_is_nan_is_an_error_and_not_a_label():
    prediction = predict(POST, {"hate": math.nan, "not_hate": math.nan}, "hate")
    assert (prediction.prediction, prediction.status) == (None, Status.ERROR)
    assert math.isnan(prediction.score)
