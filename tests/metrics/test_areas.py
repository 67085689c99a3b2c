"""Intervals of areas: at the ends, against drawn studies, in clusters, against weights moved by a little."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score

from probatum.metrics.areas import (
    _added_to_auprc,
    _added_to_auroc,
    auprc_ends,
    auprc_interval,
    auroc_ends,
    auroc_interval,
    bias_areas,
)
from probatum.metrics.intervals import critical_value

INTERVALS = (auroc_interval, auprc_interval)


def test_auroc_ends_are_far_from_areas_of_0_and_1():
    low, high = auroc_ends(1.0, 20, 20, 0.95)
    assert high == 1.0
    assert 0.8 < low < 1
    assert auroc_ends(0.0, 20, 20, 0.95) == (0.0, pytest.approx(1 - low, abs=1e-6))


def test_auroc_interval_covers_the_truth():
    rng = np.random.default_rng(3)
    truth = np.repeat([True, False], [40, 60])
    area, inside = norm.cdf(1 / math.sqrt(2)), 0
    for _ in range(500):
        found = auroc_interval(truth, rng.normal(truth.astype(float)), 0.95)
        inside += found.low <= area <= found.high
    assert inside / 500 >= 0.93


def test_auprc_ends_are_those_of_a_logit_interval_and_wide_at_1():
    half = critical_value(0.95) / math.sqrt(100 * 0.6 * 0.4)
    assert auprc_ends(0.6, 100, 200, 0.95)[0] == pytest.approx(0.6 / (0.6 + 0.4 * math.exp(half)))
    perfect = auprc_interval(np.repeat([True, False], 20), np.repeat([0.9, 0.1], 20), 0.95)
    assert 0.5 < perfect.low < 0.95
    assert perfect.high == 1.0


@pytest.mark.parametrize("interval", INTERVALS)
def test_undefined_areas_have_undefined_intervals(interval):
    one = np.array([0])
    assert interval(np.array([True]), np.array([0.3]), 0.95, one).reason == "there are no negative posts"
    assert interval(np.array([], dtype=bool), np.array([]), 0.95).reason == "there are no posts"


def test_a_tie_by_construction_has_no_interval():
    found = auroc_interval(np.array([True, False, False]), np.full(3, 0.4), 0.95)
    assert (found.value, found.reason) == (0.5, "every score is the same: a tie by construction")
    assert math.isnan(found.low) and math.isnan(found.high)
    assert auroc_interval(np.array([True, False, False]), np.array([0.4, 0.4, 0.3]), 0.95).bounded


rows = st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.3, 0.5, 0.9])), min_size=2, max_size=25)


@given(rows)
@settings(max_examples=30, deadline=None)
def test_what_a_post_adds_is_the_derivative_by_its_weight(rows):
    truth, score = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    if truth.all() or not truth.any():
        return
    for library, added in ((roc_auc_score, _added_to_auroc), (average_precision_score, _added_to_auprc)):
        found = added(truth, score)
        assert found.sum() == pytest.approx(0, abs=1e-9)
        for at in range(len(truth)):
            weights = [np.where(np.arange(len(truth)) == at, 1 + step, 1.0) for step in (1e-5, -1e-5)]
            up, down = (library(truth, score, sample_weight=weight) for weight in weights)
            assert found[at] == pytest.approx((up - down) / 2e-5, abs=1e-5)


@pytest.mark.parametrize("interval", INTERVALS)
def test_every_post_ten_times_in_a_cluster_tells_as_much_as_once(interval):
    rng = np.random.default_rng(0)
    truth = rng.random(300) < 0.4
    score = rng.normal(truth.astype(float))
    alone = interval(truth, score, 0.95)
    tenfold = interval(np.repeat(truth, 10), np.repeat(score, 10), 0.95, np.repeat(np.arange(300), 10))
    assert (tenfold.low, tenfold.high) == pytest.approx((alone.low, alone.high), abs=2e-3)
    naive = interval(np.repeat(truth, 10), np.repeat(score, 10), 0.95)
    assert naive.high - naive.low < 0.4 * (tenfold.high - tenfold.low)


@pytest.mark.parametrize("interval", INTERVALS)
def test_clusters_of_one_change_nothing_and_a_single_one_says_nothing(interval):
    truth, score = np.array([True, False, True, False, True]), np.array([0.9, 0.4, 0.3, 0.2, 0.8])
    assert interval(truth, score, 0.95, np.array([3, 1, 4, 0, 5])) == interval(truth, score, 0.95)
    found = interval(truth, score, 0.95, np.zeros(5, dtype=int))
    assert (found.low, found.high) == (0.0, 1.0)
    assert found.value == interval(truth, score, 0.95).value


def test_bias_areas_are_clustered_too():
    rng = np.random.default_rng(1)
    truth, values = rng.random(60) < 0.5, rng.choice(["a", "b"], 60)
    score = rng.normal(truth.astype(float))
    posts = [np.repeat(column, 5) for column in (values, truth, score)]
    clusters = np.repeat(np.arange(60), 5)
    (alone,), (clustered,) = (
        bias_areas(values, truth, score, 0.95, ["a"]),
        bias_areas(*posts, 0.95, ["a"], clusters=clusters),
    )
    for kind in ("subgroup", "bpsn", "bnsp"):
        one, other = getattr(alone, kind), getattr(clustered, kind)
        assert other.value == pytest.approx(one.value)
        assert (other.low, other.high) == pytest.approx((one.low, one.high), abs=0.02)
