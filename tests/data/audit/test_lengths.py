"""Posts that were cut before they came."""

from dataclasses import replace

import pytest
from tests.data.audit.made import made_posts, made_texts

from probatum.data.audit import audit
from probatum.data.sources import SOURCES, Reading


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
        lambda n, text: f"this is post number {n}",
        lambda n, text: f"this is post number {n:05d}",
        lambda n, text: " ".join(text.replace(" ", "")[:30]),
        lambda n, text: " ".join("".join(chr(97 + n // 20**k % 20) for k in range(8)) for n in range(8 * n, 8 * n + 8)),
        lambda n, text: "the same text for everybody",
        lambda n, text: "",
    ],
)
def test_lengths_that_nothing_cut(text):
    assert truncation(made_posts(400, text=text)) == []


def test_real_posts_of_a_collection_that_cuts(shared_data, labels):
    """Real posts, whole and cut at 100 characters: the first have no such pile, the second do."""
    reading = Reading(labels)
    posts = SOURCES["unified"].read(shared_data / "unified" / "unified_val.json", reading).posts
    assert truncation(posts) == []
    cut = [replace(post, text=post.text[:100]) for post in posts]
    (finding,) = truncation(cut)
    assert finding.count == sum(len(post.text) == 100 for post in cut)
