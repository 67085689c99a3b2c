"""Recalibration against the naive definition, and that it keeps what it must."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import roc_auc_score

from probatum.metrics.recalibration import METHODS, Recalibration, choose, fit, log_loss


def sharpened(n=4000, temperature=2.5, seed=0):
    """Scores that are too sure by a known temperature."""
    random = np.random.default_rng(seed)
    z = random.normal(0, 1.5, n)
    return random.random(n) < expit(z), expit(z * temperature)


def test_temperature_finds_what_was_done_to_the_scores():
    truth, score = sharpened(n=20_000)
    assert fit("temperature", truth, score).temperature == pytest.approx(2.5, rel=0.05)


def test_temperature_has_the_lowest_log_loss_of_a_grid():
    truth, score = sharpened(n=300)
    best = fit("temperature", truth, score)
    for temperature in np.geomspace(0.1, 20, 400):
        other = Recalibration("temperature", temperature=float(temperature))
        assert log_loss(truth, best.apply(score)) <= log_loss(truth, other.apply(score)) + 1e-9


def test_log_loss_is_scikit_learns():
    truth, score = sharpened(n=200)
    assert log_loss(truth, score) == pytest.approx(sklearn_log_loss(truth, score))
    assert math.isnan(log_loss(truth, np.full(200, np.nan)))


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2, max_size=60), st.sampled_from(METHODS))
@settings(max_examples=200, deadline=None)
def test_no_order_is_turned_round_and_scores_stay_probabilities(posts, method):
    truth, score = (np.array(column) for column in zip(*posts, strict=True))
    after = fit(method, truth, score).apply(score)
    assert ((after >= 0) & (after <= 1)).all()
    order = np.argsort(score, kind="stable")
    assert (np.diff(after[order]) >= 0).all()


def test_temperature_keeps_auroc_and_calls_at_a_half():
    truth, score = sharpened(n=500)
    after = fit("temperature", truth, score).apply(score)
    assert roc_auc_score(truth, after) == pytest.approx(roc_auc_score(truth, score), abs=1e-12)
    assert ((after >= 0.5) == (score >= 0.5)).all()


def test_isotonic_never_says_certain_and_ties_only_move_auroc_a_little():
    truth, score = sharpened(n=500)
    after = fit("isotonic", truth, score).apply(score)
    assert after.min() == pytest.approx(1 / 502)
    assert after.max() == pytest.approx(1 - 1 / 502)
    assert abs(roc_auc_score(truth, after) - roc_auc_score(truth, score)) < 0.02


def test_cross_validation_chooses_what_the_scores_need():
    truth, score = sharpened()
    assert choose(truth, score).fitted.method == "temperature"
    bent = expit(logit(score) / 2.5) ** 4  # no temperature mends a bend
    assert choose(truth, bent).fitted.method == "isotonic"
    honest = expit(logit(score) / 2.5)
    chosen = choose(truth, honest)
    assert chosen.losses["none"] - min(chosen.losses.values()) < 0.001


def test_held_out_scores_never_saw_their_own_label():
    """Labels drawn by lot: in-sample isotonic looks better than no change, held out it must not."""
    random = np.random.default_rng(1)
    truth, score = random.random(200) < 0.5, np.full(200, 0.5) + random.normal(0, 1e-3, 200)
    chosen = choose(truth, score)
    assert log_loss(truth, fit("isotonic", truth, score).apply(score)) < chosen.losses["none"]
    assert chosen.losses["isotonic"] > chosen.losses["none"]
    assert chosen.fitted.method != "isotonic"


def test_too_few_posts_change_nothing_and_say_why():
    chosen = choose(np.array([True] * 4 + [False] * 50), np.full(54, 0.3))
    assert chosen.fitted == Recalibration()
    assert chosen.reason == "only 4 positive posts have a score"


def test_posts_without_a_score_take_no_part():
    truth, score = sharpened(n=300)
    with_gaps, more = np.append(score, [np.nan] * 20), np.append(truth, [True] * 20)
    for method in METHODS:
        after = fit(method, more, with_gaps).apply(with_gaps)
        assert np.isnan(after[-20:]).all()
        np.testing.assert_allclose(after[:300], fit(method, truth, score).apply(score))


def test_the_choice_has_a_seed():
    truth, score = sharpened(n=100)
    assert choose(truth, score, seed=3).losses == choose(truth, score, seed=3).losses
    assert choose(truth, score, seed=3).losses != choose(truth, score, seed=4).losses


def test_separable_scores_end_at_the_lowest_temperature():
    truth, score = np.array([True] * 10 + [False] * 10), np.array([0.6] * 10 + [0.4] * 10)
    found = fit("temperature", truth, score)
    assert 0.02 <= found.temperature < 0.05
    assert found.apply(np.array([0.0, 0.5, 1.0])).tolist() == [0.0, 0.5, 1.0]
