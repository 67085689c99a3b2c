"""The permutation test against every swap, against McNemar's exact test, and at its edges."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probatum.metrics.classification import Answers
from probatum.metrics.paired import difference, mcnemar_exact
from probatum.metrics.permutation import SMALLEST, permutation_p

POST = st.tuples(st.booleans(), st.booleans(), st.booleans())


def answers(truth, correct):
    truth, correct = np.array(truth, dtype=bool), np.array(correct, dtype=bool)
    return Answers(truth, truth == correct, np.ones(len(truth), dtype=bool))


def every_swap(truth, mine, theirs, metric):
    """The share of all 2^n swaps whose difference is at least as far from 0 as the observed one."""

    def apart(one, other):
        values = [float(answers(truth, right).confusion().value(metric)) for right in (one, other)]
        return abs(values[0] - values[1])

    observed, as_far = apart(mine, theirs), 0
    for swaps in itertools.product([False, True], repeat=len(truth)):
        one = [b if swap else a for a, b, swap in zip(mine, theirs, swaps, strict=True)]
        other = [a if swap else b for a, b, swap in zip(mine, theirs, swaps, strict=True)]
        distance = apart(one, other)
        as_far += math.isnan(distance) or distance >= observed - 1e-12
    return as_far / 2 ** len(truth)


@pytest.mark.parametrize("metric", ["f1", "f1_macro", "mcc", "accuracy"])
@settings(max_examples=25, deadline=None)
@given(posts=st.lists(POST, min_size=2, max_size=8))
def test_it_is_the_share_of_all_swaps(metric, posts):
    truth, mine, theirs = zip(*posts, strict=True)
    one, other = answers(truth, mine), answers(truth, theirs)
    p_value = permutation_p(one, other, metric)
    if one.confusion().undefined(metric) or other.confusion().undefined(metric):
        assert math.isnan(p_value)
    else:
        assert p_value == pytest.approx(every_swap(truth, mine, theirs, metric))


@settings(max_examples=50, deadline=None)
@given(posts=st.lists(POST, min_size=1, max_size=60))
def test_for_accuracy_it_is_mcnemars_exact_test(posts):
    truth, mine, theirs = zip(*posts, strict=True)
    found = difference(answers(truth, mine), answers(truth, theirs), "accuracy", 0.95)
    wanted = mcnemar_exact(found.only_system, found.only_other)
    assert permutation_p(answers(truth, mine), answers(truth, theirs), "accuracy") == pytest.approx(wanted)


def test_systems_that_never_differ_have_a_p_value_of_one():
    one = answers([True, False, True], [True, True, False])
    assert permutation_p(one, one, "f1") == 1.0


def test_an_undefined_figure_has_no_p_value():
    truth = [False, False]
    assert math.isnan(permutation_p(answers(truth, truth), answers(truth, [True, True]), "f1"))


def test_many_posts_are_no_burden_and_never_give_zero():
    truth = np.arange(20_000) % 2 == 0
    right, wrong = np.ones(20_000, dtype=bool), np.zeros(20_000, dtype=bool)
    assert permutation_p(answers(truth, right), answers(truth, wrong), "f1") == SMALLEST


def test_swapping_the_systems_changes_nothing():
    draw = np.random.default_rng(3)
    truth, mine, theirs = (draw.random(400) < share for share in (0.4, 0.8, 0.7))
    one, other = answers(truth, mine), answers(truth, theirs)
    assert permutation_p(one, other, "f1") == pytest.approx(permutation_p(other, one, "f1"))


@pytest.mark.parametrize("metric", ["accuracy", "f1"])
def test_clusters_are_swapped_whole(metric):
    rng = np.random.default_rng(4)
    truth = rng.random(40) < 0.5
    one, other = (Answers(truth, truth == (rng.random(40) < right), np.ones(40, dtype=bool)) for right in (0.9, 0.6))
    alone = permutation_p(one, other, metric)
    clusters = np.repeat(np.arange(40), 6)
    sixfold = [Answers(*(np.repeat(column, 6) for column in (s.truth, s.flagged, s.parsed))) for s in (one, other)]
    assert permutation_p(*sixfold, metric) < 1e-4  # as if each stood for itself
    assert permutation_p(*sixfold, metric, clusters=clusters) == pytest.approx(alone, abs=0.01)
    assert permutation_p(one, other, metric, clusters=np.arange(40)) == alone
    assert permutation_p(one, other, metric, clusters=np.zeros(40, dtype=int)) == 1.0


def test_a_drawn_test_is_never_0_and_without_a_figure_undefined():
    truth = np.ones(200, dtype=bool)
    best, worst = (Answers(truth, truth == right, truth) for right in (True, False))
    p_value = permutation_p(best, worst, "accuracy", clusters=np.repeat(np.arange(100), 2), draws=999)
    assert p_value == pytest.approx(1 / 1000)
    assert np.isnan(permutation_p(best, worst, "fpr", clusters=np.repeat(np.arange(100), 2)))
