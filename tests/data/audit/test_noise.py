"""Label noise: against the definition, against cleanlab, and planted flips."""

import numpy as np
import pytest
from cleanlab.count import compute_confident_joint
from cleanlab.filter import find_label_issues
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.audit.made import WORDS, made_posts

from probatum.data.audit import audit
from probatum.data.audit.crossed import auroc, crossed
from probatum.data.audit.noise import confident_labels
from probatum.data.records import Post


def drawn(seed, num_posts, num_labels):
    """Given labels, each at least once, and probabilities that lean to them."""
    draw = np.random.default_rng(seed)
    codes = np.concatenate([np.arange(num_labels), draw.integers(0, num_labels, num_posts)])
    raw = draw.random((len(codes), num_labels)) + 0.7 * np.eye(num_labels)[codes]
    return raw / raw.sum(axis=1, keepdims=True), codes


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), num_posts=st.integers(5, 80), num_labels=st.integers(2, 5))
def test_the_definition(seed, num_posts, num_labels):
    probabilities, codes = drawn(seed, num_posts, num_labels)
    means = [np.mean([p[k] for p, c in zip(probabilities, codes, strict=True) if c == k]) for k in range(num_labels)]
    expected = []
    for row in probabilities:
        confident = [k for k in range(num_labels) if row[k] >= means[k] - 1e-6]
        expected.append(max(confident, key=lambda k: row[k]) if confident else -1)
    assert confident_labels(probabilities, codes).tolist() == expected


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), num_posts=st.integers(10, 200))
def test_cleanlab_finds_the_same_posts(seed, num_posts):
    probabilities, codes = drawn(seed, num_posts, 2)
    guesses = confident_labels(probabilities, codes)
    issues = (guesses >= 0) & (guesses != codes)
    joint = compute_confident_joint(codes, probabilities, calibrate=False)
    off_diagonal = [np.sum((codes == a) & (guesses == 1 - a)) for a in range(2)]
    assert [joint[0, 1], joint[1, 0]] == off_diagonal
    theirs = find_label_issues(codes, probabilities, filter_by="confident_learning", n_jobs=1)
    # cleanlab never calls a label wrong that is also the likeliest
    assert np.array_equal(theirs, issues & (probabilities.argmax(axis=1) != codes))


def telling(count=600, flipped=(), labels=("not_hate", "hate"), seed=3):
    """Posts some of whose words tell the label; those flipped have another one than their words say."""
    draw = np.random.default_rng(seed)
    posts = []
    for n in range(count):
        true = n % len(labels)
        words = [
            f"sign{true}{draw.integers(15)}" if draw.random() < 0.4 else WORDS[draw.integers(len(WORDS))]
            for _ in range(12)
        ]
        given = labels[(true + 1) % len(labels)] if n in flipped else labels[true]
        posts.append(Post(f"p{n}", " ".join(words), given, "g", "s"))
    return posts


def noise(posts):
    return [each for each in audit({"train": posts}).findings if each.kind == "label_noise"]


@pytest.mark.parametrize("labels", [("not_hate", "hate"), ("a", "b", "c")])
def test_planted_flips(labels):
    flipped = set(range(0, 600, 20))
    (finding,) = noise(telling(flipped=flipped, labels=labels))
    assert finding.severity == "medium"
    assert 0.6 * len(flipped) <= finding.count <= len(flipped)
    assert {int(id_[1:]) for id_ in finding.example_ids} <= flipped, "the surest ones come first"
    assert finding.files == ("train",)


def test_many_flips_are_high():
    """The flips themselves make the model look bad: what counts is what it makes of the other posts."""
    (finding,) = noise(telling(flipped={n for n in range(600) if n // 2 % 4 == 0}))
    assert finding.severity == "high"
    assert finding.details[0]["auroc"] < 0.9 < 0.97 < finding.details[0]["auroc_without"]
    assert finding.message.endswith("without: they stand out")


def test_clean_labels_have_none():
    assert noise(telling()) == []


def test_a_model_that_knows_nothing_accuses_nobody():
    """Confident learning alone would call about half of these labels wrong."""
    posts = made_posts(400)
    probabilities = crossed(np.random.default_rng(0).random((400, 5)), [post.label for post in posts])
    codes = np.arange(400) % 2
    assert (confident_labels(probabilities, codes) != codes).mean() > 0.3
    assert noise(posts) == []


def test_texts_with_two_labels_are_conflicts_and_not_judged():
    posts = telling()
    torn = [
        Post(f"x{n}", post.text, "hate" if post.label == "not_hate" else "not_hate") for n, post in enumerate(posts)
    ]
    assert noise([*posts, *torn]) == []


@pytest.mark.parametrize("few", [0, 1, 19])
def test_too_few_posts_of_a_label_to_learn_from(few):
    posts = telling(200)
    kept = [post for post in posts if post.label == "hate"][:few] + [p for p in posts if p.label == "not_hate"]
    assert noise(kept) == []


def test_out_of_fold_probabilities():
    draw = np.random.default_rng(0)
    labels = ["a", "b", "c"] * 40
    features = draw.random((120, 6))
    features[:, 0] += np.arange(120) % 3
    probabilities = crossed(features, labels)
    assert probabilities.shape == (120, 3)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert auroc(probabilities, labels) > 0.8
    assert np.array_equal(probabilities, crossed(features, labels))
    assert crossed(features, ["a"] * 120) is None
    memorised = np.eye(120)
    assert auroc(crossed(memorised, labels), labels) < 0.6, "nothing of a post itself may be learnt"
