"""From predictions to a verdict: outcomes, what is kept, what is refused, and the two published runs."""

import csv
import json
import math
import random

import numpy as np
import pytest
from tests.small_studies import balanced, make_post, make_prediction, system

from probatum.artifacts import write_json_atomic
from probatum.data.records import Post, Prediction
from probatum.errors import DataError
from probatum.study import Criterion, VerdictSettings
from probatum.verdict.compare import compare, overall
from probatum.verdict.evidence import TrainingSummary, Usage
from probatum.verdict.results import Verdict


def settings(*criteria):
    return VerdictSettings(criteria=[Criterion(**criterion) for criterion in criteria], bootstrap_draws=300)


LEVEL = {"metric": "accuracy", "at_least": 0.7}
GAIN = {"metric": "f1", "gain_over": "baseline", "at_least": 0.005}


def verdict_of(errors, baseline_errors, *criteria, n=400, **others):
    posts = balanced(n)
    predictions = {"baseline": system(posts, baseline_errors), "tuned": system(posts, errors)}
    return compare(posts, predictions, settings(*(criteria or (LEVEL, GAIN))), "hate", **others)


def test_accepted():
    verdict = verdict_of(range(20), range(100))
    assert (verdict.outcome, verdict.exit_code, verdict.accepted) == ("accepted", 0, True)
    assert verdict.sentence == "Accepted: all 2 criteria passed."
    assert "RUN/training/adapter" in verdict.next_step.sentence
    assert "at/training/adapter" in verdict.next_step.located({"RUN": "at"}).sentence


def test_a_doubt_about_the_posts_forbids_to_accept():
    verdict = verdict_of(range(20), range(100), doubts=["the test stands in training"])
    assert (verdict.outcome, verdict.exit_code) == ("inconclusive", 3)
    assert verdict.sentence == "Inconclusive: every criterion passed, but the test stands in training."
    assert "Settle this first" in verdict.next_step.sentence
    assert verdict.notes[0] == "the test stands in training"
    assert verdict_of(range(300), range(100), doubts=["x"]).outcome == "rejected"


def test_no_changed_answer_asks_for_training_not_for_posts():
    verdict = verdict_of(range(20), range(20))
    assert "training changed no answer" in verdict.next_step.sentence


def test_rejected_names_what_failed():
    verdict = verdict_of(range(300), range(100))
    assert (verdict.outcome, verdict.exit_code) == ("rejected", 1)
    assert verdict.sentence.startswith("Rejected (2 failed). Failed: accuracy of tuned is at least 0.700: 0.250 with")
    assert "F1 gain over baseline is at least 0.005" in verdict.sentence


def test_inconclusive_names_what_is_open_and_asks_for_posts():
    verdict = verdict_of(range(97), range(2, 102))
    assert (verdict.outcome, verdict.exit_code) == ("inconclusive", 3)
    assert verdict.sentence.startswith("Inconclusive (1 passed, 1 inconclusive). Inconclusive: F1 gain over baseline")
    assert "Label more test posts: about" in verdict.next_step.sentence
    assert "which passes if it is truly as measured" in verdict.next_step.sentence


def test_one_failure_outweighs_everything_else():
    verdict = verdict_of(range(98), range(2, 102), GAIN, {"metric": "accuracy", "at_least": 0.99})
    assert verdict.outcome == "rejected"


def test_no_criteria_accept_nothing():
    posts = balanced(8)
    verdict = compare(posts, {"linear": system(posts, set())}, settings(), "hate")
    assert (verdict.outcome, verdict.sentence) == ("inconclusive", "Inconclusive: the study sets no criteria.")
    assert "verdict.criteria" in verdict.next_step.sentence
    assert overall([]) == "inconclusive"


def test_only_baseline_and_linear():
    posts = balanced(60)
    predictions = {"linear": system(posts, range(9)), "baseline": system(posts, range(20))}
    verdict = compare(posts, predictions, settings({**LEVEL, "system": "linear"}), "hate")
    (comparison,) = verdict.comparisons
    assert (comparison.system, comparison.other) == ("baseline", "linear")
    assert (len(comparison.fixed), len(comparison.broken)) == (0, 11)
    assert verdict.notes[0].startswith("baseline is worse than linear (F1 -0.186")


