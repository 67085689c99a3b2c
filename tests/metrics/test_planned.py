"""Power before the run, against studies drawn from what it assumes."""

import math

import numpy as np
import pytest

from probatum.metrics.paired import bootstrap_test, margins, mcnemar_exact, paired_change
from probatum.metrics.planned import (
    Assumed,
    power_of_ratio,
    power_to_bound_rate,
    power_to_show_rate,
    smallest,
)

ASSUMED = Assumed()
STUDIES = 2500


def test_shares_are_what_was_assumed():
    shares = ASSUMED.shares(0.4, 0.1)
    mine, theirs = margins(shares)
    assert shares.sum() == pytest.approx(1)
    assert (shares >= 0).all()
    assert theirs.value("accuracy") == pytest.approx(0.7)
    assert mine.value("accuracy") == pytest.approx(0.8)
    assert shares[:, 1, 0].sum() + shares[:, 0, 1].sum() == pytest.approx(0.25)
    assert (ASSUMED.shares(0.4, ASSUMED.most) >= 0).all()


@pytest.mark.parametrize(("n", "gain", "least"), [(60, 0.1, 0.0), (300, 0.06, 0.01), (1000, 0.04, 0.005)])
def test_power_of_mcnemar_is_that_of_drawn_studies(n, gain, least):
    drawn = np.random.default_rng(n).multinomial(n, [(0.25 + gain) / 2, (0.25 - gain) / 2, 0.75], size=STUDIES)
    shown = [mcnemar_exact(b, c) <= 0.05 and b > c and (b - c) / n >= least for b, c, _ in drawn]
    assert power_to_show_rate(gain, least, 0.25, n, 0.95) == pytest.approx(np.mean(shown), abs=0.03)


@pytest.mark.parametrize(
    ("n", "gain", "limit"), [(60, 0.19, -0.02), (100, 0.0, -0.15), (300, 0.02, -0.05), (1000, -0.01, -0.05)]
)
def test_power_of_the_bound_is_that_of_drawn_studies(n, gain, limit):
    drawn = np.random.default_rng(n).multinomial(n, [(0.25 + gain) / 2, (0.25 - gain) / 2, 0.75], size=STUDIES)
    shown = [paired_change(b, c, n, 0.95)[0] >= limit for b, c, _ in drawn]
    assert power_to_bound_rate(gain, limit, 0.25, n, 0.95) == pytest.approx(np.mean(shown), abs=0.03)


@pytest.mark.parametrize(
    ("n", "gain", "limit", "by_test"), [(60, 0.19, 0.01, True), (300, 0.07, 0.01, True), (600, 0.0, -0.05, False)]
)
def test_power_of_f1_is_that_of_drawn_studies(n, gain, limit, by_test):
    shares = ASSUMED.shares(0.45, gain)
    tables = np.random.default_rng(n).multinomial(n, shares.ravel(), size=1500).reshape(-1, 2, 2, 2)
    found = [bootstrap_test(table, "f1", 0.95, 400, seed)[0] for seed, table in enumerate(tables)]
    shown = [one.low > 0 and one.value >= limit if by_test else one.low >= limit for one in found]
    predicted = power_of_ratio(shares, "f1", limit, n, 0.95, by_test=by_test)
    assert predicted == pytest.approx(np.mean(shown), abs=0.03 + 0.01)  # 1,500 studies leave 0.01 to chance


def test_the_smallest_change_has_the_power_or_there_is_none():
    found = smallest(lambda gain: power_to_bound_rate(gain, 0.0, 0.25, 200, 0.95), -0.25, 0.25)
    assert power_to_bound_rate(found, 0.0, 0.25, 200, 0.95) == pytest.approx(0.8, abs=1e-3)
    assert math.isnan(smallest(lambda gain: power_to_show_rate(gain, 0.0, 0.25, 5, 0.95), 0.0, 0.25))
    assert smallest(lambda _: 0.9, -1.0, 1.0) == -1.0


def test_no_discordant_post_shows_nothing():
    assert power_to_show_rate(0.1, 0.0, 0.25, 1, 0.95) == 0
    assert power_to_show_rate(0.0, 0.0, 0.25, 400, 0.95) < 0.025
