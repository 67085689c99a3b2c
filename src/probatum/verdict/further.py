"""What is known beside the answers about the test posts, and what it adds to a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from probatum.data.records import Prediction
from probatum.study import VerdictSettings
from probatum.verdict.behaviour import Cases, behaviour_of
from probatum.verdict.causes import Clues
from probatum.verdict.evidence import Evidence
from probatum.verdict.further_results import Behaviour, NoiseFloor, Retention, Seeds, Swaps
from probatum.verdict.noise import BASELINE, above_the_floor, noise_floor
from probatum.verdict.results import CriterionResult
from probatum.verdict.seeds import TUNED, SeedRun, judge_over_seeds
from probatum.verdict.swaps import Swapped, swaps_of


@dataclass(frozen=True)
class Further:
    """What is known beside the test.

    Attributes:
        seed: the shipped adapter's.
        seeds: further seeds to their answers about the test posts.
        noise: the baseline's answers about the test posts, scored again; `None` if they were not.
        retention: loss on general text, if it was measured.
        cases: functional tests, if there are any.
        swapped: identity swaps, if there are any.
        clues: what causes are looked for in.
    """

    seed: int = 0
    seeds: Mapping[int, SeedRun] = field(default_factory=dict)
    noise: Sequence[Prediction] | None = None
    retention: Retention | None = None
    cases: Cases | None = None
    swapped: Swapped | None = None
    clues: Clues | None = None


@dataclass(frozen=True)
class FurtherFigures:
    """What it comes to: parts of the verdict, and the criteria that hold in spite of it."""

    criteria: list[CriterionResult]
    seeds: Seeds | None = None
    noise_floor: NoiseFloor | None = None
    retention: Retention | None = None
    behaviour: Behaviour | None = None
    swaps: Swaps | None = None


def weigh(
    further: Further,
    criteria: Sequence[CriterionResult],
    evidence: Evidence,
    settings: VerdictSettings,
    positive: str,
) -> FurtherFigures:
    """Measure what is known beside the test, and hold back criteria that hang on the seed or lie within the noise.

    Args:
        further: what is known.
        criteria: of the study, in order, judged on the test posts.
        evidence: posts and answers.
        settings: criteria, confidence level and bootstrap.
        positive: the positive label.
    """
    judged, seeds, floor = list(criteria), None, None
    if further.seeds and TUNED in evidence.answers:
        judged, seeds = judge_over_seeds(
            judged, evidence, further.seeds, settings, positive=positive, first=further.seed
        )
    if further.noise is not None and BASELINE in evidence.answers:
        floor = noise_floor(evidence, further.noise, positive)
        pairs = zip(settings.criteria, judged, strict=True)
        judged = [above_the_floor(criterion, result, evidence, floor) for criterion, result in pairs]
    return FurtherFigures(
        criteria=judged,
        seeds=seeds,
        noise_floor=floor,
        retention=further.retention,
        behaviour=behaviour_of(further.cases, settings, positive) if further.cases else None,
        swaps=_swaps(further.swapped, evidence, settings) if further.swapped else None,
    )


def _swaps(swapped: Swapped, evidence: Evidence, settings: VerdictSettings) -> Swaps | None:
    codes = evidence.clusters
    clusters = None if codes is None else {post.id: int(code) for post, code in zip(evidence.posts, codes, strict=True)}
    return swaps_of(swapped, settings, clusters)
