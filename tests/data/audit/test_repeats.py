"""Exact repeats within a file, between files, and with two labels: planted counts and severities."""

import pytest
from tests.data.audit.made import made_posts

from probatum.data.audit import audit
from probatum.data.audit.findings import at_least, by_severity
from probatum.data.audit.repeats import overlap_severity
from probatum.data.records import Post


def found(kind, files, against=None):
    return [each for each in audit(files, against=against).findings if each.kind == kind]


def copies(posts, label=None, name="c"):
    return [Post(f"{name}{n}", f" {post.text.upper()} ", label or post.label, "g") for n, post in enumerate(posts)]


@pytest.mark.parametrize(
    ("num_test", "shared", "severity"),
    [(100, 1, "medium"), (100, 2, "medium"), (100, 3, "high"), (1000, 3, "medium"), (1000, 6, "high"), (3, 3, "high")],
)
def test_overlap_by_its_size(num_test, shared, severity):
    """An evaluation set that stands in training is high when more than a few posts do."""
    train, rest = made_posts(800), made_posts(num_test - shared, seed=7)
    (finding,) = found("overlap", {"train": train, "test": [*copies(train[:shared]), *rest]})
    assert (finding.count, finding.severity) == (shared, severity)
    assert finding.share == shared / num_test
    assert finding.files == ("test", "train")
    (back,) = found("overlap", {"train": train}, {"test": [*copies(train[:shared]), *rest]})
    assert (back.count, back.severity, back.files) == (shared, severity, ("train", "test"))


def test_against_is_not_looked_at_itself():
    seen = made_posts(100)
    files, against = {"test": made_posts(100, seed=5)}, {"seen": [*seen, *copies(seen, "hate")]}
    result = audit(files, against=against)
    assert result.findings == []
    assert set(result.counts) == {"test", "seen"}


def test_each_file_with_each_other():
    posts = made_posts(120)
    files = {"a": posts[:60], "b": posts[30:90]}
    result = found("overlap", files, {"c": posts[80:], "d": posts[:10]})
    assert {(each.files, each.count) for each in result} == {
        (("b", "a"), 30),
        (("b", "c"), 10),
        (("a", "d"), 10),
    }


def test_a_text_that_stands_twice_on_one_side():
    posts = made_posts(100)
    (finding,) = found("overlap", {"test": copies(posts[:4])}, {"seen": [*posts, *copies(posts[:4], name="again")]})
    assert finding.count == 4
    assert "(8 of its 104 posts)" in finding.message


def test_duplicates_and_their_twins():
    posts = made_posts(100)
    (finding,) = found("duplicate", {"train": [*posts, *copies(posts[10:40])]})
    assert (finding.count, finding.severity, finding.files) == (30, "high", ("train",))
    assert (finding.example_ids[:2], finding.twin_ids[:2]) == (("c0", "c1"), ("p10", "p11"))


def test_all_posts_alike():
    posts = made_posts(300, text=lambda *_: "the same")
    findings = {each.kind: each for each in audit({"train": posts}).findings}
    assert (findings["duplicate"].count, findings["duplicate"].severity) == (299, "high")
    assert (findings["conflicting_label"].count, findings["conflicting_label"].severity) == (300, "high")
    assert set(findings) == {"duplicate", "conflicting_label"}


def test_conflicts_between_files():
    posts = made_posts(200)
    other = copies([post for post in posts if post.label == "not_hate"][:20], "hate")
    (finding,) = found("conflicting_label", {"train": posts, "test": other})
    assert (finding.count, finding.severity, finding.files) == (20, "high", ("test", "train"))
    assert finding.message == "test: 20 of 20 posts: the text stands in train with another label"
    assert (finding.example_ids[0], finding.twin_ids[0]) == ("c0", "p0")
    (against,) = found("conflicting_label", {"test": other}, {"train": posts})
    assert against == finding


def test_a_few_conflicts_are_medium():
    posts = made_posts(200)
    (finding,) = found("conflicting_label", {"train": [*posts, *copies(posts[:2], "hate")]})
    assert (finding.count, finding.severity) == (2, "medium")


def test_overlap_severity_counts_either_side():
    assert overlap_severity(1, 6, 0.001) == "high"
    assert overlap_severity(6, 1, 0.001) == "high"
    assert overlap_severity(1, 1, 1.0) == "medium"


def test_findings_at_least_as_grave():
    posts = made_posts(200)
    findings = audit({"train": posts, "test": [*copies(posts[:40]), *copies(posts[:2], "hate", "x")]}).findings
    assert findings == by_severity(findings[::-1])
    grave = at_least(findings, "high")
    assert grave == [each for each in findings if each.severity == "high"]
    assert at_least(findings, "low") == findings
    assert set(map(id, grave)) < set(map(id, at_least(findings, "medium")))
