"""How many posts settle a criterion: the bound really gets there."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from probatum.metrics.intervals import Interval, wilson
from probatum.metrics.power import posts_to_settle, trials_to_settle


def test_the_width_shrinks_with_the_square_root_of_n():
    assert posts_to_settle(Interval(0.04, -0.04, 0.12, 100), 0.0, 100) == 400
    assert posts_to_settle(Interval(0.02, -0.06, 0.10, 100), 0.0, 100) == 1600
    assert posts_to_settle(Interval(0.02, -0.06, 0.10, 100), 0.03, 100) == 6400


def test_no_number_of_posts_settles_a_point_at_the_limit():
    assert posts_to_settle(Interval(0.35, 0.3, 0.4, 50), 0.35, 50) is None
    assert posts_to_settle(Interval.undefined("there are no posts"), 0.35, 50) is None
    assert posts_to_settle(Interval(0.3, 0.1, 0.4, 0), 0.35, 0) is None
    assert trials_to_settle(0.35, 0.35, 0.95) is None
    assert trials_to_settle(math.nan, 0.35, 0.95) is None


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_trials_are_just_enough(proportion, limit):
    assume(abs(proportion - limit) > 0.02)
    needed = trials_to_settle(proportion, limit, 0.95)

    def clears(n):
        low, high = wilson(proportion * n, n, 0.95)
        return low >= limit - 1e-9 if proportion > limit else high <= limit + 1e-9

    assert clears(needed)
    assert needed == 1 or not clears(needed - 2 if needed > 2 else 0.5)


def test_none_of_ten_false_positives_needs_more_negatives_for_a_tenth():
    needed = trials_to_settle(0.0, 0.1, 0.95)
    assert needed == 35
    assert wilson(0, needed, 0.95)[1] == pytest.approx(0.1, abs=0.002)
