"""Against pairs counted one by one and scikit-learn, ties and missing scores included."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pmean
from sklearn.metrics import average_precision_score, roc_auc_score

from probatum.metrics.areas import bias_areas
from probatum.metrics.ranking import auprc, auroc, power_mean

scores = st.sampled_from([0.0, 0.25, 0.5, 1.0])
rows = st.lists(st.tuples(st.booleans(), scores, st.sampled_from("abc")), max_size=30)


def columns(rows):
    kinds = (bool, float, np.str_)
    return tuple(np.array([row[at] for row in rows], dtype=kind) for at, kind in enumerate(kinds))


@given(rows)
def test_areas_against_pairs_and_scikit_learn(rows):
    truth, score, _ = columns(rows)
    if not len(truth) or truth.all() or not truth.any():
        assert auroc(truth, score).reason
        assert auroc(truth, score).reason == auprc(truth, score).reason
        assert math.isnan(auroc(truth, score).value)
        return
    pairs = [(p > q) + (p == q) / 2 for p in score[truth] for q in score[~truth]]
    assert auroc(truth, score).value == pytest.approx(np.mean(pairs))
    assert auroc(truth, score).value == pytest.approx(roc_auc_score(truth, score))
    assert auprc(truth, score).value == pytest.approx(average_precision_score(truth, score))


def test_a_missing_score_is_ranked_wrong():
    truth = np.array([True, True, False, False])
    assert auroc(truth, np.array([0.9, np.nan, 0.1, 0.2])).value == 0.5
    assert auroc(truth, np.array([0.9, 0.8, 0.1, np.nan])).value == 0.5
    assert auprc(truth, np.array([0.9, np.nan, 0.1, 0.2])).value == pytest.approx((1 + 2 / 4) / 2)


@pytest.mark.parametrize("area", [auroc, auprc])
def test_undefined_areas_say_why(area):
    assert area(np.array([True, False]), np.full(2, np.nan)).reason == "the system gave no scores"
    assert area(np.array([], dtype=bool), np.array([])).reason == "there are no posts"
    assert area(np.array([True]), np.array([0.3])).reason == "there are no negative posts"
    assert area(np.array([False]), np.array([0.3])).reason == "there are no positive posts"


@given(rows)
def test_bias_areas_are_those_of_their_posts_alone(rows):
    truth, score, values = columns(rows)
    for areas in bias_areas(values, truth, score, 0.95, ["a", "b"]):
        mine = values == areas.value
        kinds = {"subgroup": mine, "bpsn": mine ^ truth, "bnsp": mine == truth}
        for kind, posts in kinds.items():
            found, alone = getattr(areas, kind), auroc(truth[posts], score[posts])
            assert found.value == pytest.approx(alone.value, nan_ok=True), kind
            assert found.defined or found.reason


def test_bias_areas_see_what_the_subgroup_area_does_not():
    """Everything about a group scores high: alone it is ranked well, against the others its harmless posts are not."""
    truth = np.array([True, False, True, False])
    values, score = np.array(["a", "a", "b", "b"]), np.array([0.9, 0.8, 0.5, 0.1])
    (areas,) = bias_areas(values, truth, score, 0.95, ["a"])
    assert (areas.subgroup.value, areas.bpsn.value, areas.bnsp.value) == (1.0, 0.0, 1.0)
    (silent,) = bias_areas(values, truth, np.full(4, np.nan), 0.95, ["a"])
    assert silent.bpsn.reason == "the system gave no scores"


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=8))
def test_power_mean_equals_scipy_and_leans_to_the_worst(values):
    found = power_mean(values).value
    assert found == pytest.approx(pmean(values, -5))
    assert min(values) - 1e-9 <= found <= np.mean(values) + 1e-9


def test_power_mean_at_its_edges():
    assert power_mean([]).reason == power_mean([math.nan]).reason == "no group has a value"
    assert power_mean([0.5, math.nan]).value == pytest.approx(0.5)
    assert power_mean([0.0, 0.9]).value == 0.0
