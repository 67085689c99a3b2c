"""Clusters: exact where every post is one, equal to naive forms and a library, and calibrated where posts are alike."""

import math
from itertools import product

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

from probatum.metrics.classification import DEFINITIONS, Answers, Confusion
from probatum.metrics.clusters import contributions, design_effect, sign_flip_exact
from probatum.metrics.levels import level, level_effect
from probatum.metrics.paired import difference, mcnemar_exact

ALWAYS = ("accuracy", "f1", "fpr", "recall", "precision", "f1_macro", "mcc", "flag_rate", "unparsed_rate")


def answers(seed=0, n=120, right=0.7):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.5
    parsed = rng.random(n) > 0.05
    return Answers(truth, truth == (rng.random(n) < right), parsed)


def drawn_by_template(seed, templates, size=10):
    """Two systems equally good on templates that are each easy or hard."""
    rng = np.random.default_rng([seed, templates])
    truth = np.repeat(rng.random(templates) < 0.5, size)
    found = []
    for _ in range(2):
        right = rng.random(len(truth)) < np.repeat(rng.beta(2.8, 1.2, templates), size)
        found.append(Answers(truth, truth == right, np.ones(len(truth), dtype=bool)))
    return found, np.repeat(np.arange(templates), size)


@pytest.mark.parametrize("metric", ALWAYS)
def test_clusters_of_one_post_change_nothing(metric):
    one, other, alone = answers(0), answers(1), np.random.default_rng(2).permutation(120)
    assert level(one, metric, 0.95, clusters=alone) == level(one, metric, 0.95)
    other = Answers(one.truth, other.flagged, other.parsed)
    assert difference(one, other, metric, 0.95, clusters=alone) == difference(one, other, metric, 0.95)


@pytest.mark.parametrize("metric", ALWAYS)
def test_ten_copies_tell_no_more_than_one(metric):
    """Each post ten times, as clusters: the intervals of the posts once, but for a factor near 1 (few clusters)."""
    once = answers(3, 200)
    copies = Answers(*(np.repeat(column, 10) for column in (once.truth, once.flagged, once.parsed)))
    found, wanted = level(copies, metric, 0.95, clusters=np.repeat(np.arange(200), 10)), level(once, metric, 0.95)
    assert found.value == pytest.approx(wanted.value)
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=0.01)
    assert level(copies, metric, 0.95).high - level(copies, metric, 0.95).low < found.high - found.low


def test_the_variance_between_clusters_equals_statsmodels():
    (one, _), clusters = drawn_by_template(0, 40)
    right = one.correct.astype(float)
    fit = sm.OLS(right, np.ones(400)).fit(cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": False})
    naive = right.var() / 400
    t_factor = (design_effect(right - right.mean(), clusters, 0.95)) / (fit.bse[0] ** 2 / naive)
    wanted = (t.ppf(0.975, 39) / t.ppf(0.975, 399)) ** 2 * 40 / 39 * 399 / 400
    assert t_factor == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("metric", ["accuracy", "precision", "f1", "mcc", "f1_macro"])
def test_contributions_are_the_slopes_of_the_figure(metric):
    """Leaving a post out moves a figure by its contribution, the more exactly the more posts there are."""
    one = answers(5, 4000)
    cell = 2 * one.truth + one.correct
    table = np.bincount(cell, minlength=4).reshape(2, 2)

    def figure(counts):
        return Confusion(counts[1, 1], counts[0, 0], counts[0, 1], counts[1, 0]).value(metric)

    added = contributions(cell, table, figure)
    assert added.sum() == pytest.approx(0, abs=1e-6)
    for at in range(4):
        without = table.ravel().astype(float)
        without[at] -= 1
        moved = figure(table) - figure(without.reshape(2, 2))
        assert added[cell == at][0] == pytest.approx(moved, rel=0.01)


def test_one_cluster_says_nothing_and_none_at_all_is_1():
    one = answers(0, 50)
    found = level(one, "accuracy", 0.95, clusters=np.zeros(50, dtype=int))
    assert found.value == one.correct.mean()
    assert found.low < 0.001 < 0.999 < found.high
    assert design_effect(np.zeros(0), np.zeros(0, dtype=int), 0.95) == 1
    assert level_effect(one.where(np.zeros(50, dtype=bool)), "f1", 0.95, np.zeros(0, dtype=int)) == 1


def test_no_error_at_all_counts_each_cluster_once():
    right = np.ones(60, dtype=bool)
    perfect = Answers(right, right, right)
    assert level_effect(perfect, "fnr", 0.95, np.arange(60) // 3) == 3
    assert level(perfect, "fnr", 0.95, clusters=np.arange(60) // 3).high == pytest.approx(
        level(perfect.where(np.arange(60) < 20), "fnr", 0.95).high
    )


@given(st.lists(st.tuples(st.integers(-1, 1), st.integers(0, 5)), max_size=40))
def test_sign_flips_equal_going_through_all_of_them(rows):
    signed = np.array([sign for sign, _ in rows], dtype=int)
    clusters = np.array([cluster for _, cluster in rows], dtype=int)
    nets = np.array([signed[clusters == one].sum() for one in np.unique(clusters)])
    sums = np.array([np.dot(flips, nets) for flips in product((-1, 1), repeat=len(nets))])
    assert sign_flip_exact(signed, clusters) == pytest.approx(np.mean(np.abs(sums) >= abs(nets.sum())))


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 30))
def test_sign_flips_of_single_posts_are_exact_mcnemar(up, down, alike):
    signed = np.repeat([1, -1, 0], [up, down, alike])
    assert sign_flip_exact(signed, None) == pytest.approx(mcnemar_exact(up, down))
    assert sign_flip_exact(signed, np.arange(len(signed))) == pytest.approx(mcnemar_exact(up, down))


