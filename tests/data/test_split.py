"""The split: exact sizes, strata within one post, texts never torn apart, the same whatever the order."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probatum.data.normalise import normalise_text
from probatum.data.records import Post
from probatum.data.rounding import round_table
from probatum.data.sources import SOURCES, Reading
from probatum.data.split import side_sizes, split
from probatum.errors import DataError

THREE = {"train": 0.7, "validation": 0.1, "test": 0.2}


def make_posts(rows):
    return [Post(f"p{number}", text, label, group) for number, (text, label, group) in enumerate(rows)]


def ids(sides):
    return {side: [post.id for post in posts] for side, posts in sides.items()}


distinct = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["x", "y", "z", None])), min_size=1, max_size=120
).map(lambda rows: make_posts((f"text {n}", *row) for n, row in enumerate(rows)))
repeated = st.lists(
    st.tuples(st.sampled_from(["One", "one ", "two", "THREE", "four"]), st.sampled_from("ab"), st.just(None)),
    min_size=1,
    max_size=40,
).map(make_posts)


@given(distinct, st.sampled_from([{"train": 0.85, "validation": 0.15}, THREE]), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_sizes_are_exact_and_strata_within_one(posts, shares, seed):
    sides = split(posts, shares, seed)
    sizes = side_sizes(len(posts), shares)
    assert {side: len(members) for side, members in sides.items()} == sizes
    strata = Counter((post.label, post.group) for post in posts)
    for side, members in sides.items():
        got = Counter((post.label, post.group) for post in members)
        for stratum, count in strata.items():
            assert abs(got[stratum] - count * sizes[side] / len(posts)) < 1


@given(repeated, st.sampled_from([{"train": 0.85, "validation": 0.15}, THREE]))
@settings(max_examples=60, deadline=None)
def test_one_text_is_on_one_side(posts, shares):
    sides = split(posts, shares)
    texts = [{normalise_text(post.text) for post in members} for members in sides.values()]
    assert sum(len(group) for group in texts) == len(set().union(*texts))
    assert sorted(post.id for members in sides.values() for post in members) == sorted(post.id for post in posts)


@given(st.one_of(distinct, repeated), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_order_does_not_matter(posts, random):
    shuffled = list(posts)
    random.shuffle(shuffled)
    assert ids(split(posts)) == ids(split(shuffled))


def test_seed_matters_and_the_outcome_is_fixed():
    posts = make_posts((f"text {n}", "ab"[n % 2], None) for n in range(20))
    assert ids(split(posts, seed=1)) != ids(split(posts, seed=2))
    assert ids(split(posts, seed=0))["validation"] == ["p4", "p9", "p18"]


def test_a_stratum_of_one_post():
    sides = split(make_posts([("only", "a", "x"), ("b", "b", "y")]))
    assert {side: len(members) for side, members in sides.items()} == {"train": 1, "validation": 1}


def test_one_post_trains():
    assert ids(split(make_posts([("only", "a", None)]))) == {"train": ["p0"], "validation": []}


def test_no_posts():
    assert split([]) == {"train": [], "validation": []}


def test_many_copies_of_one_text_stay_together():
    rows = [("same", "a", None)] * 5 + [(f"text {n}", "a", None) for n in range(35)]
    sides = split(make_posts(rows))
    assert {side: len(members) for side, members in sides.items()} == {"train": 34, "validation": 6}
    assert {sum(post.text == "same" for post in members) for members in sides.values()} == {0, 5}


@pytest.mark.parametrize(
    "shares", [{}, {"train": 1.0, "test": 0.0}, {"train": 0.5, "test": 0.4}, {"train": float("nan")}]
)
def test_wrong_shares(shares):
    with pytest.raises(DataError, match="shares must be above 0 and add up to 1, found: "):
        split([], shares)


@given(
    st.dictionaries(st.tuples(st.text("abc", min_size=1, max_size=2)), st.integers(1, 30), min_size=1, max_size=8),
    st.lists(st.integers(0, 20), min_size=1, max_size=3),
)
@settings(max_examples=80, deadline=None)
def test_controlled_rounding_keeps_rows_columns_and_proportions(counts, weights):
    total, weight = sum(counts.values()), sum(weights) or 1
    sizes = {f"s{n}": total * w // weight for n, w in enumerate(weights)}
    sizes["rest"] = total - sum(sizes.values())
    cells = round_table(counts, sizes, sorted(counts))
    assert all(sum(cells[row].values()) == count for row, count in counts.items())
    assert all(sum(cells[row][side] for row in counts) == size for side, size in sizes.items())
    for row, count in counts.items():
        assert all(abs(cells[row][side] - count * size / total) < 1 for side, size in sizes.items())


def test_the_guides_sizes_on_the_real_posts(shared_data, labels):
    posts = SOURCES["unified"].read(shared_data / "unified" / "unified_train.json", Reading(labels)).posts
    sides = split(posts)
    assert {side: len(members) for side, members in sides.items()} == {"train": 3083, "validation": 545}
    strata = Counter((post.label, post.group, post.source) for post in posts)
    got = Counter((post.label, post.group, post.source) for post in sides["validation"])
    assert all(abs(got[stratum] - count * 545 / 3628) <= 1 for stratum, count in strata.items())
