"""Against the naive definition, against scikit-learn, and what must not change a figure."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from probatum.metrics.classification import DEFINITIONS, Answers, Confusion, auroc, ratio


def answers(rows):
    """Answers from (truth, flagged, parsed) rows."""
    truth, flagged, parsed = (np.array(column, dtype=bool) for column in zip(*rows, strict=True))
    return Answers(truth, flagged, parsed)


rows = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=40)
parsed_rows = st.lists(st.tuples(st.booleans(), st.booleans(), st.just(True)), min_size=1, max_size=40)


@given(rows)
def test_counts_against_the_definition_post_by_post(rows):
    cells = {"tp": 0, "fp": 0, "tn": 0, "fn": 0, "unparsed_fp": 0, "unparsed_fn": 0}
    for truth, flagged, parsed in rows:
        right = parsed and flagged == truth
        cells[("tp" if right else "fn") if truth else ("tn" if right else "fp")] += 1
        if not parsed:
            cells["unparsed_fn" if truth else "unparsed_fp"] += 1
    assert answers(rows).confusion() == Confusion(**cells)


@given(parsed_rows)
def test_figures_against_scikit_learn(rows):
    given_answers = answers(rows)
    truth, flagged, counts = given_answers.truth, given_answers.flagged, given_answers.confusion()
    library = {
        "accuracy": accuracy_score(truth, flagged),
        "precision": precision_score(truth, flagged, zero_division=np.nan),
        "recall": recall_score(truth, flagged, zero_division=np.nan),
        "f1": f1_score(truth, flagged, zero_division=np.nan),
        "fpr": flagged[~truth].mean() if (~truth).any() else np.nan,
        "fnr": 1 - recall_score(truth, flagged, zero_division=np.nan),
        "flag_rate": flagged.mean(),
        "unparsed_rate": 0.0,
    }
    assert library.keys() == DEFINITIONS.keys()
    for metric, expected in library.items():
        assert counts.value(metric) == pytest.approx(expected, nan_ok=True), metric


@given(rows, st.randoms())
def test_order_of_posts_changes_nothing(rows, random):
    shuffled = random.sample(rows, len(rows))
    assert answers(rows).confusion() == answers(shuffled).confusion()


@given(rows)
def test_valid_only_is_the_same_as_dropping_the_posts(rows):
    given_answers = answers(rows)
    assert given_answers.confusion().valid_only() == given_answers.where(given_answers.parsed).confusion()


@given(rows)
def test_an_unparsed_answer_never_helps(rows):
    counts = answers(rows).confusion()
    dropped = counts.valid_only()
    for metric in ("accuracy", "precision", "recall", "f1"):
        assert not counts.value(metric) > dropped.value(metric) + 1e-12
    for metric in ("fpr", "fnr"):
        assert not counts.value(metric) < dropped.value(metric) - 1e-12


def test_many_matrices_at_once_equal_each_alone():
    counts = np.random.default_rng(0).integers(0, 4, size=(6, 50))
    together = Confusion(*counts)
    for metric in DEFINITIONS:
        alone = [Confusion(*(int(count) for count in column)).value(metric) for column in counts.T]
        np.testing.assert_array_equal(together.value(metric), alone)


@pytest.mark.parametrize(
    ("counts", "metric", "reason"),
    [
        (Confusion(0, 0, 0, 0), "accuracy", "there are no posts"),
        (Confusion(0, 0, 0, 0), "flag_rate", "there are no posts"),
        (Confusion(0, 0, 3, 2), "precision", "no post was called positive"),
        (Confusion(0, 2, 3, 0), "recall", "there are no positive posts"),
        (Confusion(0, 2, 3, 0), "fnr", "there are no positive posts"),
        (Confusion(3, 0, 0, 1), "fpr", "there are no negative posts"),
        (Confusion(0, 0, 3, 0), "f1", "no post is positive and none was called positive"),
    ],
)
def test_undefined_is_nan_with_a_reason_never_zero(counts, metric, reason):
    assert math.isnan(counts.value(metric))
    assert counts.undefined(metric) == reason


def test_an_unparsed_answer_flags_nothing():
    counts = answers([(False, False, False), (True, True, True), (False, False, True), (False, True, True)]).confusion()
    assert (counts.fp, counts.flagged, counts.value("flag_rate")) == (2, 2, 0.5)


def test_ratio_of_numbers_is_a_number_and_of_arrays_an_array():
    assert ratio(1, 2) == 0.5
    np.testing.assert_array_equal(ratio([1, 0], [2, 0]), [0.5, np.nan])


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.25, 0.5, 1.0])), min_size=2, max_size=30))
def test_auroc_against_pairs_and_scikit_learn(rows):
    truth = np.array([row[0] for row in rows])
    score = np.array([row[1] for row in rows])
    area = auroc(truth, score)
    if truth.all() or not truth.any():
        assert math.isnan(area)
        return
    pairs = [(p > q) + (p == q) / 2 for p in score[truth] for q in score[~truth]]
    assert area == pytest.approx(np.mean(pairs))
    assert area == pytest.approx(roc_auc_score(truth, score))


def test_auroc_ranks_a_missing_score_wrong():
    truth = np.array([True, True, False, False])
    assert auroc(truth, np.array([0.9, np.nan, 0.1, 0.2])) == 0.5
    assert auroc(truth, np.array([0.9, 0.8, 0.1, np.nan])) == 0.5
    assert math.isnan(auroc(truth, np.full(4, np.nan)))
    assert math.isnan(auroc(np.array([], dtype=bool), np.array([])))
    assert math.isnan(auroc(np.array([True]), np.array([0.3])))