def test_many_clusters_of_different_sizes_are_quick_and_a_probability():
    rng = np.random.default_rng(0)
    clusters = rng.integers(0, 20_000, 200_000)
    p = sign_flip_exact(rng.integers(-1, 2, 200_000), clusters)
    assert 0 < p <= 1
    assert sign_flip_exact(np.ones(200_000, dtype=int), clusters) == pytest.approx(0, abs=1e-9)


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_posts_does_not_matter(seed):
    (one, other), clusters = drawn_by_template(seed, 12, 4)
    mixed = np.random.default_rng(seed).permutation(len(clusters))
    found = difference(one, other, "accuracy", 0.95, clusters=clusters)
    again = difference(one.where(mixed), other.where(mixed), "accuracy", 0.95, clusters=clusters[mixed])
    assert (found.interval.low, found.interval.high) == pytest.approx((again.interval.low, again.interval.high))
    assert found.p_value == pytest.approx(again.p_value)


@pytest.mark.parametrize("metric", ["accuracy", "f1", "fpr"])
def test_95_percent_intervals_of_templates_hold_the_truth(metric):
    """300 studies of 60 templates; apart, the same posts cover about 75 % (benchmarks/coverage.py)."""
    truth = level(drawn_by_template(1, 60_000)[0][0], metric, 0.95).value
    hits, apart, tests = [], [], []
    for seed in range(300):
        (one, other), clusters = drawn_by_template(seed, 60)
        found, naive = level(one, metric, 0.95, clusters=clusters), level(one, metric, 0.95)
        hits.append(found.low <= truth <= found.high)
        apart.append(naive.low <= truth <= naive.high)
        tests.append(difference(one, other, metric, 0.95, clusters=clusters, draws=300).p_value <= 0.05)
    assert 0.92 < np.mean(hits) < 0.98
    assert np.mean(apart) < 0.9
    assert np.mean(tests) < 0.09


def test_undefined_stays_undefined_with_its_reason():
    positives = Answers(*(np.ones(4, dtype=bool) for _ in range(3)))
    for metric in DEFINITIONS:
        found = level(positives, metric, 0.95, clusters=np.array([0, 0, 1, 1]))
        assert found == level(positives, metric, 0.95) or found.defined
    assert level(positives, "fpr", 0.95, clusters=np.zeros(4, dtype=int)).reason == "there are no negative posts"
    change = difference(positives, positives, "fpr", 0.95, clusters=np.zeros(4, dtype=int))
    assert change.interval.reason == "there are no negative posts"
    assert math.isnan(change.p_value)
