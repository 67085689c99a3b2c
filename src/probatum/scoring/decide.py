"""From probabilities to a prediction: one rule for every system."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from probatum.data.records import Post, Prediction, Status


def decide(probabilities: Mapping[str, float], positive: str, threshold: float = 0.5) -> str:
    """Return the predicted label.

    The positive label if its probability is at or above the threshold; else the most probable of the others, the first
    named of those that tie. With two labels that is the other one.

    Args:
        probabilities: label to probability, each in [0, 1]; at least two labels, none NaN.
        positive: one of the labels.
        threshold: in [0, 1].
    """
    assert len(probabilities) > 1 and positive in probabilities, (positive, list(probabilities))
    assert not any(math.isnan(p) for p in probabilities.values()), "a system without a score has no prediction"
    return positive if probabilities[positive] >= threshold else best_other(probabilities, positive)


def best_other(probabilities: Mapping[str, float], positive: str) -> str:
    """Return the most probable label that is not the positive one, the first named of those that tie."""
    others = [label for label in probabilities if label != positive]
    return max(others, key=lambda label: probabilities[label])


def predict(
    post: Post,
    probabilities: Mapping[str, float],
    positive: str,
    *,
    answer: str | None = None,
    truncated: bool = False,
) -> Prediction:
    """Return what a system says about a post at a threshold of 0.5; a probability that is NaN makes it an error."""
    usable = not any(math.isnan(p) for p in probabilities.values())
    return Prediction(
        id=post.id,
        label=post.label,
        group=post.group,
        source=post.source,
        score=probabilities[positive] if usable else math.nan,
        prediction=decide(probabilities, positive) if usable else None,
        status=Status.OK if usable else Status.ERROR,
        answer=answer,
        truncated=truncated,
        otherwise=best_other(probabilities, positive) if usable else None,
    )


def decided(prediction: Prediction, positive: str, threshold: float, score: float) -> Prediction:
    """Return a prediction with another score and by another threshold; one without a score stays as it is.

    Args:
        prediction: of a system that gives scores.
        positive: the label that the score is the probability of.
        threshold: in [0, 1].
        score: the recalibrated score.
    """
    if math.isnan(score) or prediction.otherwise is None:
        return prediction
    return replace(prediction, score=score, prediction=positive if score >= threshold else prediction.otherwise)
