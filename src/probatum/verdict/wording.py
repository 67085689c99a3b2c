"""Criteria and numbers as sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from probatum.metrics.classification import DEFINITIONS
from probatum.study import Criterion
from probatum.verdict.evidence import describe_slice


def number(value: float | None, sign: bool = False) -> str:
    """Return a number with three decimals, or as many as it takes not to round a small limit away.

    Args:
        value: any number; `None` and NaN give a dash.
        sign: write the plus of a positive number.
    """
    if value is None or math.isnan(value):
        return "-"
    plain = f"{value:.3f}"
    if float(plain) == 0 and value != 0 and abs(value) < 0.0005:
        plain = f"{value:.1g}"
    return f"+{plain}" if sign and value > 0 else plain


def limit(value: float) -> str:
    """Return a limit as the study gives it, with at least three decimals."""
    return f"{value:.3f}" if round(value, 3) == value else f"{value:.10g}"


def metric_name(metric: str) -> str:
    """Return what people call a metric."""
    return DEFINITIONS[metric].name if metric in DEFINITIONS else metric.replace("_", " ")


def criterion_text(criterion: Criterion) -> str:
    """Return a criterion as a sentence, like `FPR on group=lgbtq of tuned is at most 0.350`."""
    if criterion.metric == "training":
        return "training is completed" if criterion.completed else "training is not completed"
    if criterion.metric == "validation_loss":
        return (
            "validation loss of the kept checkpoint "
            + ("is below" if criterion.falls else "is not below")
            + " its start"
        )
    if criterion.metric == "retention_nll":
        return f"loss on general text rises by {_bound(criterion)}"
    where = f" on {describe_slice(criterion.slice)}" if criterion.slice else ""
    name = metric_name(criterion.metric)
    if other := criterion.gain_over or criterion.rise_over:
        change = "gain" if criterion.gain_over else "rise"
        who = "" if criterion.system == "tuned" else f" of {criterion.system}"
        return f"{name} {change}{who} over {other}{where} is {_bound(criterion)}"
    return f"{name}{where} of {criterion.system} is {_bound(criterion)}"


def _bound(criterion: Criterion) -> str:
    if criterion.at_least is not None:
        return f"at least {limit(criterion.at_least)}"
    if criterion.at_most is not None:
        return f"at most {limit(criterion.at_most)}"
    low, high = criterion.within or (math.nan, math.nan)
    return f"between {limit(low)} and {limit(high)}"


def one_class(label: str, positives: int, negatives: int) -> str | None:
    """Say which figures mean nothing where all true labels are of one class; `None` where both are there.

    Args:
        label: the positive one.
        positives: posts that are truly positive.
        negatives: the others.
    """
    if not positives + negatives or (positives and negatives):
        return None
    if positives:
        return (
            f"every post is truly {label}: precision is 1 by construction and F1 rises with recall alone, so that "
            "neither means anything; FPR and AUROC have no value"
        )
    return (
        f"no post is truly {label}: precision and F1 are 0 or undefined by construction, so that neither means "
        "anything; recall, FNR and AUROC have no value"
    )


def missing_scores(missing: int, n: int) -> str | None:
    """Say how posts without a score are ranked; `None` where none lacks one, or all do and nothing is ranked."""
    if not 0 < missing < n:
        return None
    return (
        f"{missing:,} of {n:,} posts have no score and rank worst, a truly positive one below all others and a "
        "negative one above: AUROC is lower than on the posts that have one"
    )


def joined(parts: Sequence[str]) -> str:
    """Join words as a sentence does: a; a and b; a, b and c."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
