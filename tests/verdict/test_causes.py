"""Causes: each is found where it is, left alone where it is not, and comes with a command for these settings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score
from tests.small_studies import balanced, make_post, make_prediction, system

from probatum.data.records import Prediction
from probatum.study import Criterion, VerdictSettings
from probatum.verdict.causes import Clues, CurveAnswers, best_threshold
from probatum.verdict.compare import compare
from probatum.verdict.evidence import TrainingSummary
from probatum.verdict.further import Further
from probatum.verdict.results import Verdict

FAILING = [Criterion(metric="accuracy", at_least=0.999, decide="point")]
SETTINGS = VerdictSettings(criteria=FAILING, bootstrap_draws=300)
VALIDATION = balanced(300)


def verdict_of(posts, errors, clues=None, training=None):
    return compare(
        posts, {"tuned": system(posts, errors)}, SETTINGS, "hate", training=training, further=Further(clues=clues)
    )


def causes(*arguments, **options):
    return verdict_of(*arguments, **options).diagnosis.causes


def test_overfitting_halves_the_rate_and_stops_at_the_best_step():
    training = TrainingSummary(True, 300, 300, 1.2, 0.8, 100, 0.95, learning_rate=1e-4, epochs=3)
    [cause] = causes(VALIDATION, range(20), training=training)
    assert cause.kind == "overfitting"
    assert cause.sentence == "validation loss rose after step 100, from 0.800 to 0.950"
    assert cause.command == "probatum run STUDY --learning-rate 5e-05 --epochs 1"
    assert cause.values == {"best_loss": 0.8, "final_loss": 0.95, "best_step": 100.0}


@pytest.mark.parametrize("final", [0.8, 0.81, None])
def test_a_loss_that_hardly_rose_is_no_overfitting(final):
    training = TrainingSummary(True, 300, 300, 1.2, 0.8, 100, final, learning_rate=1e-4, epochs=3)
    assert causes(VALIDATION, range(20), training=training) == []


def offensive(offensive_wrong, other_wrong):
    """150 negatives, 60 of them offensive, and 100 positives; so many of each kind of negative are flagged."""
    kinds = ["offensive"] * 60 + ["normal"] * 90
    posts = [make_post(at, "not_hate", kind=kind) for at, kind in enumerate(kinds)]
    posts += [make_post(150 + at, "hate", kind="hatespeech") for at in range(100)]
    return posts, [*range(offensive_wrong), *range(60, 60 + other_wrong)]


def test_a_slice_that_explains_most_errors_is_a_convention():
    posts, errors = offensive(45, 5)
    [cause] = causes(posts, errors)
    assert cause.kind == "convention"
    assert cause.sentence == (
        "45 of 50 false positives of tuned are among the 60 negative posts with kind=offensive, "
        "out of 150 negative ones"
    )
    assert cause.command == "probatum run STUDY --set prompt.strategy=convention"
    assert cause.values == {"errors": 45.0, "n": 60.0, "all_errors": 50.0, "all_n": 150.0}


@pytest.mark.parametrize("strategy", ["convention", "ready"])
def test_where_the_prompt_states_it_already_the_posts_are_to_be_looked_at(strategy):
    posts, errors = offensive(45, 5)
    [cause] = causes(posts, errors, clues=Clues(strategy=strategy))
    assert cause.command == "probatum audit TRAIN"


@pytest.mark.parametrize(("inside", "outside"), [(20, 30), (8, 0), (30, 45), (0, 0)])
def test_errors_that_are_spread_or_few_are_no_convention(inside, outside):
    posts, errors = offensive(inside, outside)
    assert causes(posts, errors) == []


def scored(scores):
    return [
        Prediction(post.id, post.label, post.group, post.source, score, "hate" if score >= 0.5 else "not_hate")
        for post, score in zip(VALIDATION, scores, strict=True)
    ]


def test_a_threshold_that_validation_supports():
    scores = [0.3 + 0.001 * (at % 50) if post.label == "hate" else 0.1 for at, post in enumerate(VALIDATION)]
    clues = Clues(validation=VALIDATION, scores=scored(scores))
    [cause] = causes(VALIDATION, range(20), clues=clues)
    assert cause.kind == "threshold"
    threshold = cause.values["threshold"]
    assert 0.1 < threshold <= 0.301
    assert cause.command == "probatum run STUDY --set scoring.threshold=auto"
    assert cause.values["gain"] == 1.0


def test_a_threshold_as_good_as_it_can_be_is_left():
    scores = [0.9 if post.label == "hate" else 0.1 for post in VALIDATION]
    assert causes(VALIDATION, range(20), clues=Clues(validation=VALIDATION, scores=scored(scores))) == []


def test_a_threshold_better_by_chance_alone_is_left():
    scores = np.random.default_rng(0).uniform(0.4, 0.6, len(VALIDATION))
    scores[:40] = [0.9 if post.label == "hate" else 0.1 for post in VALIDATION[:40]]
    clues = Clues(validation=VALIDATION[:40], scores=scored(scores)[:40])
    assert causes(VALIDATION, range(20), clues=clues) == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 1000)), min_size=1, max_size=30))
def test_the_best_threshold_is_the_best_of_all(pairs):
    truth, scores = np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs]) / 1000
    found = best_threshold(truth, scores)

    distinct = sorted({*scores.tolist(), 1.001})  # between two scores nothing changes
    of_all = max(f1_score(truth, scores >= one, zero_division=0) for one in distinct)
    assert f1_score(truth, scores >= found, zero_division=0) == pytest.approx(of_all)


def curve(**errors):
    """Answers about the validation posts of a system trained on ¼, ½ and all of 1,000 posts."""
    return {
        name: {
            share: CurveAnswers(int(1000 * share), system(VALIDATION, range(wrong)))
            for share, wrong in zip((0.25, 0.5, 1.0), wrongs, strict=True)
        }
        for name, wrongs in errors.items()
    }


def test_a_curve_that_rises_to_the_end_asks_for_the_tuned_one():
    clues = Clues(validation=VALIDATION, curves=curve(linear=(120, 80, 40)))
    verdict = verdict_of(VALIDATION, range(20), clues)
    [cause] = verdict.diagnosis.causes
    assert cause.kind == "too_little_data"
    assert cause.command == "probatum run STUDY --learning-curve"
    assert "on 250 posts" in cause.sentence
    points = verdict.diagnosis.learning_curve
    assert [(point.system, point.share, point.n) for point in points] == [
        ("linear", 0.25, 250), ("linear", 0.5, 500), ("linear", 1.0, 1000),
    ]  # fmt: skip
    assert points[0].change.reason == "there is no smaller share"
    assert points[2].change.value == pytest.approx(points[2].f1.value - points[1].f1.value)


def test_the_tuned_curve_is_asked_before_the_linear_one():
    rising, flat = (120, 80, 40), (42, 41, 40)
    assert causes(VALIDATION, range(20), clues=Clues(VALIDATION, curves=curve(linear=rising, tuned=flat))) == []
    [cause] = causes(VALIDATION, range(20), clues=Clues(VALIDATION, curves=curve(linear=flat, tuned=rising)))
    assert cause.command == "probatum audit TRAIN"


def test_a_curve_that_falls_is_said_with_its_threshold():
    found = verdict_of(VALIDATION, range(20), Clues(VALIDATION, curves=curve(tuned=(80, 82, 150), linear=(90, 80, 80))))
    (note,) = (one for one in found.notes if "with more training posts" in one)
    assert note.startswith(
        "F1 of tuned on validation falls with more training posts (0.733 on 250, 0.727 on 500, 0.500"
    )
    assert "chance" not in note and note.count("at a threshold of 0.5") == 1
    doubtful = verdict_of(VALIDATION, range(20), Clues(VALIDATION, curves=curve(tuned=(80, 82, 86))))
    assert any("which chance may explain" in one for one in doubtful.notes)


def test_a_curve_that_ended_rising_is_no_lack_of_data():
    assert causes(VALIDATION, range(20), clues=Clues(VALIDATION, curves=curve(linear=(120, 40, 40)))) == []


def test_causes_come_in_order_and_the_first_is_the_next_step():
    posts, errors = offensive(45, 5)
    training = TrainingSummary(True, 300, 300, 1.2, 0.8, 100, 0.95, learning_rate=1e-4, epochs=3)
    scores = [0.3 if post.label == "hate" else 0.1 for post in VALIDATION]
    clues = Clues(VALIDATION, scored(scores), curve(linear=(120, 80, 40)), method="generate")
    rows = system(posts, errors)
    rows[-1] = make_prediction(posts[-1], None)
    verdict = compare(posts, {"tuned": rows}, SETTINGS, "hate", training=training, further=Further(clues=clues))
    assert [cause.kind for cause in verdict.diagnosis.causes] == [
        "overfitting", "convention", "threshold", "too_little_data", "prompt",
    ]  # fmt: skip
    assert verdict.next_step.command == verdict.diagnosis.causes[0].command
    assert verdict.next_step.sentence.startswith("Validation loss rose after step 100")
    assert repr(Verdict.from_json(verdict.to_json())) == repr(verdict)
    located = verdict.located({"STUDY": "s.yaml --out run", "TRAIN": "train.jsonl"})
    assert not any("STUDY" in cause.command for cause in located.diagnosis.causes)
