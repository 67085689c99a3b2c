"""Every threshold at once against each threshold by itself."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probatum.metrics.intervals import wilson
from probatum.metrics.threshold import ALL, Cap, Costs, choose_threshold, measure_thresholds

SCORES = st.one_of(st.sampled_from([0.0, 0.2, 0.5, 0.5 + 1e-16, 1.0, math.nan]), st.floats(0, 1))
POSTS = st.lists(st.tuples(st.booleans(), SCORES, st.sampled_from(["a", "b", "c", "(none)"])), min_size=1, max_size=30)


def arrays(posts):
    truth, score, groups = zip(*posts, strict=True)
    return np.array(truth), np.array(score, dtype=float), np.array(groups)


def naive(truth, score, groups, threshold):
    """One threshold, counted post by post."""
    called = score >= threshold  # NaN is never called positive, and never right
    wrong_negative = ~truth & (called | np.isnan(score))
    tp, fp, fn = (truth & called).sum(), wrong_negative.sum(), (truth & ~called).sum()
    rates, ends = {}, {}
    for group in sorted(set(groups) - {"(none)"}):
        negatives = ~truth & (groups == group)
        if negatives.any():
            rates[group] = (wrong_negative & negatives).sum() / negatives.sum()
            ends[group] = wilson((wrong_negative & negatives).sum(), negatives.sum(), 0.95)[1]
    return 2 * tp / (2 * tp + fp + fn), int(fp), int(fn), rates, ends


@given(POSTS)
@settings(max_examples=300, deadline=None)
def test_every_threshold_equals_counting_at_it(posts):
    truth, score, groups = arrays(posts)
    if not truth.any() or np.isnan(score).all():
        with pytest.raises(ValueError, match=r"no positive posts|score"):
            measure_thresholds(truth, score, groups, 0.95, "(none)")
        return
    curve = measure_thresholds(truth, score, groups, 0.95, "(none)")
    distinct = np.unique(score[~np.isnan(score)])
    assert len(curve.threshold) == len(distinct) + 1
    assert (np.diff(curve.threshold) < 0).all()
    for at, threshold in enumerate(curve.threshold):
        f1, fp, fn, rates, ends = naive(truth, score, groups, threshold)
        assert (curve.fp[at], curve.positives - curve.tp[at]) == (fp, fn)
        point = curve.point(at, Costs(1, 2))
        assert point.f1 == pytest.approx(f1)
        assert point.cost == pytest.approx((fp + 2 * fn) / len(truth))
        if rates:
            assert point.worst_fpr == max(rates.values()) == rates[point.worst_group]
            assert point.worst_bound == pytest.approx(max(ends.values())) == ends[point.worst_bound_group]
        else:
            assert math.isnan(point.worst_fpr)
    for value in [0.0, 1.0, *distinct]:  # the index of a threshold is that of the same calls
        at = curve.at(value)
        known = ~np.isnan(score)
        assert ((score >= value) == (score >= curve.threshold[at]))[known].all()


@given(POSTS, st.floats(0, 1), st.sampled_from(["point", "bound"]), st.sampled_from([None, Costs(1, 2), Costs(3, 0.5)]))
@settings(max_examples=300, deadline=None)
def test_the_choice_equals_trying_every_threshold(posts, at_most, decide, costs):
    truth, score, groups = arrays(posts)
    if not truth.any() or np.isnan(score).all():
        return
    curve = measure_thresholds(truth, score, groups, 0.95, "(none)")
    chosen = choose_threshold(curve, costs, Cap(at_most, decide))
    tried = []
    for at, threshold in enumerate(curve.threshold):
        f1, fp, fn, rates, ends = naive(truth, score, groups, threshold)
        worst = max((rates if decide == "point" else ends).values(), default=0.0)
        goal = f1 if costs is None else -(costs.false_positive * fp + costs.false_negative * fn) / len(truth)
        if costs is not None or at > 0:  # for F1 a threshold must flag something
            tried.append((at, goal, worst))
    within = [one for one in tried if one[2] <= at_most + 1e-12]
    assert chosen.meets_cap == bool(within)
    lowest = min(one[2] for one in tried)
    pool = within or [one for one in tried if one[2] <= lowest]
    best = max(one[1] for one in pool)
    assert curve.threshold[chosen.at] == pytest.approx(
        max(curve.threshold[at] for at, goal, _ in pool if goal >= best - 1e-12), abs=1e-9
    )
    # nothing on the frontier is beaten in both, and everything off it is matched or beaten by something on it
    front = [one for one in tried if one[0] in chosen.frontier]
    for at, goal, worst in tried:
        assert any(g >= goal - 1e-12 and w <= worst for _, g, w in front)
        if at in chosen.frontier:
            assert not any(g > goal + 1e-12 and w <= worst for _, g, w in tried)


def test_ties_go_to_the_threshold_that_flags_fewest():
    truth = np.array([True, False, True, False])
    curve = measure_thresholds(truth, np.array([0.9, 0.8, 0.7, 0.1]), None, 0.95)
    costs = Costs(1, 1)  # 1 mistake at 0.85, 2 at 0.75, 1 at 0.4
    assert curve.cost(costs).tolist() == [0.5, 0.25, 0.5, 0.25, 0.5]
    assert curve.threshold[choose_threshold(curve, costs).at] == pytest.approx(0.85)


def test_a_cap_that_nothing_keeps_gives_the_nearest():
    truth = np.array([False, True, False, True])
    curve = measure_thresholds(truth, np.array([0.9, 0.8, 0.2, 0.1]), np.array(list("aaaa")), 0.95)
    chosen = choose_threshold(curve, cap=Cap(0.1, "point"))
    assert not chosen.meets_cap
    point = curve.point(chosen.at)
    assert (point.worst_fpr, point.f1, point.worst_group) == (0.5, 0.5, "a")


def test_groups_without_negatives_are_named_and_posts_without_a_group_are_under_no_cap():
    truth = np.array([True, True, False, False])
    groups = np.array(["only-hate", "b", "b", "(none)"])
    curve = measure_thresholds(truth, np.array([0.9, 0.8, 0.1, 0.95]), groups, 0.95, "(none)")
    assert (curve.groups, curve.left_out) == (["b"], ["only-hate"])
    chosen = choose_threshold(curve, cap=Cap(0.0, "point"))
    assert chosen.meets_cap
    assert curve.point(chosen.at).fpr == 0.5  # the post without a group
    whole = measure_thresholds(truth, np.array([0.9, 0.8, 0.1, 0.95]), None, 0.95)
    assert whole.groups == [ALL]


def test_neighbouring_numbers_are_told_apart():
    low = 0.3
    high = math.nextafter(low, 1)
    curve = measure_thresholds(np.array([True, False]), np.array([high, low]), None, 0.95)
    assert low < curve.threshold[1] <= high
    assert curve.f1.tolist() == [0.0, 1.0, 2 / 3]
