"""The rise of the loss on general text, and the criterion on it."""

import pytest
from scipy.stats import ttest_rel
from tests.small_studies import balanced, system

from probatum.metrics.intervals import Interval
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
    rise = retention_of("x", BEFORE, AFTER, 0.95).rise
    [result] = judged(rise, limit, decide).criteria
    assert result.outcome == outcome
    assert (result.low, result.high) == (rise.low, rise.high)


def judged(rise, limit, decide=None):
    posts = balanced(20)
    criterion = Criterion(metric="retention_nll", rise_over="baseline", at_most=limit, decide=decide)
    training = TrainingSummary(retention_nll_baseline=3.05, retention_nll_tuned=3.17, retention_rise=rise)
    predictions = {"baseline": system(posts, {0}), "tuned": system(posts, ())}
    return compare(posts, predictions, VerdictSettings(criteria=[criterion]), "hate", training=training)


def test_by_default_the_interval_of_a_rise_decides():
    verdict = judged(Interval(0.058, 0.001, 0.114, 1000), 0.02)
    [result] = verdict.criteria
    assert (result.outcome, result.decided_by) == ("inconclusive", "bound")
    assert "interval 0.001 to 0.114 by paragraph, which contains the limit" in result.reason
    assert verdict.next_step.sentence.startswith("Measure it on a longer general text (data.retention)")
    assert judged(Interval(0.058, 0.03, 0.114, 1000), 0.02).criteria[0].outcome == "failed"
    assert judged(Interval(0.01, -0.01, 0.019, 1000), 0.02).criteria[0].outcome == "passed"


def test_a_fall_must_be_shown_and_not_only_measured():
    [result] = judged(Interval(-0.01, -0.03, 0.01, 1000), 0.0).criteria
    assert (result.outcome, result.decided_by) == ("inconclusive", "test")
    assert judged(Interval(-0.01, -0.03, -0.001, 1000), 0.0).criteria[0].outcome == "passed"


def test_without_an_interval_only_the_point_can_decide():
    [result] = judged(None, 0.02).criteria
    assert (result.outcome, result.value) == ("inconclusive", pytest.approx(0.12))
    assert result.reason.endswith("use decide: point")
    assert judged(None, 0.02, "point").criteria[0].outcome == "failed"