def test_one_system_alone():
    posts = balanced(60)
    verdict = compare(posts, {"tuned": system(posts, range(6))}, settings(LEVEL), "hate")
    assert (verdict.comparisons, verdict.changed, verdict.outcome) == ([], {}, "accepted")


def test_fixed_and_broken_both_ways():
    verdict = verdict_of({0, 1, 2}, {2, 3}, n=40)
    (comparison,) = verdict.comparisons
    assert (comparison.fixed, comparison.broken) == (["p3"], ["p0", "p1"])
    assert verdict.changed["p3"].predictions == {"baseline": "not_hate", "tuned": "hate"}
    assert verdict.changed["p3"].label == "hate"
    assert comparison.mcnemar_p == 1.0


def test_unparsed_errors_and_cut_posts_are_counted_and_wrong():
    posts = balanced(10)
    rows = [make_prediction(post, post.label) for post in posts]
    rows[0] = make_prediction(posts[0], None)
    rows[1] = make_prediction(posts[1], "error")
    rows[2] = Prediction(posts[2].id, posts[2].label, None, None, 0.1, "not_hate", truncated=True)
    verdict = compare(posts, {"tuned": rows}, settings(LEVEL), "hate")
    tuned = verdict.systems["tuned"]
    assert (tuned.unparsed, tuned.errors, tuned.truncated) == (1, 1, 1)
    assert tuned.metrics["accuracy"].value == 0.8
    assert tuned.valid_only["accuracy"].value == 1.0
    assert (tuned.confusion.fp, tuned.confusion.fn) == (1, 1)
    notes = " ".join(verdict.notes)
    assert "1 of 10 answers of tuned held no label and count as wrong: make the prompt say" in notes
    assert "1 of 10 posts could not be scored with tuned and count as wrong" in notes
    assert "1 of 10 posts were cut to fit tuned: raise prompt.max_tokens" in notes


def test_valid_only_is_left_out_where_everything_was_parsed():
    tuned = verdict_of({0}, {1}, n=20).systems["tuned"]
    assert (tuned.valid_only, tuned.valid_confusion) == ({}, None)


