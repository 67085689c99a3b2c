"""Against statsmodels and scipy, and how often the intervals hold the truth."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from probatum.metrics.classification import DEFINITIONS, Confusion
from probatum.metrics.intervals import critical_value, metric_interval, wilson


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (1, 1), (0, 10), (3, 10), (10, 10), (139, 323)])
def test_wilson_equals_statsmodels_and_scipy(successes, trials, confidence):
    ends = wilson(successes, trials, confidence)
    assert ends == pytest.approx(proportion_confint(successes, trials, 1 - confidence, "wilson"), abs=1e-12)
    library = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    assert ends == pytest.approx((library.low, library.high), abs=1e-12)


def test_wilson_of_arrays_equals_each_alone_and_is_nan_without_trials():
    low, high = wilson(np.array([0, 2, 0]), np.array([4, 9, 0]), 0.95)
    assert (low[1], high[1]) == wilson(2, 9, 0.95)
    assert math.isnan(low[2])
    assert math.isnan(high[2])


def test_the_published_false_positive_rate_on_323_negatives():
    low, high = wilson(139, 323, 0.95)  # 43%
    assert (round(low, 2), round(high, 2)) == (0.38, 0.48)


cells = st.integers(0, 60)


@given(cells, cells, cells, cells)
def test_every_interval_holds_its_point_and_stays_within_0_and_1(tp, fp, tn, fn):
    counts = Confusion(tp, fp, tn, fn)
    for metric in DEFINITIONS:
        found = metric_interval(counts, metric, 0.95)
        if found.defined:
            lowest = -1 if metric == "mcc" else 0
            assert lowest <= found.low <= found.value <= found.high <= 1
        else:
            assert math.isnan(found.low)
            assert found.reason


def test_n_is_what_the_figure_is_a_share_of():
    counts = Confusion(tp=5, fp=3, tn=7, fn=1)
    sizes = {metric: metric_interval(counts, metric, 0.95).n for metric in DEFINITIONS}
    assert sizes == {
        "accuracy": 16, "precision": 8, "recall": 6, "f1": 9, "f1_macro": 16, "mcc": 16, "fpr": 10, "fnr": 6, "fdr": 8,
        "flag_rate": 16, "unparsed_rate": 16,
    }  # fmt: skip


@pytest.mark.parametrize("n", [30, 100, 1000])
def test_f1_interval_covers_the_truth(n):
    rng = np.random.default_rng(n)
    shares = np.array([0.27, 0.15, 0.40, 0.18])  # tp, fp, tn, fn
    truth = Confusion(*shares).value("f1")
    inside = 0
    for counts in rng.multinomial(n, shares, size=2000):
        found = metric_interval(Confusion(*counts), "f1", 0.95)
        inside += found.low <= truth <= found.high
    assert 0.935 <= inside / 2000 <= 0.965


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_wilson_covers_the_truth(share):
    successes = np.random.default_rng(7).binomial(200, share, size=20_000)
    low, high = wilson(successes, 200, 0.95)
    assert 0.935 <= np.mean((low <= share) & (share <= high)) <= 0.965


def test_critical_value():
    assert critical_value(0.95) == pytest.approx(1.959964, abs=1e-6)
