"""What the notes say, and the one next step of every situation."""

import pytest
from tests.small_studies import balanced, make_post, make_prediction, system

from probatum.study import Criterion, VerdictSettings
from probatum.verdict.compare import compare
from probatum.verdict.evidence import TrainingSummary


def verdict_of(errors, n=200, training=None, criteria=(), notes=()):
    posts = balanced(n)
    predictions = {name: system(posts, wrong) for name, wrong in errors.items()}
    criteria = criteria or [{"metric": "accuracy", "at_least": 0.7, "system": next(reversed(errors))}]
    settings = VerdictSettings(criteria=[Criterion(**criterion) for criterion in criteria], bootstrap_draws=300)
    return compare(posts, predictions, settings, "hate", training=training, notes=notes)


HARD = [{"metric": "accuracy", "at_least": 0.99}]


def test_tuned_worse_than_baseline():
    verdict = verdict_of({"baseline": range(20), "tuned": range(80)}, criteria=HARD)
    assert verdict.notes[0].startswith("tuned is worse than baseline (F1 -0.300, interval -0.3")
    assert verdict.notes[0].endswith("overfitting or a learning rate too high: try --learning-rate 1e-4 --epochs 2")
    assert verdict.next_step.command == "probatum run STUDY --learning-rate 1e-4 --epochs 2"


def test_tuned_a_little_behind_baseline():
    verdict = verdict_of({"baseline": range(20), "tuned": range(21)})
    assert verdict.notes[0].startswith("tuned is behind baseline (F1 -0.004")
    assert "though chance may explain it" in verdict.notes[0]


def test_linear_beats_tuned():
    errors = {"linear": range(10), "baseline": range(90), "tuned": range(60)}
    verdict = verdict_of(errors, criteria=HARD)
    assert verdict.notes[0].startswith("linear beats tuned (F1 -0.250")
    assert verdict.notes[0].endswith("at a second of CPU")
    assert verdict.next_step.command == "probatum audit TRAIN"


def test_linear_ahead_by_chance():
    verdict = verdict_of({"linear": range(20), "tuned": range(21)})
    assert verdict.notes[0].startswith("linear is ahead of tuned (F1 -0.004")
    assert verdict.notes[0].endswith("though chance may explain it")


def test_training_that_stopped_goes_on():
    verdict = verdict_of({"tuned": range(80)}, criteria=HARD, training=TrainingSummary(False, 100, 40))
    assert verdict.next_step.command == "probatum run STUDY"
    assert "goes on from the last checkpoint" in verdict.next_step.sentence


def test_validation_loss_that_rose():
    training = TrainingSummary(True, 100, 100, 1.2, 0.8, 60, 0.95, notes=["stopped early, as asked"])
    verdict = verdict_of({"tuned": range(10)}, training=training, notes=["validation was split to make a test"])
    assert verdict.notes == [
        "validation was split to make a test",
        "stopped early, as asked",
        "validation loss rose after step 60, from 0.800 to 0.950: overfitting; the best checkpoint was kept",
    ]


@pytest.mark.parametrize("final", [None, 0.8])
def test_validation_loss_that_did_not_rise(final):
    training = TrainingSummary(True, 100, 100, 1.2, 0.8, 100, final)
    assert verdict_of({"tuned": range(10)}, training=training).notes == []


def test_unparsed_answers_lead_to_likelihood():
    posts = balanced(100)
    rows = [make_prediction(post, post.label if at > 50 else None) for at, post in enumerate(posts)]
    settings = VerdictSettings(criteria=[Criterion(**HARD[0])])
    verdict = compare(posts, {"tuned": rows}, settings, "hate")
    assert "scoring.method: likelihood" in verdict.next_step.sentence
    assert verdict.next_step.command == "probatum run STUDY --method likelihood"


def test_any_other_failure_leads_to_its_posts():
    verdict = verdict_of({"tuned": range(80)}, criteria=HARD)
    assert (
        "Read the posts behind the failed criterion (accuracy of tuned is at least 0.990)" in verdict.next_step.sentence
    )


def test_missing_evidence_is_asked_for():
    verdict = verdict_of({"tuned": range(10)}, criteria=[{"metric": "training", "completed": True}])
    assert verdict.next_step.sentence == (
        "Supply what is missing for: training is completed "
        "(it is not known how training went: there is no training summary)."
    )


def test_one_class_is_said():
    posts = [make_post(at, "hate") for at in range(6)]
    settings = VerdictSettings(criteria=[])
    verdict = compare(posts, {"tuned": system(posts, {0})}, settings, "hate")
    assert "every post is positive: some figures have no value" in verdict.notes


def test_a_point_at_the_limit_is_not_answered_by_more_posts():
    verdict = verdict_of({"tuned": range(40)}, criteria=[{"metric": "accuracy", "at_least": 0.8}])
    assert verdict.next_step.sentence.startswith("Move the limit or change the model")


UNFAIR = [{"metric": "fpr", "slice": {"group": "lgbtq"}, "at_most": 0.1}]


def unfair(training):
    """Too many negative posts about one group are flagged, but errors are everywhere."""
    errors = [*range(0, 80, 4), *range(2, 62, 4), *range(1, 41, 2)]
    return verdict_of({"baseline": range(0, 200, 2), "tuned": errors}, training=training, criteria=UNFAIR)


def test_a_failed_fairness_criterion_leads_to_reweighting():
    verdict = unfair(TrainingSummary(True, 10, 10))
    assert verdict.outcome == "rejected"
    assert verdict.next_step.command == "probatum run STUDY --set training.reweighting=group_label"
    assert "FPR on group=lgbtq of tuned is at most 0.100 failed" in verdict.next_step.sentence
    assert "probatum sweep STUDY" in verdict.next_step.sentence


def test_where_posts_were_weighed_already_the_threshold_is_next():
    verdict = unfair(TrainingSummary(True, 10, 10, reweighting=True))
    assert verdict.next_step.command == "probatum run STUDY --set scoring.threshold=auto"
    assert "rule: {cap: {at_most: …}}" in verdict.next_step.sentence
