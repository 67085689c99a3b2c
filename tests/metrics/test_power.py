"""How many posts settle a criterion: the bound really gets there."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from probatum.metrics.intervals import Interval, wilson
from probatum.metrics.paired import paired_change
from probatum.metrics.power import posts_to_settle, posts_to_show, showable_rate, trials_to_settle

TIMES = ((1.959964 + 0.841621) / 1.959964) ** 2  # as many posts for 80 % power as for the bound at the limit


def test_the_width_shrinks_with_the_square_root_of_n():
    assert posts_to_settle(Interval(0.04, -0.04, 0.12, 100), 0.0, 100, 0.95) == math.ceil(400 * TIMES)
    assert posts_to_settle(Interval(0.02, -0.06, 0.10, 100), 0.0, 100, 0.95) == math.ceil(1600 * TIMES)
    assert posts_to_settle(Interval(0.02, -0.06, 0.10, 100), 0.03, 100, 0.95) == math.ceil(6400 * TIMES)


def test_no_number_of_posts_settles_a_point_at_the_limit():
    assert posts_to_settle(Interval(0.35, 0.3, 0.4, 50), 0.35, 50, 0.95) is None
    assert posts_to_settle(Interval.undefined("there are no posts"), 0.35, 50, 0.95) is None
    assert posts_to_settle(Interval(0.3, 0.1, 0.4, 0), 0.35, 0, 0.95) is None
    assert posts_to_show(Interval(0.02, -0.06, 0.10, 100), 0.02, 100, 0.95) is None
    assert trials_to_settle(0.35, 0.35, 0.95) is None
    assert trials_to_settle(math.nan, 0.35, 0.95) is None


def settled(proportion, limit, trials):
    """How often the bound clears the limit, exactly."""
    hits = np.arange(trials + 1)
    low, high = wilson(hits, trials, 0.95)
    return float(binom.pmf(hits, trials, proportion)[(high <= limit) if proportion < limit else (low >= limit)].sum())


@pytest.mark.parametrize(
    ("proportion", "limit"), [(0.3, 0.35), (0.4, 0.35), (0.05, 0.1), (0.75, 0.62), (0.02, 0.05), (0.5, 0.45)]
)
def test_trials_settle_in_80_percent_of_studies(proportion, limit):
    needed = trials_to_settle(proportion, limit, 0.95)
    power = np.mean([settled(proportion, limit, n) for n in range(needed - 10, needed + 11)])
    assert power == pytest.approx(0.8, abs=0.03)


@given(st.integers(1, 300), st.floats(0.05, 0.95))
def test_the_showable_rate_is_shown_in_80_percent_of_studies(trials, limit):
    rate = showable_rate(limit, trials, 0.95, at_most=True)
    if math.isnan(rate):
        assert wilson(0, trials, 0.95)[1] > limit
    else:
        assert settled(rate, limit, trials) == pytest.approx(0.8, abs=1e-6)
    other = showable_rate(1 - limit, trials, 0.95, at_most=False)
    assert other == pytest.approx(1 - rate, nan_ok=True)


def test_too_few_posts_show_nothing():
    assert math.isnan(showable_rate(0.3, 0, 0.95, at_most=True))
    assert math.isnan(showable_rate(0.3, 1, 0.95, at_most=True))
    assert showable_rate(1.0, 5, 0.95, at_most=True) == 1.0


def test_none_of_ten_false_positives_needs_more_negatives_for_a_tenth():
    needed = trials_to_settle(0.0, 0.1, 0.95)
    assert needed == 35
    assert wilson(0, needed, 0.95)[1] == pytest.approx(0.1, abs=0.002)


@pytest.mark.parametrize(("gain", "least"), [(0.03, 0.0), (0.03, 0.005), (0.03, 0.02)])
def test_posts_show_a_gain_in_80_percent_of_studies(gain, least):
    """Accuracy with 20 % discordant posts; the number rests on the interval of a study of 100."""
    up, down = (0.2 + gain) / 2, (0.2 - gain) / 2
    error = math.sqrt((0.2 - gain**2) / 100)
    study = Interval(gain, gain - 1.959964 * error, gain + 1.959964 * error, 100)
    n = posts_to_show(study, least, 100, 0.95)
    drawn = np.random.default_rng(0).multinomial(n, [up, down, 0.8], size=2000)
    shown = [(b - c) / n >= least and paired_change(b, c, n, 0.95)[0] > 0 for b, c, _ in drawn]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.03)
