"""What the notes say, and the one next step of every situation."""

from dataclasses import replace

import pytest
from tests.small_studies import balanced, make_post, make_prediction, system

from probatum.study import Criterion, VerdictSettings
from probatum.verdict.compare import compare
from probatum.verdict.decision import Decision, apply_decision, effect_of
from probatum.verdict.evidence import TrainingSummary
from probatum.verdict.training_advice import gentler, longer, stronger


def verdict_of(errors, n=200, training=None, criteria=(), notes=()):
    posts = balanced(n)
    predictions = {name: system(posts, wrong) for name, wrong in errors.items()}
    criteria = criteria or [{"metric": "accuracy", "at_least": 0.7, "system": next(reversed(errors))}]
    settings = VerdictSettings(criteria=[Criterion(**criterion) for criterion in criteria], bootstrap_draws=300)
    return compare(posts, predictions, settings, "hate", training=training, notes=notes)


HARD = [{"metric": "accuracy", "at_least": 0.99}]


WORSE = {"baseline": range(20), "tuned": range(80)}


def test_tuned_worse_than_baseline_after_a_loss_that_rose():
    training = TrainingSummary(True, 90, 90, 1.2, 0.8, 60, 0.95, learning_rate=2e-4, epochs=3)
    verdict = verdict_of(WORSE, criteria=HARD, training=training)
    assert verdict.notes[0].startswith("tuned is worse than baseline (F1 -0.300, interval -0.3")
    assert verdict.notes[0].endswith("; validation loss rose: try --learning-rate 0.0001 --epochs 2")
    assert verdict.next_step.command == "probatum run STUDY --learning-rate 0.0001 --epochs 2"


def test_tuned_worse_than_baseline_while_the_loss_still_fell():
    training = TrainingSummary(True, 90, 90, 1.2, 0.8, 90, 0.8, learning_rate=2e-4, epochs=3)
    verdict = verdict_of(WORSE, criteria=HARD, training=training)
    assert verdict.notes[0].endswith("; validation loss was lowest at the last step: try --epochs 6")
    assert verdict.next_step.command == "probatum run STUDY --epochs 6"


def test_where_no_loss_says_why_no_setting_is_advised():
    verdict = verdict_of(WORSE, criteria=HARD)
    assert "overfitting" not in verdict.notes[0] and "try" not in verdict.notes[0]
    assert verdict.next_step.command is None
    assert verdict.next_step.sentence.endswith("tuned is behind baseline, and no loss says why.")


@pytest.mark.parametrize("summary", [{"best_step": 90}, {"best_step": 30, "final_loss": 0.9}])
@pytest.mark.parametrize("advice", [gentler, longer, stronger])
def test_no_setting_is_advised_that_the_study_has(advice, summary):
    training = TrainingSummary(True, 90, 90, 1.2, 0.8, **{"final_loss": 0.8} | summary, learning_rate=2e-4, epochs=3)
    flags = advice(training).split()
    given = dict(zip(flags[::2], map(float, flags[1::2]), strict=True))
    assert given and given.get("--epochs") != 3 and given.get("--learning-rate") != 2e-4


def test_a_capped_threshold_that_costs_f1_is_named_in_the_place_of_training():
    posts = balanced(200)
    positive = [post.label == "hate" for post in posts]
    score = [0.7 if one else 0.2 for one in positive]
    answers = [make_prediction(post, post.label) for post in posts]
    rows = [replace(row, score=one, otherwise="not_hate") for row, one in zip(answers, score, strict=True)]
    decision = Decision("tuned", 0.9, chosen=True, rule="highest F1 with FPR at most 0.010", meets_cap=False)
    settings = VerdictSettings(criteria=[Criterion(**HARD[0])], bootstrap_draws=300)
    verdict = compare(
        posts,
        {"baseline": rows, "tuned": apply_decision(decision, rows, "hate")},
        settings,
        "hate",
        training=TrainingSummary(True, 90, 90, 1.2, 0.8, 90, 0.8, learning_rate=2e-4, epochs=3),
        decisions={"tuned": effect_of(decision, rows, "hate", settings)},
    )
    assert verdict.diagnosis.causes[0].kind == "threshold"
    assert "costs tuned F1 on test: 0.000, where 0.5 gives 1.000" in verdict.next_step.sentence
    assert "validation could not keep the cap anyway" in verdict.notes[1]
    assert "--epochs" not in " ".join(verdict.notes)
    assert verdict.next_step.command == "probatum run STUDY --set scoring.threshold=0.5"


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
    assert verdict.notes[-1].startswith("every post is truly hate: precision is 1 by construction")


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
