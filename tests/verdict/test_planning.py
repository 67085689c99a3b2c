"""What the criteria can show, told before the run."""

import math

import numpy as np
import pytest
from tests.small_studies import balanced, make_post, system

from probatum.metrics.intervals import wilson
from probatum.study import Criterion, VerdictSettings
from probatum.verdict.compare import compare
from probatum.verdict.criteria import judge
from probatum.verdict.evidence import line_up
from probatum.verdict.planning import plan


def planned(criterion, posts, **settings):
    (found,) = plan(posts, "hate", VerdictSettings(criteria=[Criterion(**criterion)], **settings))
    return found


def test_a_safety_rate_says_what_true_rate_passes():
    found = planned({"metric": "fpr", "slice": {"group": "lgbtq"}, "at_most": 0.35}, balanced(400))
    assert found.settles
    assert found.words == f"100 negative posts pass it with 80% power where it is truly at most {found.showable:.3f}"
    drawn = np.random.default_rng(0).binomial(100, found.showable, size=4000)
    assert np.mean(wilson(drawn, 100, 0.95)[1] <= 0.35) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize(
    ("criterion", "words"),
    [
        (
            {"metric": "fpr", "at_most": 0.1},
            "it cannot pass: even the best answers on 10 negative posts leave the bound at 0.278; 35 would do",
        ),
        (
            {"metric": "recall", "at_least": 0.95},
            "it cannot pass: even the best answers on 10 positive posts leave the bound at 0.722; 73 would do",
        ),
        (
            {"metric": "f1", "within": (0.6, 0.62), "decide": "bound"},
            "it cannot pass: on 13 positive posts and false calls an interval in the middle is",
        ),
        (
            {"metric": "f1", "gain_over": "baseline", "at_least": 0},
            "20 posts are too few to pass it with 80% power, if baseline is right on 70% and the two differ on 25%",
        ),
        (
            {"metric": "fpr", "slice": {"group": "martian"}, "at_most": 0.1},
            "it cannot be settled: no post has group=martian; there are:",
        ),
    ],
)
def test_what_cannot_be_settled_is_told_with_the_reason(criterion, words):
    found = planned(criterion, balanced(20))
    assert not found.settles
    assert math.isnan(found.showable)
    assert found.words.startswith(words)


def test_enough_posts_to_do_really_do():
    posts = [make_post(at, "not_hate") for at in range(35)]
    assert planned({"metric": "fpr", "at_most": 0.1}, posts).settles
    evidence = line_up(posts, {"tuned": system(posts, set())}, "hate")
    assert judge(Criterion(metric="fpr", at_most=0.1), evidence, VerdictSettings()).outcome == "passed"
    assert not planned({"metric": "fpr", "at_most": 0.1}, posts[:34]).settles


def test_one_class_is_told():
    posts = [make_post(at, "hate") for at in range(9)]
    assert (
        planned({"metric": "fpr", "at_most": 0.3}, posts).words == "it cannot be settled: there are no negative posts"
    )
    found = planned({"metric": "fpr", "rise_over": "baseline", "at_most": 0.3}, posts)
    assert found.words == "it cannot be settled: there are no negative posts"
    none = [make_post(at, "not_hate") for at in range(9)]
    found = planned({"metric": "f1", "gain_over": "baseline", "at_least": 0}, none)
    assert found.words == "it cannot be settled: there are no positive posts"


@pytest.mark.parametrize(
    "criterion",
    [
        {"metric": "f1", "gain_over": "baseline", "at_least": 0.005},
        {"metric": "accuracy", "gain_over": "baseline", "at_least": 0},
        {"metric": "fnr", "rise_over": "baseline", "at_most": 0.05},
        {"metric": "precision", "at_least": 0.5},
        {"metric": "flag_rate", "at_most": 0.6},
    ],
)
def test_more_posts_show_less(criterion):
    few, many = planned(criterion, balanced(400)), planned(criterion, balanced(1600))
    limit = criterion.get("at_least", criterion.get("at_most"))
    assert abs(many.showable - limit) < abs(few.showable - limit)


def test_posts_of_one_template_count_as_one():
    apart = [make_post(at, "not_hate", template=at) for at in range(100)]
    together = [make_post(at, "not_hate", template=at // 5) for at in range(100)]
    assert planned({"metric": "fpr", "at_most": 0.35}, apart).words.startswith("100 negative posts")
    assert planned({"metric": "fpr", "at_most": 0.35}, together).words.startswith("20 negative posts")
    assert planned({"metric": "fpr", "at_most": 0.35}, together, cluster="none").words.startswith("100 negative posts")


def test_the_point_and_facts_of_training_need_no_posts():
    criteria = [Criterion(metric="training", completed=True), Criterion(metric="f1", within=(0.6, 0.7))]
    (found,) = plan(balanced(10), "hate", VerdictSettings(criteria=criteria))
    assert (found.settles, found.words) == (True, "the point decides, on 10 posts")


@pytest.mark.parametrize("posts", [[make_post(0, "hate")], [make_post(0, "not_hate")], balanced(2)])
def test_one_post_or_one_class_ends_inconclusive_with_reasons_from_end_to_end(posts):
    criteria = [
        Criterion(metric="f1", gain_over="baseline", at_least=0.005),
        Criterion(metric="fpr", at_most=0.35),
        Criterion(metric="fnr", rise_over="baseline", at_most=0.05),
        Criterion(metric="precision", at_least=0.5),
    ]
    settings = VerdictSettings(criteria=criteria, bootstrap_draws=200)
    assert all(one.words for one in plan(posts, "hate", settings))
    found = compare(posts, {"baseline": system(posts, {0}), "tuned": system(posts, set())}, settings, "hate")
    assert found.outcome == "inconclusive"
    assert {one.outcome for one in found.criteria} == {"inconclusive"}
    assert all(one.reason for one in found.criteria)
    assert type(found).from_json(found.to_json()).to_json() == found.to_json()
