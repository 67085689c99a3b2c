"""Paired differences and McNemar's test, against libraries, naive forms and simulated truth."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import mcnemar

from probatum.metrics.classification import DEFINITIONS, Answers
from probatum.metrics.paired import (
    RATIOS,
    bootstrap_difference,
    counted,
    difference,
    joint_table,
    margins,
    mcnemar_exact,
    paired_change,
)

rows = st.lists(st.tuples(*[st.booleans()] * 5), min_size=1, max_size=30)


def two_systems(rows):
    truth, flagged, parsed, other_flagged, other_parsed = (np.array(column) for column in zip(*rows, strict=True))
    return Answers(truth, flagged, parsed), Answers(truth, other_flagged, other_parsed)


@pytest.mark.parametrize(("only_system", "only_other"), [(0, 1), (5, 5), (3, 12), (40, 21), (0, 9)])
def test_mcnemar_equals_statsmodels(only_system, only_other):
    library = mcnemar([[50, only_system], [only_other, 50]], exact=True)
    assert mcnemar_exact(only_system, only_other) == pytest.approx(min(library.pvalue, 1.0))


def test_mcnemar_without_discordant_posts_speaks_against_nothing():
    assert mcnemar_exact(0, 0) == 1.0


@given(rows)
@settings(max_examples=60, deadline=None)
def test_every_difference_is_the_difference_of_the_figures(rows):
    system, other = two_systems(rows)
    for metric in DEFINITIONS:
        found = difference(system, other, metric, 0.95, draws=200)
        expected = system.confusion().value(metric) - other.confusion().value(metric)
        assert found.interval.value == pytest.approx(expected, nan_ok=True, abs=1e-12)
        if found.interval.defined:
            most = 2 if metric == "mcc" else 1
            assert -most <= found.interval.low <= found.interval.value <= found.interval.high <= most
        else:
            assert found.interval.reason


@given(rows, st.randoms())
@settings(max_examples=40, deadline=None)
def test_order_of_posts_changes_nothing(rows, random):
    shuffled = random.sample(rows, len(rows))
    for metric in ("f1", "fpr", "accuracy"):
        before = difference(*two_systems(rows), metric, 0.95, draws=200)
        after = difference(*two_systems(shuffled), metric, 0.95, draws=200)
        assert repr(before) == repr(after)


@given(rows)
@settings(max_examples=40, deadline=None)
def test_margins_of_the_joint_table_are_the_confusion_matrices(rows):
    system, other = two_systems(rows)
    for margin, answers in zip(margins(joint_table(system, other)), (system, other), strict=True):
        counts = answers.confusion()
        assert (margin.tp, margin.fp, margin.tn, margin.fn) == (counts.tp, counts.fp, counts.tn, counts.fn)


@pytest.mark.parametrize(
    ("b", "c", "n"), [(9, 16, 44), (12, 2, 53), (0, 3, 30), (1, 0, 1), (0, 0, 10), (2.4, 0.3, 7.1)]
)
def test_ends_of_a_paired_change_cut_off_equal_tails_of_the_posterior(b, c, n):
    shares = np.random.default_rng(0).dirichlet([b + 0.5, c + 0.5, n - b - c + 1], size=200_000)
    low, high = paired_change(b, c, n, 0.95)
    below = [np.mean(shares[:, 0] - shares[:, 1] < end) for end in (low, high)]
    assert below == pytest.approx([0.025, 0.975], abs=0.0015)


def test_a_paired_change_of_many_posts_is_the_usual_interval():
    b, c, n = 52_000, 50_000, 1_000_000
    half = 1.959964 * math.sqrt((b + c) / n - ((b - c) / n) ** 2) / math.sqrt(n)
    assert paired_change(b, c, n, 0.95) == pytest.approx(((b - c) / n - half, (b - c) / n + half), abs=1e-6)


def test_a_paired_change_swaps_sign_with_the_systems():
    low, high = paired_change(7, 3, 40, 0.95)
    assert paired_change(3, 7, 40, 0.95) == pytest.approx((-high, -low))


def test_no_discordant_post_is_not_certainty():
    low, high = paired_change(0, 0, 10, 0.95)
    assert (low, high) == pytest.approx((-0.1765, 0.1765), abs=1e-4)
    same = Answers(np.array([True] * 15 + [False] * 15), np.array([True] * 30), np.array([True] * 30))
    found = difference(same, same, "f1", 0.95).interval
    assert found.low < -0.02 < found.value == 0 < 0.02 < found.high


def test_a_change_on_no_posts_is_undefined():
    assert all(math.isnan(end) for end in paired_change(0, 0, 0, 0.95))


def test_undefined_difference_says_why():
    positives_only = Answers(np.array([True]), np.array([True]), np.array([True]))
    assert difference(positives_only, positives_only, "fpr", 0.95).interval.reason == "there are no negative posts"
    silent = Answers(np.array([True]), np.array([False]), np.array([True]))
    found = difference(positives_only, silent, "precision", 0.95)
    assert found.interval.reason == "no post was called positive"
    assert math.isnan(found.p_value)


def test_only_shares_of_fixed_posts_are_counted_post_by_post():
    one = Answers(np.array([True]), np.array([True]), np.array([True]))
    for metric in RATIOS:
        with pytest.raises(ValueError, match="not a share of fixed posts"):
            counted(one, metric)


def test_the_same_seed_gives_the_same_interval_and_another_nearly_the_same():
    table = np.array([[[100, 20], [30, 250]], [[80, 25], [35, 260]]])
    first = bootstrap_difference(table, "f1", 0.95, 2000, 0)
    assert first == bootstrap_difference(table, "f1", 0.95, 2000, 0)
    assert first.low == pytest.approx(bootstrap_difference(table, "f1", 0.95, 2000, 1).low, abs=0.004)


def test_bootstrap_over_cells_equals_resampling_the_posts():
    rng = np.random.default_rng(0)
    truth = rng.random(800) < 0.45
    system = Answers(truth, np.where(rng.random(800) < 0.75, truth, ~truth), np.ones(800, dtype=bool))
    other = Answers(truth, np.where(rng.random(800) < 0.68, truth, ~truth), np.ones(800, dtype=bool))
    naive = []
    for _ in range(1500):
        picked = rng.integers(0, 800, size=800)
        naive.append(system.where(picked).confusion().value("f1") - other.where(picked).confusion().value("f1"))
    found = difference(system, other, "f1", 0.95, draws=4000).interval
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(naive, [0.025, 0.975])), abs=0.008)


@pytest.mark.parametrize("n", [60, 400])
def test_paired_intervals_cover_the_truth(n):
    rng = np.random.default_rng(n)
    shares = np.array([[[0.14, 0.04], [0.03, 0.34]], [[0.11, 0.05], [0.05, 0.24]]])
    mine, theirs = margins(shares)
    f1_gain = mine.value("f1") - theirs.value("f1")
    fpr_change = mine.value("fpr") - theirs.value("fpr")
    inside = np.zeros(2)
    for number, counts in enumerate(rng.multinomial(n, shares.ravel(), size=800)):
        table = counts.reshape(2, 2, 2)
        gain = bootstrap_difference(table, "f1", 0.95, 600, number)
        inside[0] += gain.low <= f1_gain <= gain.high
        low, high = paired_change(int(table[0, 0, 1]), int(table[0, 1, 0]), int(table[0].sum()), 0.95)
        inside[1] += low <= fpr_change <= high
    assert (inside / 800 >= 0.925).all()
    assert (inside / 800 <= 0.985).all()
