"""One system's figure with its interval, from its answers: posts on their own or in clusters."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from probatum.metrics.classification import DEFINITIONS, Answers, Confusion, Flags, Floats
from probatum.metrics.clusters import Codes, contributions, design_effect
from probatum.metrics.intervals import OF_THE_WHOLE_TABLE, Interval, metric_interval, on_fewer

COUNTS = [field.name for field in fields(Confusion)]
# What one post of each kind counts as; the kind is 4 · truth + 2 · right + parsed, and a right answer is always parsed.
KINDS = {
    0: Confusion(0, 1, 0, 0, unparsed_fp=1),
    1: Confusion(0, 1, 0, 0),
    3: Confusion(0, 0, 1, 0),
    4: Confusion(0, 0, 0, 1, unparsed_fn=1),
    5: Confusion(0, 0, 0, 1),
    7: Confusion(1, 0, 0, 0),
}


def level(
    answers: Answers,
    metric: str,
    confidence: float,
    *,
    clusters: Codes | None = None,
    draws: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return a figure of one system with its interval (`metric_interval`), on n / D posts where they are clustered.

    Args:
        answers: one system's answers about n posts.
        metric: a name out of `DEFINITIONS`.
        confidence: level in (0, 1).
        clusters: int[n], posts of one value are one cluster; `None` if every post stands for itself.
        draws: draws of the bootstrap (macro F1 and MCC).
        seed: seed of those draws.

    Returns:
        The value with its interval; undefined, with the reason, where the denominator is 0.
    """
    counts = answers.confusion()
    plain = metric_interval(counts, metric, confidence, draws=draws, seed=seed)
    if clusters is None or not plain.defined:
        return plain
    effect = level_effect(answers, metric, confidence, clusters)
    if effect == 1:
        return plain

    def ends() -> tuple[float, float]:
        fewer = metric_interval(_scaled(counts, 1 / effect), metric, confidence, draws=draws, seed=seed)
        return fewer.low, fewer.high

    return on_fewer(plain.value, plain.n, effect, ends, lowest=-1.0 if metric == "mcc" else 0.0)


def level_effect(answers: Answers, metric: str, confidence: float, clusters: Codes | None) -> float:
    """Return the design effect of clusters on a figure (`clusters.design_effect`), 1 for `None`.

    Args:
        answers: one system's answers about n posts.
        metric: a name out of `DEFINITIONS`.
        confidence: level in (0, 1).
        clusters: int[n], or `None`.
    """
    mine = _relevant(answers, metric)
    if clusters is None or not mine.any():
        return 1.0
    cell = _cells(answers)
    added = contributions(cell, np.bincount(cell, minlength=8), lambda flat: float(_counts(flat).value(metric)))
    return design_effect(added[mine], clusters[mine], confidence)


def _cells(answers: Answers) -> Codes:
    cells: Codes = 4 * answers.truth + 2 * answers.correct + answers.parsed
    return cells


def _counts(flat: Floats) -> Confusion:
    """Return the counts of float[8] kinds of answers."""
    return Confusion(*(sum(flat[at] * getattr(kind, name) for at, kind in KINDS.items()) for name in COUNTS))


def _relevant(answers: Answers, metric: str) -> Flags:
    """Return bool[n], the posts that a figure rests on: for F1 all but the true negatives."""
    counted = np.array(
        [
            metric in OF_THE_WHOLE_TABLE or (at in KINDS and DEFINITIONS[metric].denominator(KINDS[at]) != 0)
            for at in range(8)
        ]
    )
    mine: Flags = counted[_cells(answers)]
    return mine


def _scaled(counts: Confusion, share: float) -> Confusion:
    return Confusion(*(getattr(counts, name) * share for name in COUNTS))
