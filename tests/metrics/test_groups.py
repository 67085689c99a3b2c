"""One row for each value, the same as that value's posts alone."""

import numpy as np
import pytest
from fairlearn.metrics import (
    demographic_parity_difference,
    equalized_odds_difference,
    false_negative_rate,
    false_positive_rate,
    selection_rate,
)
from hypothesis import given
from hypothesis import strategies as st

from probatum.metrics.classification import Answers
from probatum.metrics.groups import by_value, demographic_parity, equalised_odds, group_table
from probatum.metrics.intervals import metric_interval

rows = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans(), st.sampled_from("abc")), max_size=40)


@given(rows)
def test_each_row_is_its_posts_alone(rows):
    truth, flagged, parsed = (np.array([row[at] for row in rows], dtype=bool) for at in range(3))
    values, answers = np.array([row[3] for row in rows], dtype=str), Answers(truth, flagged, parsed)
    table = group_table(by_value(values, answers), 0.95)
    assert sum(row.n for row in table) == len(rows)
    assert [(-row.n, row.value) for row in table] == sorted((-row.n, row.value) for row in table)
    for row in table:
        counts = answers.where(values == row.value).confusion()
        assert (row.positives, row.negatives, row.unparsed) == (counts.positives, counts.negatives, counts.unparsed)
        assert repr(row.fpr) == repr(metric_interval(counts, "fpr", 0.95))
        assert repr(row.fdr) == repr(metric_interval(counts, "fdr", 0.95))
        assert repr(row.fnr) == repr(metric_interval(counts, "fnr", 0.95))


def test_a_group_without_negatives_has_no_false_positive_rate():
    yes = np.array([True])
    (row,) = group_table(by_value(np.array(["lgbtq"]), Answers(yes, yes, yes)), 0.95)
    assert not row.fpr.defined
    assert row.fpr.reason == "there are no negative posts"
    assert (row.n, row.fnr.value) == (1, 0.0)


def everyone(rng, n=300):
    """Three groups of both classes, every answer parsed."""
    values = rng.choice(["a", "b", "c"], size=n, p=[0.6, 0.3, 0.1])
    truth = rng.random(n) < 0.4
    flagged = np.where(rng.random(n) < np.where(values == "a", 0.8, 0.65), truth, ~truth)
    return values, Answers(truth, flagged, np.ones(n, dtype=bool))


@pytest.mark.parametrize("seed", range(5))
def test_rates_and_differences_equal_fairlearn(seed):
    values, answers = everyone(np.random.default_rng(seed))
    groups = by_value(values, answers)
    counts = {group: one.answers.confusion() for group, one in groups.items()}
    for group, one in counts.items():
        mine = values == group
        truth, flagged = answers.truth[mine], answers.flagged[mine]
        assert one.value("flag_rate") == pytest.approx(selection_rate(truth, flagged))
        assert one.value("fpr") == pytest.approx(false_positive_rate(truth, flagged))
        assert one.value("fnr") == pytest.approx(false_negative_rate(truth, flagged))
    parity, odds = demographic_parity(groups, 0.95), equalised_odds(groups, 0.95)
    given_posts = {"y_true": answers.truth, "y_pred": answers.flagged, "sensitive_features": values}
    assert parity.interval.value == pytest.approx(demographic_parity_difference(**given_posts))
    assert odds.interval.value == pytest.approx(equalized_odds_difference(**given_posts))
    for found in (parity, odds):
        rates = {group: one.value(found.metric) for group, one in counts.items()}
        assert rates[found.highest] - rates[found.lowest] == pytest.approx(found.interval.value)
        assert 0 <= found.interval.low <= found.interval.value <= found.interval.high <= 1


def test_a_group_without_negatives_is_left_out_of_the_fpr_and_named():
    yes, no = np.array([True, True, False, False]), np.array([True, False, True, False])
    values = np.array(["a", "a", "b", "b"])
    found = equalised_odds(by_value(values, Answers(yes, no, np.ones(4, dtype=bool))), 0.95)
    assert found.left_out == {"a": "there are no negative posts", "b": "there are no positive posts"}
    assert found.interval.reason == "fewer than two groups have the rate"
    assert demographic_parity({}, 0.95).interval.reason == "fewer than two groups have the rate"


def test_the_interval_of_a_disparity_covers_equality_at_least_as_often_as_it_claims():
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(300):
        values = rng.choice(["a", "b", "c"], size=200)
        flagged = rng.random(200) < 0.3
        answers = Answers(rng.random(200) < 0.4, flagged, np.ones(200, dtype=bool))
        missed += demographic_parity(by_value(values, answers), 0.95).interval.low > 0
    assert missed / 300 <= 0.05


def test_rows_and_disparities_of_clustered_posts_are_those_of_their_clusters():
    values, answers = everyone(np.random.default_rng(2), n=600)
    sixfold = Answers(*(np.repeat(column, 6) for column in (answers.truth, answers.flagged, answers.parsed)))
    alone, torn = by_value(values, answers), by_value(np.repeat(values, 6), sixfold)
    clustered = by_value(np.repeat(values, 6), sixfold, np.repeat(np.arange(600), 6))
    for mine, theirs, naive in zip(*(group_table(one, 0.95) for one in (clustered, alone, torn)), strict=True):
        assert (mine.fpr.low, mine.fpr.high) == pytest.approx((theirs.fpr.low, theirs.fpr.high), abs=0.03)
        assert naive.fpr.high - naive.fpr.low < 0.6 * (mine.fpr.high - mine.fpr.low)
    for difference in (demographic_parity, equalised_odds):
        mine, theirs = difference(clustered, 0.95).interval, difference(alone, 0.95).interval
        assert mine.value == pytest.approx(theirs.value)
        assert (mine.low, mine.high) == pytest.approx((theirs.low, theirs.high), abs=0.05)
