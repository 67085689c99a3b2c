"""Every outcome of every kind of criterion, and every reason."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.small_studies import balanced, make_post, make_prediction, system

from probatum.study import Criterion, VerdictSettings
from probatum.verdict.criteria import judge
from probatum.verdict.evidence import TrainingSummary, line_up

SETTINGS = VerdictSettings(bootstrap_draws=500)


def judged(criterion, posts, predictions, training=None):
    evidence = line_up(posts, predictions, "hate", training)
    return judge(Criterion(**criterion), evidence, SETTINGS)


@pytest.mark.parametrize(
    ("criterion", "text"),
    [
        ({"metric": "f1", "at_least": 0.62}, "F1 of tuned is at least 0.620"),
        ({"metric": "f1", "system": "linear", "at_least": 0.7125}, "F1 of linear is at least 0.7125"),
        (
            {"metric": "fpr", "slice": {"group": "lgbtq"}, "at_most": 0.35},
            "FPR on group=lgbtq of tuned is at most 0.350",
        ),
        ({"metric": "f1", "gain_over": "baseline", "at_least": 0.005}, "F1 gain over baseline is at least 0.005"),
        (
            {"metric": "f1", "system": "baseline", "gain_over": "linear", "at_least": 0},
            "F1 gain of baseline over linear is at least 0.000",
        ),
        (
            {"metric": "fnr", "slice": {"group": "lgbtq"}, "rise_over": "baseline", "at_most": 0.05},
            "FNR rise over baseline on group=lgbtq is at most 0.050",
        ),
        (
            {"metric": "f1", "system": "baseline", "within": (0.605, 0.625)},
            "F1 of baseline is between 0.605 and 0.625",
        ),
        ({"metric": "unparsed_rate", "at_most": 0.0001}, "unparsed rate of tuned is at most 0.0001"),
        ({"metric": "training", "completed": True}, "training is completed"),
        ({"metric": "validation_loss", "falls": True}, "validation loss of the kept checkpoint is below its start"),
        (
            {"metric": "retention_nll", "rise_over": "baseline", "at_most": 0.02},
            "loss on general text rises by at most 0.020",
        ),
    ],
)
def test_a_criterion_reads_as_a_sentence(criterion, text):
    posts = balanced(8)
    assert judged(criterion, posts, {"tuned": system(posts, {0})}).text == text


@pytest.mark.parametrize(
    ("limit", "outcome"), [(0.5, "passed"), (0.75, "inconclusive"), (0.8, "inconclusive"), (0.95, "failed")]
)
def test_at_least_is_decided_by_the_bound(limit, outcome):
    posts = balanced(200)
    found = judged({"metric": "accuracy", "at_least": limit}, posts, {"tuned": system(posts, range(40))})
    assert (found.outcome, found.decided_by, found.value, found.n) == (outcome, "bound", 0.8, 200)


@pytest.mark.parametrize(("limit", "outcome"), [(0.5, "passed"), (0.25, "inconclusive"), (0.1, "failed")])
def test_at_most_is_decided_by_the_bound(limit, outcome):
    posts = balanced(200)
    found = judged({"metric": "fpr", "at_most": limit}, posts, {"tuned": system(posts, range(40))})
    assert (found.outcome, found.value) == (outcome, 0.2)


def test_a_limit_is_cleared_by_reaching_it():
    posts = balanced(100)
    found = judged({"metric": "fpr", "at_most": 1.0}, posts, {"tuned": system(posts, range(0, 100, 2))})
    assert (found.value, found.outcome) == (1.0, "passed")


@pytest.mark.parametrize(("limit", "outcome"), [(0.79, "passed"), (0.8, "passed"), (0.81, "failed")])
def test_decide_point_ignores_the_interval(limit, outcome):
    posts = balanced(200)
    found = judged(
        {"metric": "accuracy", "at_least": limit, "decide": "point"}, posts, {"tuned": system(posts, range(40))}
    )
    assert (found.outcome, found.decided_by) == (outcome, "point")


@pytest.mark.parametrize(("within", "outcome"), [((0.79, 0.81), "passed"), ((0.81, 0.9), "failed")])
def test_within_is_decided_by_the_point(within, outcome):
    posts = balanced(200)
    found = judged({"metric": "accuracy", "within": within}, posts, {"tuned": system(posts, range(40))})
    assert (found.outcome, found.decided_by, found.limit) == (outcome, "point", list(within))


@pytest.mark.parametrize(
    ("within", "outcome"), [((0.5, 0.9), "passed"), ((0.79, 0.81), "inconclusive"), ((0.9, 0.95), "failed")]
)
def test_within_can_be_decided_by_the_bound(within, outcome):
    posts = balanced(200)
    found = judged(
        {"metric": "accuracy", "within": within, "decide": "bound"}, posts, {"tuned": system(posts, range(40))}
    )
    assert found.outcome == outcome


def needed_trials(value, limit):
    spread = 1.959964 * math.sqrt(limit * (1 - limit)) + 0.841621 * math.sqrt(value * (1 - value))
    return math.ceil((spread / (value - limit)) ** 2)


def test_inconclusive_says_how_many_posts_would_settle_it():
    posts = balanced(200)
    found = judged({"metric": "accuracy", "at_least": 0.75}, posts, {"tuned": system(posts, range(40))})
    assert found.posts_needed == needed_trials(0.8, 0.75)
    assert (
        f"if it is truly 0.800 as measured, about {found.posts_needed} such posts (there are 200) would show with 80% "
        "power that it passes" in found.reason
    )
    assert found.reason.endswith(
        f"for the 200 there are to pass it with 80% power, it must truly be at least {found.showable:.3f}"
    )


def test_settling_at_a_measured_point_below_the_limit_means_failing():
    posts = balanced(200)
    found = judged({"metric": "accuracy", "at_least": 0.85}, posts, {"tuned": system(posts, set(range(36)))})
    assert found.outcome == "inconclusive"
    assert "if it is truly 0.820 as measured, about" in found.reason
    assert "would show with 80% power that it fails; for the 200 there are to pass it" in found.reason


def test_an_absurd_number_of_posts_is_out_of_reach():
    posts = balanced(200)
    found = judged({"metric": "accuracy", "at_least": 0.801}, posts, {"tuned": system(posts, set(range(40)))})
    assert found.posts_needed > 100 * 200
    assert "to show that it fails takes over 100 times the 200 posts there are: out of reach" in found.reason
    assert f"{found.posts_needed:,}" not in found.reason


def test_posts_needed_counts_all_posts_of_the_slice_not_only_the_negatives():
    posts = balanced(200)
    found = judged({"metric": "fpr", "at_most": 0.25}, posts, {"tuned": system(posts, range(40))})
    assert found.posts_needed == 2 * needed_trials(0.2, 0.25)


def test_a_point_at_the_limit_is_never_settled():
    posts = balanced(200)
    found = judged({"metric": "accuracy", "at_least": 0.8}, posts, {"tuned": system(posts, range(40))})
    assert found.posts_needed is None
    assert "more posts cannot settle it: the point is exactly at the limit" in found.reason


def test_posts_needed_for_f1_settles_it_when_the_point_stays():
    posts = balanced(200)
    found = judged({"metric": "f1", "at_least": 0.75}, posts, {"tuned": system(posts, range(40))})
    assert (found.outcome, found.value) == ("inconclusive", pytest.approx(0.8))
    times = math.ceil(found.posts_needed / 200)
    more = balanced(200 * times)
    errors = {at for at in range(200 * times) if at % 200 < 40}
    assert judged({"metric": "f1", "at_least": 0.75}, more, {"tuned": system(more, errors)}).outcome == "passed"


@pytest.mark.parametrize(
    ("errors", "baseline_errors", "outcome"),
    [(range(20), range(100), "passed"), (range(100), range(20), "failed"), (range(98), range(2, 102), "inconclusive")],
)
def test_gain_is_decided_by_the_paired_interval(errors, baseline_errors, outcome):
    posts = balanced(400)
    predictions = {"baseline": system(posts, baseline_errors), "tuned": system(posts, errors)}
    for metric in ("f1", "accuracy"):
        found = judged({"metric": metric, "gain_over": "baseline", "at_least": 0.005}, posts, predictions)
        assert found.outcome == outcome


def test_equal_answers_are_no_gain():
    posts = balanced(100)
    predictions = {"linear": system(posts, range(9)), "tuned": system(posts, range(9))}
    for decide in ("point", "bound"):
        found = judged({"metric": "f1", "gain_over": "linear", "at_least": 0, "decide": decide}, posts, predictions)
        assert (found.value, found.outcome) == (0.0, "inconclusive")


def test_a_gain_by_the_point_is_doubted_when_its_interval_contains_0():
    posts = balanced(100)
    predictions = {"baseline": system(posts, range(12)), "tuned": system(posts, range(10))}
    criterion = {"metric": "accuracy", "gain_over": "baseline", "at_least": 0.01, "decide": "point"}
    found = judged(criterion, posts, predictions)
    assert found.outcome == "inconclusive"
    assert "the point passes, but the paired interval" in found.reason
    assert "contains 0" in found.reason
    assert found.posts_needed > 100


def test_a_fall_by_the_point_is_doubted_when_its_interval_contains_0():
    posts = balanced(100)
    predictions = {"baseline": system(posts, range(12)), "tuned": system(posts, range(10))}
    criterion = {"metric": "fpr", "rise_over": "baseline", "at_most": 0, "decide": "point"}
    assert judged(criterion, posts, predictions).outcome == "inconclusive"
    assert judged({**criterion, "at_most": 0.05}, posts, predictions).outcome == "passed"


def test_a_gain_needs_mcnemar_too():
    posts = balanced(40)  # 5 posts only tuned gets right: the score interval excludes 0, the exact test says p = 0.0625
    predictions = {"baseline": system(posts, range(5)), "tuned": system(posts, set())}
    found = judged({"metric": "accuracy", "gain_over": "baseline", "at_least": 0}, posts, predictions)
    assert found.low > 0
    assert found.outcome == "inconclusive"
    assert "McNemar's exact test does not support it (p = 0.062)" in found.reason


def test_a_rise_within_its_margin_passes():
    posts = balanced(800)
    predictions = {"baseline": system(posts, range(80)), "tuned": system(posts, range(4, 84))}
    found = judged({"metric": "fnr", "rise_over": "baseline", "at_most": 0.05}, posts, predictions)
    assert (found.outcome, found.value) == ("passed", 0.0)


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"group": "martian"}, "no post has group=martian; there are: lgbtq (4), mexican (4)"),
        ({"colour": "red"}, "no post has a column 'colour'; columns: group, source, kind"),
        ({"kind": "x", "group": "mexican"}, "no post has kind=x, group=mexican together"),
    ],
)
def test_an_empty_slice_is_inconclusive_and_names_what_there_is(wanted, reason):
    posts = [
        make_post(at, "hate" if at % 2 else "not_hate", "lgbtq" if at < 4 else "mexican", kind="x" if at < 4 else "y")
        for at in range(8)
    ]
    found = judged({"metric": "fpr", "slice": wanted, "at_most": 0.3}, posts, {"tuned": system(posts, set())})
    assert (found.outcome, found.reason, found.n, found.posts_needed) == ("inconclusive", reason, 0, None)
    assert math.isnan(found.value)


def test_slices_by_any_column_and_by_several():
    posts = [make_post(at, "not_hate", "lgbtq" if at % 2 else "mexican", level=at % 3) for at in range(60)]
    predictions = {"tuned": system(posts, {at for at in range(60) if at % 3 == 1})}
    found = judged({"metric": "fpr", "slice": {"level": "1", "group": "lgbtq"}, "at_most": 0.3}, posts, predictions)
    assert (found.n, found.value, found.outcome) == (10, 1.0, "failed")


def test_a_slice_without_negatives_is_inconclusive():
    posts = [make_post(at, "hate") for at in range(5)]
    found = judged({"metric": "fpr", "at_most": 0.3}, posts, {"tuned": system(posts, set())})
    assert (found.outcome, found.reason, found.n) == ("inconclusive", "there are no negative posts", 5)


def test_a_missing_system_is_inconclusive():
    posts = balanced(8)
    found = judged({"metric": "f1", "gain_over": "linear", "at_least": 0}, posts, {"baseline": system(posts, set())})
    assert found.outcome == "inconclusive"
    assert found.reason == "no predictions of tuned and linear; there are: baseline"


def test_one_post_is_never_enough_for_a_pass():
    posts = [make_post(0, "not_hate")]
    found = judged({"metric": "fpr", "at_most": 0.35}, posts, {"tuned": system(posts, set())})
    assert (found.value, found.outcome) == (0.0, "inconclusive")


def test_unparsed_answers_count_against_a_criterion():
    posts = balanced(40)
    silent = [make_prediction(post, None) for post in posts]
    assert judged({"metric": "f1", "at_least": 0.3}, posts, {"tuned": silent}).outcome == "failed"
    assert judged({"metric": "unparsed_rate", "at_most": 0.1}, posts, {"tuned": silent}).value == 1.0


TRAINING = {"metric": "training", "completed": True}
LOSS = {"metric": "validation_loss", "falls": True}
RETENTION = {"metric": "retention_nll", "rise_over": "baseline", "at_most": 0.02}


@pytest.mark.parametrize(
    ("criterion", "summary", "outcome", "reason"),
    [
        (
            TRAINING, TrainingSummary(True, 1158, 1158), "passed",
            "training was completed after 1,158 of 1,158 steps",
        ),
        (TRAINING, TrainingSummary(False, 100, 40), "failed", "training stopped after 40 of 100 steps"),
        (
            TRAINING, TrainingSummary(), "inconclusive",
            "it is not known how training went: there is no training summary",
        ),
        (TRAINING, None, "inconclusive", "it is not known how training went: there is no training summary"),
        (
            LOSS, TrainingSummary(start_loss=1.2, best_loss=0.8, best_step=400), "passed",
            "validation loss went from 1.200 to 0.800 at step 400",
        ),
        (
            LOSS, TrainingSummary(start_loss=0.8, best_loss=0.8), "failed",
            "validation loss went from 0.800 to 0.800",
        ),
        (
            LOSS, TrainingSummary(start_loss=math.nan, best_loss=0.8), "inconclusive",
            "the validation loss is not known at the start and at the kept checkpoint",
        ),
        (LOSS, None, "inconclusive", "the validation loss is not known at the start and at the kept checkpoint"),
        (
            {**RETENTION, "decide": "point"},
            TrainingSummary(retention_nll_baseline=3.0, retention_nll_tuned=3.01), "passed",
            "loss on general text went from 3.0000 to 3.0100 (+0.010)",
        ),
        (
            {**RETENTION, "decide": "point"},
            TrainingSummary(retention_nll_baseline=3.0, retention_nll_tuned=3.1), "failed",
            "loss on general text went from 3.0000 to 3.1000 (+0.100)",
        ),
        (
            RETENTION, TrainingSummary(retention_nll_baseline=3.0), "inconclusive",
            "the loss on general text was not measured before and after training",
        ),
        (
            {**RETENTION, "rise_over": "linear"},
            TrainingSummary(retention_nll_baseline=3.0, retention_nll_tuned=3.1), "inconclusive",
            "loss on general text is measured for tuned over baseline only",
        ),
    ],
)  # fmt: skip
def test_facts_of_training(criterion, summary, outcome, reason):
    posts = balanced(4)
    found = judged(criterion, posts, {"tuned": system(posts, set())}, summary)
    assert (found.outcome, found.reason, found.decided_by) == (outcome, reason, "point")


@given(st.sets(st.integers(0, 39)), st.sets(st.integers(0, 39)), st.floats(-0.2, 0.2))
@settings(max_examples=40, deadline=None)
def test_a_passed_gain_is_never_explained_by_chance(errors, baseline_errors, limit):
    posts = balanced(40)
    predictions = {"baseline": system(posts, baseline_errors), "tuned": system(posts, errors)}
    for decide in ("point", "bound"):
        criterion = {"metric": "f1", "gain_over": "baseline", "at_least": limit, "decide": decide}
        found = judged(criterion, posts, predictions)
        if found.outcome == "passed" and limit >= 0:
            assert found.low >= 0
