"""The simulations of the verdict in short: without an effect it is seldom said to be better."""

import pytest
from scipy.stats import binom

from benchmarks.verdicts import ALPHA, Drawn, no_effect, several_runs

STUDIES = 120
MOST = binom.ppf(0.99, STUDIES, ALPHA) / STUDIES  # what chance alone leaves of 5 %


@pytest.mark.parametrize("drawn", [Drawn(150), Drawn(150, templates=True)])
def test_without_an_effect_better_is_seldom_said(drawn):
    claims = no_effect(drawn, STUDIES)
    assert len(claims) == 9
    assert max(claims.values()) <= MOST, claims


def test_with_an_effect_it_is_said():
    assert no_effect(Drawn(400, gain=0.12), 20)["F1 gain"] > 0.8


def test_several_runs_of_one_quality_are_seldom_told_apart():
    assert several_runs(200, 60) <= binom.ppf(0.99, 60, ALPHA) / 60
