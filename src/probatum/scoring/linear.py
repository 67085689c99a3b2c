"""The cheap systems: a linear model over words and characters, and the most common label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from probatum.data.features import text_features
from probatum.data.records import Post, Prediction
from probatum.errors import DataError
from probatum.scoring.decide import predict


def score_linear(
    train: Sequence[Post],
    posts: Sequence[Post],
    positive: str,
    *,
    seed: int = 0,
    weights: Sequence[float] | None = None,
) -> list[Prediction]:
    """Fit TF-IDF and a logistic regression on one set of posts and score another.

    Features are the words 1-2 and the characters 2-5 within words, each block as tf-idf with tf = 1 + log(count),
    scaled to unit length. The score is the regression's probability of the positive label. A text without any known
    feature gets what the intercept says.

    Args:
        train: posts to learn from.
        posts: posts to score; none of them changes another's score.
        positive: the label that a score is the probability of.
        seed: of the solver.
        weights: how much each training post counts in the loss; `None` for all the same.

    Raises:
        DataError: the training posts have fewer than two labels, lack the positive one, or hold no text.
    """
    counts = Counter(post.label for post in train)
    if len(counts) < 2 or positive not in counts:
        found = ", ".join(f"{count} {label}" for label, count in sorted(counts.items())) or "no posts"
        raise DataError(
            f"system linear: the training posts need {positive!r} and at least one other label; found {found}"
        )
    if not any(post.text.strip() for post in train):
        raise DataError(f"system linear: none of the {len(train)} training posts has any text")
    if not posts:
        return []
    model = _pipeline(seed).fit(
        [post.text for post in train], [post.label for post in train], logisticregression__sample_weight=weights
    )
    probabilities = model.predict_proba([post.text for post in posts])
    labels = [str(label) for label in model.classes_]
    return [
        predict(post, dict(zip(labels, map(float, row), strict=True)), positive)
        for post, row in zip(posts, np.asarray(probabilities), strict=True)
    ]


def score_majority(train: Sequence[Post], posts: Sequence[Post], positive: str) -> list[Prediction]:
    """Give every post the label shares of the training posts: what a system that reads nothing achieves.

    Args:
        train: posts to count.
        posts: posts to score.
        positive: the label whose share is the score.

    Raises:
        DataError: there are no training posts.
    """
    counts = Counter(post.label for post in train)
    if not counts:
        raise DataError("system majority: there are no training posts to count")
    # Ties go to the label that sorts first, in whatever order the posts come.
    shares = {label: counts[label] / len(train) for label in sorted(counts)}
    if shares.setdefault(positive, 0.0) == 1.0:
        shares[f"not {positive}"] = 0.0
    return [predict(post, shares, positive) for post in posts]


def _pipeline(seed: int) -> Pipeline:
    return make_pipeline(text_features(), LogisticRegression(C=1.0, max_iter=1000, random_state=seed))
