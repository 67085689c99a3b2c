"""Posts that were cut before they came."""

import pytest
from tests.data.audit.made import made_posts, made_texts

from probatum.data.audit import audit


def truncation(posts):
    return [each for each in audit({"train": posts}).findings if each.kind == "truncation"]


def test_a_pile_at_the_greatest_length():
    texts = made_texts(300, length=14)
    posts = made_posts(300, text=lambda n, _: texts[n][:80])
    (finding,) = truncation(posts)
    assert finding.count == sum(len(post.text) == 80 for post in posts)
    assert finding.severity == "high"
    assert f"{finding.count} of 300 posts have exactly the greatest length, 80 characters" in finding.message


def test_a_few_cut_posts_are_medium():
    long = made_texts(6, seed=1, length=40)
    posts = made_posts(300, text=lambda n, text: long[n // 50][:150] if n % 50 == 0 else text)
    (finding,) = truncation(posts)
    assert (finding.severity, finding.count) == ("medium", 6)
    assert finding.example_ids == ("p0", "p50", "p100", "p150", "p200")


@pytest.mark.parametrize(
    "text",
    [
        lambda n, text: text,
        lambda n, text: "word" + str(n).zfill(5),
        lambda n, text: f"{text[:30]:>30} a line of this length {n:05d}" if n < 5 else text[:50],
    ],
)
def test_lengths_that_nothing_cut(text):
    posts = made_posts(300, text=text)
    if max(len(post.text) for post in posts) == 50:
        pytest.skip("a cut after all")
    assert truncation(posts) == []
