"""Functional tests by what they check and by the group that they aim at, their templates drawn whole.

HateCheck (Röttger et al. 2021) makes most of its cases by filling a template with seven identities. Cases of one
template are answered alike, so a template is a cluster.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probatum.data.records import Post, Prediction
from probatum.metrics.clusters import Codes
from probatum.metrics.levels import level
from probatum.metrics.paired import difference
from probatum.study import VerdictSettings
from probatum.verdict.evidence import NO_VALUE, Evidence, line_up
from probatum.verdict.further_results import Behaviour, BehaviourRow

METRICS = ("accuracy", "fpr", "fnr")
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
        settings: confidence level.
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
    codes, confidence = clusters[mask], settings.confidence
    answered = {system: answers.where(mask) for system, answers in evidence.answers.items()}
    reference = answered.get(REFERENCE)
    figures = {
        system: {metric: level(mine, metric, confidence, clusters=codes) for metric in METRICS}
        for system, mine in answered.items()
    }
    change = {
        system: {metric: difference(mine, reference, metric, confidence, clusters=codes).interval for metric in METRICS}
        for system, mine in answered.items()
        if reference is not None and system != REFERENCE
    }
    labels = Counter(post.label for post, inside in zip(evidence.posts, mask, strict=True) if inside)
    return BehaviourRow(value, dict(labels), int(mask.sum()), len(np.unique(codes)), figures, change)
