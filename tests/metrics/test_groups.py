"""One row for each value, the same as that value's posts alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from probatum.metrics.classification import Answers
from probatum.metrics.groups import group_table
from probatum.metrics.intervals import metric_interval

rows = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans(), st.sampled_from("abc")), max_size=40)


@given(rows)
def test_each_row_is_its_posts_alone(rows):
    truth, flagged, parsed = (np.array([row[at] for row in rows], dtype=bool) for at in range(3))
    values, answers = np.array([row[3] for row in rows], dtype=str), Answers(truth, flagged, parsed)
    table = group_table(values, answers, 0.95)
    assert sum(row.n for row in table) == len(rows)
    assert [(-row.n, row.value) for row in table] == sorted((-row.n, row.value) for row in table)
    for row in table:
        counts = answers.where(values == row.value).confusion()
        assert (row.positives, row.negatives, row.unparsed) == (counts.positives, counts.negatives, counts.unparsed)
        assert repr(row.fpr) == repr(metric_interval(counts, "fpr", 0.95))
        assert repr(row.fnr) == repr(metric_interval(counts, "fnr", 0.95))


def test_a_group_without_negatives_has_no_false_positive_rate():
    yes = np.array([True])
    (row,) = group_table(np.array(["lgbtq"]), Answers(yes, yes, yes), 0.95)
    assert not row.fpr.defined
    assert row.fpr.reason == "there are no negative posts"
    assert (row.n, row.fnr.value) == (1, 0.0)
