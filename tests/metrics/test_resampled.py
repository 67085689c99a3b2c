"""Weights of cells against resampling the posts themselves: alone, by stratum and by cluster."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probatum.metrics.bootstrap import Resampling, joint_weights
from probatum.metrics.classification import Answers
from probatum.metrics.resampled import resampled, resampled_by

METRICS = ("f1", "accuracy", "fpr", "fnr", "mcc")


def two_systems(rng, clusters):
    """Two systems that are right or wrong about whole clusters alike, more often than not."""
    n, k = len(clusters), clusters.max() + 1
    truth = rng.random(n) < 0.4
    easy = rng.random(k)[clusters]
    right = [np.where(rng.random(n) < 0.7, easy < skill, rng.random(n) < skill) for skill in (0.8, 0.7)]
    return tuple(Answers(truth, truth == one, np.ones(n, dtype=bool)) for one in right)


def naive(system, other, picks, metric):
    drawn = []
    for pick in picks:
        drawn.append(system.where(pick).confusion().value(metric) - other.where(pick).confusion().value(metric))
    return np.std(drawn)


def spread(system, other, metric, how):
    found = resampled(system, other, [metric], 0.95, how).difference[metric]
    return (found.high - found.low) / (2 * 1.96)


@pytest.mark.parametrize("metric", ["f1", "fpr", "accuracy"])
def test_clusters_are_drawn_whole(metric):
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(150), rng.integers(1, 12, 150))
    system, other = two_systems(rng, clusters)
    members = [np.flatnonzero(clusters == one) for one in range(150)]
    picks = (np.concatenate([members[one] for one in rng.integers(0, 150, 150)]) for _ in range(800))
    expected = naive(system, other, picks, metric)
    how = Resampling(4000, 0, clusters)
    assert spread(system, other, metric, how) == pytest.approx(expected, rel=0.12)
    assert spread(system, other, metric, Resampling(4000, 0)) < 0.85 * expected  # as if posts stood for themselves


@pytest.mark.parametrize("metric", ["f1", "fpr", "accuracy"])
def test_strata_keep_their_numbers(metric):
    rng = np.random.default_rng(2)
    groups = rng.integers(0, 3, 600)
    system, other = two_systems(rng, np.arange(600))
    parts = [np.flatnonzero((groups == g) & (system.truth == t)) for g in range(3) for t in (False, True)]
    picks = (np.concatenate([rng.choice(part, len(part)) for part in parts]) for _ in range(1200))
    expected = naive(system, other, picks, metric)
    assert spread(system, other, metric, Resampling(4000, 0, strata=groups)) == pytest.approx(expected, rel=0.1)
    weights = joint_weights(4 * system.truth + 2 * system.correct + other.correct, Resampling(50, 0, strata=groups))
    np.testing.assert_allclose(weights[:, 1].sum(axis=(1, 2)), system.truth.sum())


def test_clusters_of_one_post_are_no_clusters():
    rng = np.random.default_rng(3)
    system, other = two_systems(rng, np.arange(200))
    alone = resampled(system, other, METRICS, 0.95, Resampling(20_000, 0))
    single = resampled(system, other, METRICS, 0.95, Resampling(20_000, 0, rng.permutation(200)))
    for metric in METRICS:
        for kind in ("system", "other", "difference"):
            one, two = getattr(alone, kind)[metric], getattr(single, kind)[metric]
            assert (one.low, one.value, one.high) == pytest.approx((two.low, two.value, two.high), abs=0.006)


def test_a_cluster_in_several_strata_is_refused():
    system, other = two_systems(np.random.default_rng(0), np.arange(8))
    how = Resampling(10, 0, np.zeros(8, dtype=int), np.zeros(8, dtype=int))
    with pytest.raises(ValueError, match="1 clusters hold posts of several strata"):
        resampled(system, other, ["f1"], 0.95, how)
    with pytest.raises(ValueError, match="'flag_rate' is not made of right and wrong"):
        resampled(system, other, ["flag_rate"], 0.95, Resampling())


rows = st.lists(st.tuples(*[st.booleans()] * 3, st.integers(0, 3), st.sampled_from("ab")), max_size=20)


@given(rows)
@settings(max_examples=60, deadline=None)
def test_each_value_is_its_posts_alone_and_undefined_says_why(rows):
    columns = [np.array([row[at] for row in rows], dtype=kind) for at, kind in enumerate([bool, bool, bool, int, "U1"])]
    truth, mine, theirs, clusters, values = columns
    parsed = np.ones(len(rows), dtype=bool)
    system, other = Answers(truth, mine, parsed), Answers(truth, theirs, parsed)
    found = resampled_by(values, system, other, METRICS, confidence=0.95, how=Resampling(50, 0, clusters))
    assert list(found) == sorted(set(values.tolist()))
    for value, one in found.items():
        for metric in METRICS:
            expected = system.where(values == value).confusion().value(metric)
            assert one.system[metric].value == pytest.approx(expected, nan_ok=True)
            assert one.system[metric].defined or one.system[metric].reason
            change = one.difference[metric]
            assert change.reason if not change.defined else change.low <= change.value <= change.high


def test_no_posts_have_no_figures():
    nobody = Answers(*(np.array([], dtype=bool) for _ in range(3)))
    found = resampled(nobody, nobody, ["accuracy"], 0.95, Resampling(20))
    assert found.difference["accuracy"].reason == "there are no posts"
