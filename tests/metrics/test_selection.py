"""Choosing among systems: the best on the posts at hand, and what its lead is worth."""

import math

import numpy as np
import pytest
from sklearn.metrics import f1_score

from probatum.metrics.selection import Aim, select
from probatum.metrics.threshold import Cap, Costs

DRAWS = 100


def posts(n=300, seed=0):
    random = np.random.default_rng(seed)
    return random.random(n) < 0.5, random


def test_the_best_system_wins_clearly():
    truth, random = posts()
    good, poor = (np.clip(truth * lift + random.random(300) * 0.6, 0, 1) for lift in (0.4, 0.05))
    found = select(truth, [poor, good], None, Aim(), draws=DRAWS)
    assert found.winner == 1
    assert found.share == [0, 1]
    assert found.low < found.corrected < found.high


def test_luck_is_taken_back():
    """Twenty systems that know nothing: the best looks good, and the correction says what it is worth."""
    gaps, leads = [], []
    for seed in range(10):
        truth, random = posts(n=200, seed=seed)
        scores = [random.random(200) for _ in range(20)]
        found = select(truth, scores, None, Aim(threshold=0.5), draws=DRAWS, seed=seed)
        leads.append(found.found - 0.5)
        gaps.append(found.corrected - 0.5)
    assert np.mean(leads) > 0.05
    assert abs(np.mean(gaps)) < 0.02  # calling half of the posts by lot has an F1 of a half


def test_what_is_measured_did_not_choose():
    """A system whose scores copy the labels of some posts gains nothing on others: held against fresh posts."""
    truth, random = posts(n=150, seed=3)
    scores = [np.clip(truth * 0.15 + random.random(150), 0, 1) for _ in range(15)]
    found = select(truth, scores, None, Aim(), draws=DRAWS)
    fresh_truth = random.random(200_000) < 0.5
    fresh = np.clip(fresh_truth * 0.15 + random.random(200_000), 0, 1)
    threshold = Aim().reach(truth, scores[found.winner], None)[1]
    worth = Aim().at(fresh_truth, fresh, threshold)
    assert found.found > worth
    assert abs(found.corrected - worth) < abs(found.found - worth)


def test_of_equals_the_first_wins():
    truth, random = posts(n=60)
    score = random.random(60)
    assert select(truth, [score, score], None, Aim(), draws=10).winner == 0


def test_the_goal_at_a_threshold_is_scikit_learns_f1():
    truth, random = posts(n=90)
    score = random.random(90)
    assert Aim().at(truth, score, 0.4) == pytest.approx(f1_score(truth, score >= 0.4))
    value, threshold = Aim().reach(truth, score, None)
    assert value == pytest.approx(f1_score(truth, score >= threshold))
    assert Aim(threshold=0.4).reach(truth, score, None)[0] == pytest.approx(f1_score(truth, score >= 0.4))


def test_costs_count_against():
    truth, score = np.array([True, False, True, False]), np.array([0.9, 0.8, 0.2, 0.1])
    aim = Aim(costs=Costs(1, 3))
    assert aim.at(truth, score, 0.5) == -(1 + 3) / 4
    assert aim.reach(truth, score, None)[0] == -1 / 4  # all but the last are called


def test_a_system_that_keeps_the_cap_beats_one_that_does_not():
    truth, random = posts(n=400, seed=1)
    groups = np.where(np.arange(400) % 2, "a", "b")
    sharp = np.clip(truth * 0.5 + random.random(400) * 0.6, 0, 1)
    unfair = np.where(~truth & (groups == "a") & (random.random(400) < 0.5), 1.0, sharp)
    dull = np.clip(truth * 0.3 + random.random(400) * 0.6, 0, 1)
    cap = Cap(0.2, "point")
    assert select(truth, [unfair, dull], groups, Aim(), draws=10).winner == 0
    chosen = select(truth, [unfair, dull], groups, Aim(cap=cap), draws=10)
    assert chosen.winner == 1
    assert Aim(cap=cap).reach(truth, unfair, groups)[0] < 0  # below every F1


def test_the_draws_have_a_seed():
    truth, random = posts(n=80)
    scores = [random.random(80), random.random(80)]
    assert select(truth, scores, None, Aim(), draws=20, seed=1) == select(truth, scores, None, Aim(), draws=20, seed=1)
    assert (
        select(truth, scores, None, Aim(), draws=20, seed=1).corrected
        != select(truth, scores, None, Aim(), draws=20, seed=2).corrected
    )


def test_one_positive_post_cannot_be_on_both_sides():
    truth = np.array([True] + [False] * 20)
    found = select(truth, [np.linspace(1, 0, 21)], None, Aim(), draws=30)
    assert found.found == 1
    assert math.isnan(found.corrected)
    assert found.draws == 0


def test_nothing_to_choose_from():
    with pytest.raises(ValueError, match="nothing to choose from"):
        select(np.array([True]), [], None, Aim())


def test_posts_of_a_cluster_are_drawn_and_left_out_together():
    truth, random = posts(n=60)
    scores = [random.random(60), random.random(60)]
    twice = [np.repeat(score, 8) for score in scores]
    clusters = random.permutation(60).repeat(8)
    alone = select(truth, scores, None, Aim(), draws=DRAWS)
    clustered = select(np.repeat(truth, 8), twice, None, Aim(), clusters=clusters, draws=DRAWS)
    torn = select(np.repeat(truth, 8), twice, None, Aim(), draws=DRAWS)
    assert clustered.found == pytest.approx(alone.found)
    assert clustered.high - clustered.low == pytest.approx(alone.high - alone.low, rel=0.3)
    assert torn.high - torn.low < 0.6 * (clustered.high - clustered.low)
