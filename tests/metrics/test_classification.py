"""Against the naive definition, against scikit-learn, and what must not change a figure."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    matthews_corrcoef,
    precision_score,
    recall_score,
)

from probatum.metrics.classification import DEFINITIONS, Answers, Confusion, ratio


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


def _defined(counts, metric, value):
    """The library's value, which is 0 where ours is undefined."""
    return np.nan if counts.undefined(metric) else value


@given(parsed_rows)
@pytest.mark.filterwarnings("ignore:A single label was found")  # scikit-learn's, on one class
def test_figures_against_scikit_learn(rows):
    given_answers = answers(rows)
    truth, flagged, counts = given_answers.truth, given_answers.flagged, given_answers.confusion()
    library = {
        "accuracy": accuracy_score(truth, flagged),
        "precision": precision_score(truth, flagged, zero_division=np.nan),
        "recall": recall_score(truth, flagged, zero_division=np.nan),
        "f1": f1_score(truth, flagged, zero_division=np.nan),
        "f1_macro": _defined(counts, "f1_macro", f1_score(truth, flagged, average="macro", zero_division=0)),
        "mcc": _defined(counts, "mcc", matthews_corrcoef(truth, flagged) if len(truth) > 1 else np.nan),
        "fdr": 1 - precision_score(truth, flagged, zero_division=np.nan),
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
    for metric in ("accuracy", "precision", "recall", "f1", "f1_macro", "mcc"):
        assert not counts.value(metric) > dropped.value(metric) + 1e-12
    for metric in ("fpr", "fnr", "fdr"):
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
        (Confusion(0, 0, 3, 2), "fdr", "no post was called positive"),
        (Confusion(0, 0, 3, 2), "mcc", "all posts are of one label, or were called so"),
        (Confusion(4, 0, 0, 0), "f1_macro", "a label is neither true nor called for any post"),
        (Confusion(0, 0, 0, 0), "mcc", "all posts are of one label, or were called so"),
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


def test_mcc_of_a_million_posts_a_cell_does_not_overflow():
    assert Confusion(10**6, 10**6, 3 * 10**6, 10**6).value("mcc") == pytest.approx(0.25)