def test_groups_and_slices():
    posts = [
        make_post(at, "hate" if at % 2 else "not_hate", ("lgbtq", None)[at // 2 % 2], ("a", "b")[at % 2],
                  kind=at % 3, note=f"n{at}", tags=["x"])
        for at in range(24)
    ]  # fmt: skip
    verdict = compare(posts, {"tuned": system(posts, {0})}, settings(LEVEL), "hate")
    assert {(row.row.value, row.row.n) for row in verdict.groups} == {("lgbtq", 12), ("(none)", 12)}
    assert [row.column for row in verdict.slices] == ["source"] * 2 + ["kind"] * 3
    (a, _) = verdict.slices[:2]
    assert a.row.fnr.reason == "there are no positive posts"


def test_group_changes_are_paired_within_the_group():
    verdict = verdict_of({0, 4, 8}, {0, 4, 8, 12, 16}, n=80)
    change = {group.value: group for group in verdict.comparisons[0].groups}
    assert change["lgbtq"].fpr.value == pytest.approx(-2 / 20)
    assert (change["mexican"].fpr.value, change["mexican"].fpr.n) == (0.0, 20)


def test_order_of_posts_and_predictions_changes_nothing_but_the_order_of_lists():
    posts = balanced(60)
    predictions = {"baseline": system(posts, range(20)), "tuned": system(posts, range(10, 25))}
    shuffled = random.Random(1).sample(posts, 60)
    mixed = {name: random.Random(2).sample(rows, 60) for name, rows in predictions.items()}
    first = compare(posts, predictions, settings(LEVEL, GAIN), "hate")
    second = compare(shuffled, mixed, settings(LEVEL, GAIN), "hate")
    assert repr(first.criteria) == repr(second.criteria)
    assert repr(first.systems) == repr(second.systems)
    assert repr(first.groups) == repr(second.groups)
    assert set(first.comparisons[0].fixed) == set(second.comparisons[0].fixed)


def test_json_there_and_back(tmp_path, good_training):
    posts = [make_post(at, "hate", kind=at % 2) for at in range(6)]  # no negatives: some figures are null
    predictions = {"linear": system(posts, {0, 1}), "tuned": system(posts, {1})}
    criteria = (LEVEL, {"metric": "fpr", "at_most": 0.3}, {"metric": "training", "completed": True})
    usage = {"tuned": Usage(1.5, 900, 0.01)}
    verdict = compare(posts, predictions, settings(*criteria), "hate", training=good_training, usage=usage)
    path = tmp_path / "verdict.json"
    write_json_atomic(path, verdict.to_json())
    value = json.loads(path.read_text())
    fpr = value["systems"]["tuned"]["metrics"]["fpr"]
    assert (fpr["value"], fpr["reason"]) == (None, "there are no negative posts")
    assert value["systems"]["tuned"]["metrics"]["accuracy"]["value"] == 5 / 6
    assert repr(Verdict.from_json(value)) == repr(verdict)
    assert Verdict.from_json(value).systems["tuned"].usage == Usage(1.5, 900, 0.01)


@pytest.mark.parametrize(
    ("value", "message"),
    [({}, "schema None, wanted 3"), ({"schema": 3}, "not a verdict: 'outcome'; make it again"), ({"schema": 9}, "9")],
)
def test_what_is_no_verdict_is_refused(value, message):
    with pytest.raises(DataError, match=message):
        Verdict.from_json(value)


def test_infinite_loss_is_null_in_json():
    training = TrainingSummary(True, 1, 1, math.inf, 0.5)
    verdict = verdict_of({0}, {1}, {"metric": "validation_loss", "falls": True}, n=20, training=training)
    assert verdict.to_json()["criteria"][0]["value"] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda posts, rows: (posts, rows[1:]), r"no prediction for 1 post \('p0'\); score 'tuned' again on the same"),
        (lambda posts, rows: (posts[:-2], rows), r"a prediction for unknown 2 posts \('p6', 'p7'\)"),
        (lambda posts, rows: (posts[1:], rows[:-1]), r"no prediction for .*'p7'.* and a prediction for .*'p0'"),
        (lambda posts, rows: (posts, []), r"no prediction for 8 posts \('p0', 'p1', 'p2', …\)"),
        (lambda posts, rows: (posts, [*rows, rows[0]]), "the predictions of 'tuned' hold the id 'p0' twice"),
        (lambda posts, rows: ([*posts, posts[3]], rows), "the posts hold the id 'p3' twice"),
        (lambda posts, rows: ([], rows), "there are no posts"),
        (
            lambda posts, rows: (posts, [make_prediction(Post("p0", "", "hate"), "hate"), *rows[1:]]),
            "post 'p0' is labelled 'not_hate', but the predictions of 'tuned' say 'hate'",
        ),
    ],
)
def test_predictions_of_other_posts_are_refused(change, message):
    posts = balanced(8)
    posts, rows = change(posts, system(posts, set()))
    with pytest.raises(DataError, match=message):
        compare(posts, {"tuned": rows}, settings(LEVEL), "hate")


def test_no_systems_are_refused():
    with pytest.raises(DataError, match="there are no predictions"):
        compare(balanced(4), {}, settings(LEVEL), "hate")


def test_auroc_is_measured_where_there_are_scores():
    posts = balanced(20)
    scored = [make_prediction(post, post.label, 0.9 if post.label == "hate" else 0.1) for post in posts]
    verdict = compare(posts, {"linear": scored, "tuned": system(posts, {1})}, settings(LEVEL), "hate")
    assert verdict.systems["linear"].metrics["auroc"].value == 1.0
    assert verdict.systems["tuned"].metrics["auroc"].reason == "the system gave no scores"


def test_a_task_with_three_labels_is_judged_as_positive_or_not():
    posts = [make_post(at, ("hate", "offensive", "normal")[at % 3]) for at in range(9)]
    rows = [make_prediction(post, "normal" if post.label == "offensive" else post.label) for post in posts]
    assert compare(posts, {"tuned": rows}, settings(LEVEL), "hate").systems["tuned"].metrics["accuracy"].value == 1.0


