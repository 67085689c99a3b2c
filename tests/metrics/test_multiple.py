"""Holm's correction against statsmodels."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from probatum.metrics.multiple import holm


@settings(max_examples=30)  # statsmodels takes a twentieth of a second for each
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_equals_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_a_test_that_does_not_exist_is_not_counted():
    assert holm([0.01, math.nan, 0.04]) == pytest.approx([0.02, math.nan, 0.04], nan_ok=True)
    assert holm([]) == []
    assert math.isnan(holm([math.nan])[0])
