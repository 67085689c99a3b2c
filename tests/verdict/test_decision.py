"""From validation scores to labels of test posts."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from tests.small_studies import make_post

from probatum.data.records import Status
from probatum.errors import StudyError
from probatum.metrics.recalibration import Recalibration
from probatum.scoring.decide import decided, predict
from probatum.study import Scoring, VerdictSettings
from probatum.verdict.decision import (
    Decision,
    apply_decision,
    check_rule,
    decide_system,
    effect_of,
    rule_text,
)
from probatum.verdict.results import decode, encode

VERDICT = VerdictSettings(criteria=[])
CAP = {"at_most": 0.35, "decide": "point"}


def study_of(n=200, seed=0, groups=("lgbtq", "mexican")):
    """Posts with scores that rank well but lie too low."""
    random = np.random.default_rng(seed)
    posts, scored = [], []
    for at in range(n):
        label = "hate" if random.random() < 0.5 else "not_hate"
        score = float(np.clip(random.normal(0.35 if label == "hate" else 0.2, 0.08), 0, 1))
        posts.append(make_post(at, label, groups[at % len(groups)]))
        scored.append(predict(posts[-1], {"hate": score, "not_hate": 1 - score}, "hate"))
    return posts, scored


def decide(posts, scored, system="tuned", **settings):
    return decide_system(system, posts, scored, settings=Scoring(**settings), positive="hate", verdict=VERDICT)


def test_the_best_threshold_of_validation_is_used_and_its_gain_is_shown():
    posts, scored = study_of()
    decision = decide(posts, scored, threshold="auto")
    assert decision.chosen and decision.rule == "highest F1, on validation"
    assert 0.2 < decision.threshold < 0.35
    assert decision.validation.f1 > 0.7 > decision.at_half.f1
    by_hand = max(f1_at(posts, scored, row.score) for row in scored)
    assert decision.validation.f1 == pytest.approx(by_hand)
    after = apply_decision(decision, scored, "hate")
    assert f1_at(posts, after, decision.threshold) == pytest.approx(by_hand)
    assert all((row.prediction == "hate") == (row.score >= decision.threshold) for row in after)


def f1_at(posts, rows, threshold):
    called = [row.score >= threshold for row in rows]
    tp = sum(c and p.label == "hate" for c, p in zip(called, posts, strict=True))
    return 2 * tp / (sum(called) + sum(p.label == "hate" for p in posts))


def test_the_test_posts_play_no_part_in_the_choice():
    posts, scored = study_of()
    decision = decide(posts, scored, threshold="auto")
    _, test = study_of(seed=1)
    assert decide(posts, scored, threshold="auto") == decision
    assert {row.prediction for row in apply_decision(decision, test, "hate")} == {"hate", "not_hate"}


def test_a_fixed_threshold_needs_no_validation():
    decision = decide([], [], threshold=0.3)
    assert (decision.threshold, decision.chosen, decision.rule) == (0.3, False, "given by the study")
    posts, scored = study_of(n=20)
    expected = [decided(row, "hate", 0.3, row.score) for row in scored]
    assert apply_decision(decision, scored, "hate") == expected
    assert posts[0].id == expected[0].id


def test_majority_keeps_its_meaning():
    posts, scored = study_of()
    assert decide(posts, scored, "majority", threshold="auto").threshold == 0.5
    assert decide([], [], "majority", threshold=0.3).threshold == 0.3


def test_every_group_keeps_the_cap_on_validation():
    posts, scored = study_of()
    capped = decide(posts, scored, threshold="auto", rule={"cap": CAP | {"at_most": 0.05}})
    assert capped.meets_cap
    assert capped.validation.worst_fpr <= 0.05
    by_bound = decide(posts, scored, threshold="auto", rule={"cap": {"at_most": 0.15}})
    assert by_bound.validation.worst_fpr < by_bound.validation.worst_bound <= 0.15
    assert capped.rule == "highest F1 with FPR of every group at most 0.050, on validation"
    assert by_bound.rule == "highest F1 with the upper end of FPR of every group at most 0.150, on validation"


def test_a_cap_out_of_reach_is_told_with_the_nearest():
    posts, scored = study_of(n=30)
    decision = decide(posts, scored, threshold="auto", rule={"cap": {"at_most": 0.01}})
    assert decision.meets_cap is False
    (note,) = decision.notes
    assert note.startswith(
        "no threshold of tuned that flags anything keeps the upper end of FPR of every group at most"
    )
    assert "the nearest is" in note and "more negative validation posts" in note
    assert decision.validation.worst_bound > 0.01
    worst = decision.validation.worst_bound
    assert decision.rule == (
        "no threshold keeps the upper end of FPR of every group at most 0.010 on validation: this one, the nearest, "
        f"has {worst:.3f} for {decision.validation.worst_bound_group} and misses it by {worst - 0.01:.3f}"
    )


def test_a_cap_by_a_column_that_is_not_there_is_refused():
    posts, _ = study_of(n=4)
    check_rule(posts, Scoring(threshold="auto", rule={"cap": CAP}))
    with pytest.raises(StudyError, match=r"no validation post has a column 'community'; columns: group, source"):
        check_rule(posts, Scoring(threshold="auto", rule={"cap": CAP | {"by": "community"}}))


def test_costs_move_the_threshold_and_are_named():
    posts, scored = study_of()
    rules = [{"goal": "cost", "cost": {"false_positive": a, "false_negative": b}} for a, b in ((5, 1), (1, 5))]
    careful, eager = (decide(posts, scored, threshold="auto", rule=rule) for rule in rules)
    assert careful.threshold > eager.threshold
    assert careful.rule == "lowest cost (false positive 5, false negative 1), on validation"
    assert careful.validation.cost <= careful.at_half.cost


@pytest.mark.parametrize("label", ["hate", "not_hate"])
def test_validation_of_one_label(label):
    posts, scored = study_of(n=40)
    kept = [at for at, post in enumerate(posts) if post.label == label]
    decision = decide([posts[at] for at in kept], [scored[at] for at in kept], threshold="auto", rule={"cap": CAP})
    if label == "hate":  # nothing to be careful about
        assert decision.validation.f1 == 1
        assert math.isnan(decision.validation.worst_fpr)
        assert decision.left_out == ["lgbtq", "mexican"]
    else:
        assert (decision.threshold, decision.chosen) == (0.5, False)
        assert "no threshold could be chosen for tuned on validation (there are no positive posts)" in decision.notes[0]


def test_posts_without_a_score_stay_as_they_are():
    posts, scored = study_of(n=60)
    broken = [predict(posts[0], {"hate": math.nan, "not_hate": math.nan}, "hate"), *scored[1:]]
    decision = decide(posts, broken, threshold="auto", calibration="temperature")
    after = apply_decision(decision, broken, "hate")
    assert (after[0].status, after[0].prediction) == (Status.ERROR, None)
    assert math.isnan(after[0].score)


def test_calibration_is_chosen_on_validation_and_its_effect_on_test_is_shown():
    posts, scored = study_of(n=2000)
    decision = decide(posts, scored, calibration="auto")
    assert decision.calibration.method == "isotonic"  # one temperature cannot lift scores over 0.5
    assert decision.losses["isotonic"] < min(decision.losses["none"], decision.losses["temperature"])
    assert (decision.threshold, decision.chosen) == (0.5, False)
    test_posts, test = study_of(n=2000, seed=1)
    effect = effect_of(decision, test, "hate", VERDICT)
    after = apply_decision(decision, test, "hate")
    mean = np.mean([(row.score - (row.label == "hate")) ** 2 for row in after])
    assert mean < effect.brier_before.value
    assert effect.ece_before.value > 0.1
    assert effect.at_half["f1"].value == pytest.approx(f1_at(test_posts, test, 0.5))


def test_too_few_posts_to_calibrate_are_told():
    posts, scored = study_of(n=6)
    decision = decide(posts, scored, calibration="auto")
    assert decision.calibration == Recalibration()
    assert "scores of tuned are not calibrated: on validation only" in decision.notes[0]


def test_a_temperature_changes_no_call_at_a_half():
    posts, scored = study_of()
    decision = decide(posts, scored, calibration="temperature")
    after = apply_decision(decision, scored, "hate")
    assert [row.prediction for row in after] == [row.prediction for row in scored]


def test_scores_that_a_temperature_cannot_mend_are_told():
    posts, scored = study_of()
    high = [predict(p, {"hate": 0.9, "not_hate": 0.1}, "hate") for p in posts]
    assert decide(posts, scored, calibration="temperature").notes == []
    (note,) = decide(posts, high, calibration="temperature").notes
    assert note.startswith("calibration takes the scores of tuned for almost nothing (temperature 50)")
    assert note.endswith("try scoring.calibration: isotonic")


def test_what_auto_has_rejected_is_not_advised():
    random = np.random.default_rng(0)
    posts = [make_post(at, "hate" if at % 2 else "not_hate") for at in range(40)]
    lost = [predict(p, {"hate": s, "not_hate": 1 - s}, "hate") for p, s in zip(posts, random.random(40), strict=True)]
    decision = decide(posts, lost, calibration="auto")
    assert decision.calibration.method == "temperature"
    assert decision.losses["temperature"] < decision.losses["isotonic"]
    (note,) = decision.notes
    assert "try" not in note.partition("too low; ")[2].split()
    assert "isotonic was tried too and is no better (held-out log loss" in note


def test_three_labels_fall_back_to_the_best_other():
    post = make_post(0, "offensive")
    row = predict(post, {"hate": 0.4, "offensive": 0.35, "normal": 0.25}, "hate")
    calls = {t: apply_decision(Decision("tuned", t), [row], "hate")[0].prediction for t in (0.3, 0.4, 0.41)}
    assert calls == {0.3: "hate", 0.4: "hate", 0.41: "offensive"}


def test_a_decision_is_written_and_read_again():
    posts, scored = study_of()
    decision = decide(posts, scored, threshold="auto", calibration="isotonic", rule={"cap": CAP})
    again = decode(Decision, json.loads(json.dumps(encode(decision))))
    assert apply_decision(again, scored, "hate") == apply_decision(decision, scored, "hate")
    assert [point.threshold for point in again.frontier] == [point.threshold for point in decision.frontier]
    assert math.isnan(again.validation.cost)


def test_the_frontier_holds_the_chosen_threshold_and_rises():
    posts, scored = study_of()
    decision = decide(posts, scored, threshold="auto", rule={"cap": CAP | {"at_most": 0.1}})
    assert decision.threshold in [point.threshold for point in decision.frontier]
    for strict, lax in pairwise(decision.frontier):
        assert strict.threshold > lax.threshold
        assert strict.f1 < lax.f1
        assert strict.worst_fpr < lax.worst_fpr


def test_a_cap_on_all_posts_as_one():
    rule = Scoring(threshold="auto", rule={"cap": CAP | {"by": None}}).rule
    assert rule_text(rule) == "highest F1 with FPR of all posts at most 0.350, on validation"
