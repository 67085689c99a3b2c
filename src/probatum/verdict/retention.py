"""What fine-tuning made the model forget: the rise of its loss on general text, with its interval."""

from __future__ import annotations

from collections.abc import Sequence

from probatum.metrics.clustered import clustered_mean
from probatum.verdict.further_results import Retention

Losses = Sequence[tuple[float, int]]


def retention_of(source: str, baseline: Losses, tuned: Losses, confidence: float) -> Retention | None:
    """Return the loss on general text before and after training, paired by paragraph.

    Args:
        source: the file, or `shipped`.
        baseline: of each paragraph its loss in nats and its tokens.
        tuned: the same paragraphs with the adapter.
        confidence: level in (0, 1).

    Returns:
        `None` where either was not measured, or not on the same paragraphs.
    """
    tokens = [count for _, count in baseline]
    if not tokens or tokens != [count for _, count in tuned]:
        return None
    before, after = [loss for loss, _ in baseline], [loss for loss, _ in tuned]
    rises = [late - early for early, late in zip(before, after, strict=True)]
    return Retention(
        source=source,
        paragraphs=len(tokens),
        tokens=sum(tokens),
        baseline=clustered_mean(before, tokens, confidence),
        tuned=clustered_mean(after, tokens, confidence),
        rise=clustered_mean(rises, tokens, confidence),
    )
