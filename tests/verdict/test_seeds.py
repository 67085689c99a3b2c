"""Several seeds: the spread, the interval that draws them, and criteria that hang on them."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import t as student
from tests.small_studies import balanced, system

from probatum.study import Criterion, VerdictSettings
from probatum.verdict.compare import compare
from probatum.verdict.evidence import TrainingSummary
from probatum.verdict.further import Further
from probatum.verdict.results import Verdict
from probatum.verdict.seeds import SeedRun, seed_interval, spread_of

POSTS = balanced(200)
GAIN = {"metric": "accuracy", "gain_over": "baseline", "at_least": 0.0}


def judged(first, others, criterion=GAIN, trainings=None):
    """The verdict on a tuned system with so many errors under each seed; the baseline has 60."""
    predictions = {"baseline": system(POSTS, range(60)), "tuned": system(POSTS, range(first))}
    settings = VerdictSettings(criteria=[Criterion(**criterion)], bootstrap_draws=300)
    runs = {
        seed: SeedRun(system(POSTS, range(errors)), (trainings or {}).get(seed))
        for seed, errors in enumerate(others, 1)
    }
    further = Further(seed=0, seeds=runs)
    training = TrainingSummary(True, 10, 10)
    return compare(POSTS, predictions, settings, "hate", training=training, further=further)


def test_a_gain_that_every_seed_shows_holds():
    verdict = judged(30, [32, 31])
    assert verdict.accepted
    [found] = verdict.seeds.criteria
    assert (found.robust, found.outcomes) == (True, ["passed"] * 3)
    assert found.spread.values == pytest.approx([0.15, 0.14, 0.145])
    assert found.low < verdict.criteria[0].low + 0.005 - 1e-9


def test_a_gain_of_one_lucky_seed_is_inconclusive_and_says_why():
    verdict = judged(30, [58, 62])
    assert verdict.outcome == "inconclusive"
    [result], [found] = verdict.criteria, verdict.seeds.criteria
    assert (result.held_back, found.robust) == ("seed", False)
    assert found.outcomes == ["passed", "inconclusive", "inconclusive"]
    assert "not whatever the seed: 1 of 3 seeds pass alone, values from -0.010 to 0.150" in result.reason
    assert verdict.next_step.command == "probatum run STUDY --set 'training.seeds=[0,1,2,3,4]'"
    assert any("over 3 seeds" in note for note in verdict.notes)


def test_a_gain_is_judged_by_the_mean_over_the_seeds_and_its_interval():
    bound = GAIN | {"decide": "bound", "at_least": 0.06}
    assert judged(30, [33, 36], bound).seeds.criteria[0].robust is True
    # the mean is 0.112, and its interval reaches below 0: three seeds this far apart show no gain
    far_apart = judged(30, [34, 49]).seeds.criteria[0]
    assert far_apart.spread.mean > 0.1
    assert far_apart.low < 0
    assert far_apart.robust is False


def test_other_seeds_never_make_a_failed_criterion_pass():
    verdict = judged(90, [10, 10])
    assert verdict.criteria[0].outcome == "failed"
    assert verdict.seeds.criteria[0].robust is None


def test_a_point_criterion_must_hold_for_every_seed():
    level = {"metric": "accuracy", "at_least": 0.8, "decide": "point"}
    assert judged(30, [35, 39], level).accepted
    assert judged(30, [35, 41], level).outcome == "inconclusive"


def test_a_training_that_stopped_under_another_seed_is_told():
    completed = {"metric": "training", "completed": True}
    stopped = {1: TrainingSummary(True, 10, 10), 2: TrainingSummary(False, 10, 4)}
    assert judged(30, [30, 30], completed, stopped).outcome == "inconclusive"


def test_criteria_without_the_tuned_system_do_not_hang_on_seeds():
    verdict = judged(30, [90, 90], {"metric": "accuracy", "system": "baseline", "at_least": 0.5})
    assert verdict.accepted
    assert verdict.seeds.criteria == []


def test_the_interval_joins_both_draws():
    verdict = judged(30, [34, 44])
    result, found = verdict.criteria[0], verdict.seeds.criteria[0]
    sd = np.std(found.spread.values, ddof=1)
    half = student.ppf(0.975, 2) * sd / math.sqrt(3)
    low = np.mean(found.spread.values) - math.sqrt((result.value - result.low) ** 2 + half**2)
    assert found.low == pytest.approx(low)
    assert seed_interval(result, spread_of([0.1]), 0.95)[0] != seed_interval(result, spread_of([0.1]), 0.95)[0]  # NaN


def test_the_interval_stays_within_the_possible():
    level = judged(30, [170], {"metric": "accuracy", "at_least": 0.5}).seeds.criteria[0]
    assert (level.low, level.high) == (0.0, 1.0)
    gain = judged(30, [170]).seeds.criteria[0]
    assert (gain.low, gain.high) == (-1.0, 1.0)


def test_the_interval_of_the_mean_covers_as_often_as_it_says():
    """True gain 0.1, posts' error 0.02 common to all seeds, seeds' own 0.03: three seeds."""
    rng = np.random.default_rng(0)
    z = NormalDist().inv_cdf(0.975)
    hits = 0
    for _ in range(2000):
        values = 0.1 + rng.normal(0, 0.02) + rng.normal(0, 0.03, 3)

        class Result:
            value, low, high = values[0], values[0] - z * 0.02, values[0] + z * 0.02

        low, high = seed_interval(Result, spread_of(values.tolist()), 0.95)
        hits += low <= 0.1 <= high
    assert hits / 2000 >= 0.94


def test_the_verdict_can_be_read_again():
    verdict = judged(30, [58, 62])
    assert repr(Verdict.from_json(verdict.to_json())) == repr(verdict)
