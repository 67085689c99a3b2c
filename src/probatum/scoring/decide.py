"""From probabilities to a prediction: one rule for every system."""

from __future__ import annotations

import math
from collections.abc import Mapping

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
    if probabilities[positive] >= threshold:
        return positive
    others = [label for label in probabilities if label != positive]
    return max(others, key=lambda label: probabilities[label])


def predict(
    post: Post,
    probabilities: Mapping[str, float],
    positive: str,
    threshold: float = 0.5,
    *,
    answer: str | None = None,
    truncated: bool = False,
) -> Prediction:
    """Return what a system says about a post, given its probabilities; any that is NaN makes it an error."""
    usable = not any(math.isnan(p) for p in probabilities.values())
    return Prediction(
        id=post.id,
        label=post.label,
        group=post.group,
        source=post.source,
        score=probabilities[positive] if usable else math.nan,
        prediction=decide(probabilities, positive, threshold) if usable else None,
        status=Status.OK if usable else Status.ERROR,
        answer=answer,
        truncated=truncated,
    )
