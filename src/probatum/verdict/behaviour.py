"""Functional tests by what they check and by the group that they aim at, their templates drawn whole.

HateCheck (Röttger et al. 2021) makes most of its cases by filling a template with seven identities. Cases of one
template are answered alike, so the draws of the bootstrap take or leave a template as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probatum.data.records import Post, Prediction
from probatum.metrics.bootstrap import Codes, Resampling
from probatum.metrics.classification import Flags
from probatum.metrics.intervals import Interval
from probatum.metrics.resampled import resampled
from probatum.study import VerdictSettings
from probatum.verdict.evidence import NO_VALUE, Evidence, line_up
from probatum.verdict.further_results import Behaviour, BehaviourRow

METRICS = ("accuracy", "recall", "fpr", "fnr")
REFERENCE = "baseline"
ALL = "all"


@dataclass(frozen=True)
class Cases:
    """Functional tests and what every system answered.

    Attributes:
        source: the file that they are from.
        posts: the cases.
        predictions: system to its answers, in any order.
        functionality: column with what a case checks.
        template: column with the template that it is made of.
        group: column with the group that it aims at.
    """

    source: str
    posts: Sequence[Post]
    predictions: Mapping[str, Sequence[Prediction]]
    functionality: str = "functionality"
    template: str = "templ_id"
    group: str = "group"


def behaviour_of(cases: Cases, settings: VerdictSettings, positive: str) -> Behaviour:
    """Measure every system on functional tests.

    Args:
        cases: the cases and the answers.
        settings: confidence level and bootstrap.
        positive: the positive label.
    """
    evidence = line_up(cases.posts, cases.predictions, positive)
    templates = evidence.column(cases.template)
    known = templates != NO_VALUE
    alone = np.array([f"alone {at}" for at in range(len(templates))])
    clusters: Codes = np.unique(np.where(known, templates, alone), return_inverse=True)[1]
    note = "" if known.all() else f"{int((~known).sum()):,} tests name no template and count as independent"

    def rows(column: str) -> list[BehaviourRow]:
        values = evidence.column(column)
        named = [str(value) for value in dict.fromkeys(values.tolist()) if value != NO_VALUE]
        return [_row(value, values == value, evidence, clusters, settings) for value in named]

    return Behaviour(
        source=cases.source,
        overall=_row(ALL, np.ones(len(cases.posts), dtype=bool), evidence, clusters, settings),
        functionalities=rows(cases.functionality),
        groups=sorted(rows(cases.group), key=lambda row: (-row.n, row.value)),
        note=note,
    )


def _row(
    value: str, mask: NDArray[np.bool_], evidence: Evidence, clusters: Codes, settings: VerdictSettings
) -> BehaviourRow:
    how = Resampling(settings.bootstrap_draws, settings.seed, clusters=clusters[mask])
    reference = REFERENCE if REFERENCE in evidence.answers else None
    figures: dict[str, dict[str, Interval]] = {}
    change: dict[str, dict[str, Interval]] = {}
    for system, answers in evidence.answers.items():
        mine = answers.where(mask)
        other = evidence.answers[reference or system].where(mask)
        found = resampled(mine, other, METRICS, settings.confidence, how)
        figures[system] = _of_one_label(found.system, mine.truth)
        if reference and system != reference:
            change[system] = _of_one_label(found.difference, mine.truth, level=0.0)
    labels = Counter(post.label for post, inside in zip(evidence.posts, mask, strict=True) if inside)
    return BehaviourRow(value, dict(labels), int(mask.sum()), len(np.unique(clusters[mask])), figures, change)


def _of_one_label(found: Mapping[str, Interval], truth: Flags, level: float = 1.0) -> dict[str, Interval]:
    """Return accuracy, FPR and FNR, accuracy as recall or as 1 - FPR where all tests have one label.

    The value is the same; the draws then add nothing to cells of the other label, which cannot come up.

    Args:
        found: metric to its interval.
        truth: bool[n], the right label is the positive one.
        level: 1 for a figure, 0 for a difference.
    """
    kept = {metric: found[metric] for metric in METRICS if metric != "recall"}
    if truth.all():
        kept["accuracy"] = found["recall"]
    elif not truth.any():
        fpr = found["fpr"]
        kept["accuracy"] = Interval(level - fpr.value, level - fpr.high, level - fpr.low, fpr.n)
    return kept
