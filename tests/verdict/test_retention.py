"""The rise of the loss on general text, and the criterion on it."""

import pytest
from scipy.stats import ttest_rel
from tests.small_studies import balanced, system

from probatum.study import Criterion, VerdictSettings
from probatum.verdict.compare import compare
from probatum.verdict.evidence import TrainingSummary
from probatum.verdict.retention import retention_of

BEFORE = [(30.0, 10), (33.0, 10), (28.0, 10), (31.0, 10)]
AFTER = [(31.0, 10), (34.5, 10), (29.2, 10), (32.1, 10)]


def test_paragraphs_of_one_length_give_students_paired_interval():
    found = retention_of("text.txt", BEFORE, AFTER, 0.95)
    paired = ttest_rel([nats / 10 for nats, _ in AFTER], [nats / 10 for nats, _ in BEFORE])
    span = paired.confidence_interval(0.95)
    assert (found.paragraphs, found.tokens, found.source) == (4, 40, "text.txt")
    assert found.rise.value == pytest.approx(0.12)
    assert [found.rise.low, found.rise.high] == pytest.approx([span.low, span.high])
    assert found.baseline.value == pytest.approx(3.05)


@pytest.mark.parametrize("tuned", [[], AFTER[:3], [(31.0, 9), *AFTER[1:]]])
def test_without_the_same_paragraphs_there_is_none(tuned):
    assert retention_of("x", BEFORE, tuned, 0.95) is None


@pytest.mark.parametrize(
    ("limit", "decide", "outcome"),
    [(0.13, "point", "passed"), (0.13, "bound", "inconclusive"), (0.2, "bound", "passed"), (0.05, "bound", "failed")],
)
def test_a_criterion_may_be_judged_by_its_bound(limit, decide, outcome):
    posts = balanced(20)
    criterion = Criterion(metric="retention_nll", rise_over="baseline", at_most=limit, decide=decide)
    rise = retention_of("x", BEFORE, AFTER, 0.95).rise
    training = TrainingSummary(retention_nll_baseline=3.05, retention_nll_tuned=3.17, retention_rise=rise)
    predictions = {"baseline": system(posts, ()), "tuned": system(posts, ())}
    verdict = compare(posts, predictions, VerdictSettings(criteria=[criterion]), "hate", training=training)
    [result] = verdict.criteria
    assert result.outcome == outcome
    assert (result.low, result.high) == (rise.low, rise.high)
