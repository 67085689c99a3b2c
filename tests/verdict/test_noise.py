"""The noise floor: flips, scores, and gains that are no larger."""

import math
from dataclasses import replace

import pytest
from tests.small_studies import balanced, make_prediction, system

from probatum.study import Criterion, VerdictSettings
from probatum.verdict.compare import compare
from probatum.verdict.evidence import line_up
from probatum.verdict.further import Further
from probatum.verdict.noise import noise_floor
from probatum.verdict.results import Verdict

POSTS = balanced(400)
POINT = {"metric": "accuracy", "gain_over": "baseline", "at_least": 0.0, "decide": "point"}


def judged(tuned, again, criterion=POINT):
    """The verdict where the baseline errs on posts 0 to 99 and, scored again, on other ones."""
    predictions = {"baseline": system(POSTS, range(100)), "tuned": system(POSTS, tuned)}
    settings = VerdictSettings(criteria=[Criterion(**criterion)], bootstrap_draws=300)
    return compare(POSTS, predictions, settings, "hate", further=Further(noise=system(POSTS, again)))


def test_the_same_answers_make_no_floor():
    floor = judged(range(60), range(100)).noise_floor
    assert floor.flipped == []
    assert set(floor.floor.values()) == set(floor.change.values()) == {0.0}
    assert math.isnan(floor.largest_score_change)  # these systems give no scores


def test_flips_that_cancel_are_noise_all_the_same():
    floor = judged(range(60), [*range(95), 200, 201, 202, 203, 204]).noise_floor
    assert len(floor.flipped) == 10
    assert floor.change["accuracy"] == 0.0
    assert floor.floor["accuracy"] == pytest.approx(10 / 400)
    assert 0 < floor.floor["f1"] < 0.1


def test_a_gain_within_the_floor_is_none():
    again = range(50)  # fifty posts flip
    verdict = judged(range(60), again)
    [result] = verdict.criteria
    assert (verdict.outcome, result.held_back) == ("inconclusive", "noise")
    assert (
        "a gain of +0.100 is no gain: the same model scored twice flips 50 posts, which move accuracy by up to 0.125"
        in (result.reason)
    )
    assert "lies within the noise" in verdict.next_step.sentence
    assert any("below the noise floor" in note for note in verdict.notes)
    assert judged(range(20), again).accepted  # a gain of 0.2 is above it


def test_the_floor_is_taken_of_the_criterions_slice():
    on_mexican = POINT | {"slice": {"group": "mexican"}}
    lgbtq = [at for at, post in enumerate(POSTS) if post.group == "lgbtq" and at < 100]
    again = [at for at in range(100) if at not in lgbtq]  # only lgbtq posts flip
    assert judged(range(60), again, on_mexican).accepted


def test_levels_and_rises_are_no_gains():
    level = {"metric": "accuracy", "at_least": 0.6, "decide": "point"}
    assert judged(range(60), range(50), level).accepted


def test_changes_of_scores_and_unparsed_answers_count():
    posts = balanced(4)
    first = [make_prediction(post, post.label, 0.4) for post in posts]
    again = [replace(first[0], score=0.45), first[1], replace(first[2], score=0.39), make_prediction(posts[3], None)]
    floor = noise_floor(line_up(posts, {"baseline": first}, "hate"), again[::-1], "hate")
    assert floor.largest_score_change == pytest.approx(0.05)
    assert floor.mean_score_change == pytest.approx(0.06 / 3)
    assert floor.flipped == [posts[3].id]


def test_the_verdict_can_be_read_again():
    verdict = judged(range(60), range(50))
    assert repr(Verdict.from_json(verdict.to_json())) == repr(verdict)
