"""Weights by group and label: their definition, what they balance, and what is said of them."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.data.records import Post
from probatum.data.reweighting import describe_weights, post_weights, weight_table

POSTS = st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from(["hate", "not", "other"])), min_size=1)


def posts_of(pairs):
    return [Post(str(at), "text", label, group) for at, (group, label) in enumerate(pairs)]


@given(POSTS)
def test_the_weight_is_expected_over_observed(pairs):
    posts = posts_of(pairs)
    n = len(posts)
    for post, weight in zip(posts, post_weights(posts, "group_label"), strict=True):
        of_group = sum(other.group == post.group for other in posts) / n
        of_label = sum(other.label == post.label for other in posts) / n
        both = sum((other.group, other.label) == (post.group, post.label) for other in posts) / n
        assert weight == pytest.approx(of_group * of_label / both)


@given(POSTS)
def test_weighted_groups_have_the_same_share_of_each_label(pairs):
    posts = posts_of(pairs)
    if len(set(pairs)) < len({g for g, _ in pairs}) * len({y for _, y in pairs}):
        return  # a group that lacks a label cannot be balanced
    weights = post_weights(posts, "group_label")
    assert sum(weights) == pytest.approx(len(posts))
    sums = defaultdict(float)
    for post, weight in zip(posts, weights, strict=True):
        sums[post.group, post.label] += weight
        sums[post.group] += weight
    for label in {y for _, y in pairs}:
        share = sum(y == label for _, y in pairs) / len(posts)
        for group in {g for g, _ in pairs}:
            assert sums[group, label] / sums[group] == pytest.approx(share)


def test_posts_without_a_group_are_a_group_of_their_own():
    table = weight_table(posts_of([("a", "hate"), ("a", "not"), (None, "hate"), (None, "hate")]), "group_label")
    assert [(cell.group, cell.label, cell.n) for cell in table] == [
        ("(none)", "hate", 2), ("a", "hate", 1), ("a", "not", 1),
    ]  # fmt: skip
    assert [cell.weight for cell in table] == pytest.approx([0.75, 1.5, 0.5])


def test_without_reweighting_there_are_no_weights():
    posts = posts_of([("a", "hate")])
    assert post_weights(posts, "none") is None
    assert weight_table(posts, "none") == []
    assert describe_weights([]) == []


def test_a_weight_that_rests_on_few_posts_and_a_group_that_lacks_a_label_are_told():
    pairs = [("a", "hate")] * 50 + [("b", "not")] * 50 + [("a", "not")] + [("c", "hate")]
    notes = describe_weights(weight_table(posts_of(pairs), "group_label"))
    assert "to 25.500 (a, not)" in notes[0]
    assert notes[1].startswith("each of the 1 training posts of a labelled not counts for 26")
    assert notes[2] == "no weights can balance groups that lack a label in training: b, c"
