"""The mean of clustered numbers: against the definition, against statsmodels, and how often it covers."""

import math

import numpy as np
import pytest
import statsmodels.api as sm

from probatum.metrics.clustered import clustered_mean, p_of_no_mean
from probatum.metrics.intervals import Interval


def test_clusters_of_one_give_students_interval():
    values = np.random.default_rng(0).normal(3, 2, 40)
    found = clustered_mean(values.tolist(), [1] * 40, 0.95)
    fitted = sm.OLS(values, np.ones(40)).fit()
    assert found.value == pytest.approx(fitted.params[0])
    assert [found.low, found.high] == pytest.approx(fitted.conf_int(0.05)[0].tolist())
    assert p_of_no_mean(found, 40, 0.95) == pytest.approx(fitted.pvalues[0])


def test_clusters_of_several_equal_statsmodels_clustered_errors():
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 15, 200)
    values = rng.normal(size=200) + rng.normal(size=15)[codes]
    counts = np.bincount(codes, minlength=15)
    found = clustered_mean(np.bincount(codes, values, minlength=15).tolist(), counts.tolist(), 0.9)
    fitted = sm.OLS(values, np.ones(200)).fit(
        cov_type="cluster", cov_kwds={"groups": codes, "use_correction": True}, use_t=True
    )
    # its correction is m/(m-1) · (n-1)/(n-k), and k is 1
    assert found.value == pytest.approx(fitted.params[0])
    assert [found.low, found.high] == pytest.approx(fitted.conf_int(0.1)[0].tolist(), rel=1e-6)


def test_it_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(1000):
        counts = rng.integers(5, 40, 20)
        means = rng.normal(0.5, 0.2, 20)
        interval = clustered_mean((means * counts + rng.normal(size=20)).tolist(), counts.tolist(), 0.95)
        hits += interval.low <= 0.5 <= interval.high
    assert 0.92 <= hits / 1000 <= 0.975


@pytest.mark.parametrize(("sums", "counts"), [([], []), ([0.0], [0]), ([1.0, 2.0], [0, 0])])
def test_of_nothing_there_is_no_mean(sums, counts):
    found = clustered_mean(sums, counts, 0.95)
    assert not found.defined
    assert found.reason == "there is nothing to take the mean of"


def test_a_single_cluster_has_no_interval():
    found = clustered_mean([6.0, 0.0], [3, 0], 0.95)
    assert (found.value, found.n) == (2.0, 3)
    assert math.isnan(found.low)
    assert math.isnan(p_of_no_mean(found, 1, 0.95))


def test_values_that_are_not_finite_have_a_reason():
    assert clustered_mean([1.0, math.nan], [1, 1], 0.95).reason == "a value is not finite"


def test_without_spread_the_test_is_certain():
    assert p_of_no_mean(Interval(0.0, 0.0, 0.0, 5), 5, 0.95) == 1.0
    assert p_of_no_mean(Interval(1.0, 1.0, 1.0, 5), 5, 0.95) == 0.0