def test_no_effect_is_called_a_gain_in_at_most_one_study_in_twenty():
    rng = np.random.default_rng(11)
    posts = balanced(200)
    accepted = 0
    for _ in range(200):
        wrong_before, wrong_after = (set(np.flatnonzero(rng.random(200) < 0.3).tolist()) for _ in range(2))
        predictions = {"baseline": system(posts, wrong_before), "tuned": system(posts, wrong_after)}
        accepted += compare(posts, predictions, settings({**GAIN, "at_least": 0}), "hate").accepted
    assert accepted <= 10


@pytest.mark.parametrize("run", ["baseline_std", "high_capacity"])
def test_the_published_tables_come_out_of_the_published_predictions(shared_data, run):
    folder = shared_data / "predictions" / run
    with (folder / "strategy_unified_results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with (folder / "performance_metrics.csv").open(encoding="utf-8", newline="") as file:
        (published,) = csv.DictReader(file)
    posts = [
        Post(str(at), row["input_text"], row["true_label"], row["target_group_norm"]) for at, row in enumerate(rows)
    ]
    predictions = [
        make_prediction(post, row["predicted_label"] if row["predicted_label"] in {"hate", "normal"} else None)
        for post, row in zip(posts, rows, strict=True)
    ]
    result = compare(posts, {"tuned": predictions}, settings(), "hate").systems["tuned"]
    for name, metric in {
        "accuracy": "accuracy",
        "precision": "precision",
        "recall": "recall",
        "f1_score": "f1",
    }.items():
        assert result.valid_only[metric].value == float(published[name])
    counts = {"true_positive": "tp", "true_negative": "tn", "false_positive": "fp", "false_negative": "fn"}
    for name, cell in counts.items():
        assert getattr(result.valid_confusion, cell) == int(published[name])
    assert result.metrics["f1"].value < result.valid_only["f1"].value
    parsed = [at for at, row in enumerate(predictions) if row.prediction is not None]
    kept = [posts[at] for at in parsed]
    by_group = compare(kept, {"tuned": [predictions[at] for at in parsed]}, settings(), "hate").groups
    for row in by_group:
        assert row.row.fpr.value == pytest.approx(float(published[f"{row.row.value}_fpr"]), abs=1e-15)
        assert row.row.fnr.value == pytest.approx(float(published[f"{row.row.value}_fnr"]), abs=1e-15)


def test_groups_are_held_against_each_other_and_posts_without_one_are_background():
    posts = [*balanced(40), *(make_post(40 + at, "hate" if at % 2 else "not_hate", None) for at in range(20))]
    wrong_about_lgbtq = [at for at, post in enumerate(posts) if post.group == "lgbtq" and post.label == "not_hate"]
    rows = [
        make_prediction(post, "hate" if at in wrong_about_lgbtq else post.label, 0.9 if post.label == "hate" else 0.2)
        for at, post in enumerate(posts)
    ]
    verdict = compare(posts, {"tuned": rows}, settings(LEVEL), "hate")
    found = verdict.systems["tuned"]
    odds = found.fairness.equalised_odds
    assert (odds.interval.value, odds.metric, odds.highest, odds.lowest) == (1.0, "fpr", "lgbtq", "mexican")
    assert found.fairness.demographic_parity.interval.value == pytest.approx(0.5)
    assert [areas.value for areas in found.fairness.areas] == ["lgbtq", "mexican"]
    assert found.fairness.mean_areas["bpsn"].value == 1.0
    assert found.metrics["brier"].value == pytest.approx((0.1**2 + 0.2**2) / 2)
    assert found.calibration.ece.value == pytest.approx(0.15)
    assert repr(Verdict.from_json(verdict.to_json())) == repr(verdict)


def test_changes_by_group_are_tested_together():
    verdict = verdict_of(range(20), range(100))
    for change in verdict.comparisons[0].groups:
        assert change.fpr_p == pytest.approx(4 * 2 * 0.5**20)  # 20 fixed, none broken: two groups, two rates, by Holm
        assert change.fnr_p == change.fpr_p
