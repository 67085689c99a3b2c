"""Operating points against scikit-learn's curves and the naive count at each threshold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve, roc_curve

from probatum.metrics.curves import operating_points, thinned

POSTS = st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=2, max_size=60)


@given(POSTS)
def test_counts_are_those_of_each_threshold(posts):
    truth = np.array([label for label, _ in posts])
    score = np.array([value / 8 for _, value in posts])
    points = operating_points(truth, score)
    assert np.isinf(points.threshold[0])
    assert set(points.threshold[1:]) == set(score)
    for at, threshold in enumerate(points.threshold):
        called = score >= threshold
        assert (points.tp[at], points.fp[at]) == ((called & truth).sum(), (called & ~truth).sum())
        assert points.at(threshold) == at


def test_they_are_scikit_learns_curves():
    rng = np.random.default_rng(0)
    truth, score = rng.random(500) < 0.4, rng.random(500).round(2)
    points = operating_points(truth, score)
    fpr, recall, _ = roc_curve(truth, score, drop_intermediate=False)
    np.testing.assert_allclose(points.fpr, fpr)
    np.testing.assert_allclose(points.recall, recall)
    precision, _, _ = precision_recall_curve(truth, score)
    np.testing.assert_allclose(points.precision[1:], precision[:-1][::-1])
    hits = points.recall > 0  # where there are none, precision + recall is 0
    harmonic = 2 / (1 / points.precision[hits] + 1 / points.recall[hits])
    np.testing.assert_allclose(points.f1[hits], harmonic)


def test_a_post_without_a_score_is_wrong_at_every_threshold_that_calls_some():
    truth, score = np.array([True, True, False, False]), np.array([0.9, np.nan, 0.1, np.nan])
    points = operating_points(truth, score)
    at = points.at(0.5)
    assert (points.tp[at], points.fp[at]) == (1, 1)


def test_one_class_and_no_posts():
    points = operating_points(np.ones(3, dtype=bool), np.array([0.1, 0.2, 0.3]))
    assert np.isnan(points.fpr).all()
    assert points.recall[-1] == 1
    empty = operating_points(np.zeros(0, dtype=bool), np.zeros(0))
    assert (len(empty.threshold), empty.at(0.5)) == (1, 0)
    assert np.isnan(empty.f1).all()


@pytest.mark.parametrize("length", [1, 2, 10, 1000])
def test_thinned_keeps_both_ends(length):
    places = thinned(length, 100)
    assert places[0] == 0
    assert places[-1] == length - 1
    assert len(places) == min(length, 100)
