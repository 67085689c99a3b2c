"""Against the definitions, scikit-learn, and systems whose calibration is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from probatum.metrics.calibration import brier, calibration

rows = st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=60)


def columns(rows):
    return np.array([row[0] for row in rows]), np.array([row[1] for row in rows])


@given(rows)
def test_brier_equals_scikit_learn_and_lies_in_its_interval(rows):
    truth, score = columns(rows)
    found = brier(truth, score, 0.95)
    assert found.value == pytest.approx(brier_score_loss(truth, score, labels=[False, True]), abs=1e-12)
    assert 0 <= found.low <= found.value <= found.high <= 1


@given(rows)
def test_bins_equal_scikit_learn_and_ece_the_definition(rows):
    truth, score = columns(rows)
    score = (np.floor(score * 999) + 0.5) / 1000  # off the edges, which scikit-learn counts to the bin below
    found = calibration(truth, score, 0.95, bins=10)
    full = [one for one in found.bins if one.n]
    shares, means = calibration_curve(truth, score, n_bins=10)
    assert [one.positive.value for one in full] == pytest.approx(shares)
    assert [one.score for one in full] == pytest.approx(means)
    assert sum(one.n for one in found.bins) == len(truth)
    naive = sum(one.n / len(truth) * abs(one.positive.value - one.score) for one in full)
    assert found.ece.value == pytest.approx(naive, abs=1e-12)
    for one in found.bins:
        assert one.n or one.positive.reason == "there are no posts"


def test_a_calibrated_system_stays_below_chance_and_a_boastful_one_does_not():
    rng = np.random.default_rng(0)
    below = 0
    for seed in range(200):
        score = rng.random(400)
        found = calibration(rng.random(400) < score, score, 0.95, seed=seed)
        below += found.ece.value <= found.ece_by_chance.value
    assert 0.91 <= below / 200 <= 1
    boast = calibration(rng.random(400) < 0.6, np.full(400, 0.99), 0.95)
    assert boast.ece.value == pytest.approx(0.39, abs=0.06)
    assert boast.ece.value > 5 * boast.ece_by_chance.value


def test_a_missing_score_is_as_wrong_as_a_score_can_be():
    truth, score = np.array([True, False, True]), np.array([np.nan, np.nan, 1.0])
    assert brier(truth, score, 0.95).value == pytest.approx(2 / 3)
    assert calibration(truth, score, 0.95).ece.value == pytest.approx(1 / 3 + 1 / 3)


def test_undefined_says_why_and_one_post_is_no_certainty():
    nobody, silent = np.array([], dtype=bool), np.array([True, False])
    assert brier(nobody, np.array([]), 0.95).reason == "there are no posts"
    assert calibration(silent, np.full(2, np.nan), 0.95).ece.reason == "the system gave no scores"
    assert math.isnan(calibration(nobody, np.array([]), 0.95).ece_by_chance.value)
    one = brier(np.array([True]), np.array([0.9]), 0.95)
    assert (round(one.value, 6), one.low, one.high) == (0.01, 0.0, 1.0)


def test_a_score_that_is_no_probability_is_refused():
    with pytest.raises(ValueError, match="must be a probability"):
        brier(np.array([True, False]), np.array([3.0, 0.5]), 0.95)


def test_clustered_posts_tell_as_much_as_their_clusters():
    rng = np.random.default_rng(0)
    score = rng.random(300)
    truth = rng.random(300) < score
    posts, clusters = (np.repeat(truth, 6), np.repeat(score, 6)), np.repeat(np.arange(300), 6)
    alone, clustered = brier(truth, score, 0.95), brier(*posts, 0.95, clusters)
    assert (clustered.low, clustered.high) == pytest.approx((alone.low, alone.high))
    one, many, torn = (
        calibration(truth, score, 0.95),
        calibration(*posts, 0.95, clusters=clusters),
        calibration(*posts, 0.95),
    )
    assert many.ece.value == pytest.approx(one.ece.value)
    assert many.ece_by_chance.value == pytest.approx(one.ece_by_chance.value, rel=0.15)
    assert torn.ece_by_chance.value < 0.6 * many.ece_by_chance.value
    for mine, theirs in zip(many.bins, one.bins, strict=True):
        assert mine.positive.low == pytest.approx(theirs.positive.low, abs=0.03, nan_ok=True)
    assert brier(truth, score, 0.95, np.zeros(300, dtype=int)).high == 1.0
