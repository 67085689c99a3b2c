"""What a verdict holds beside the figures on the test posts: seeds, noise, retention, behaviour, swaps and causes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from probatum.metrics.intervals import Interval

CauseKind = Literal["overfitting", "convention", "threshold", "too_little_data", "prompt"]


@dataclass(frozen=True)
class Spread:
    """One figure over the seeds.

    Attributes:
        values: of each seed, the judged one first; NaN where it has none.
        mean: of those that have a value.
        low: the smallest.
        high: the largest.
        sd: standard deviation between seeds, with k - 1; NaN for fewer than two.
    """

    values: list[float]
    mean: float
    low: float
    high: float
    sd: float


@dataclass(frozen=True)
class CriterionSpread:
    """One criterion over the seeds.

    Attributes:
        text: the criterion as a sentence.
        spread: of its value.
        low: lower end of the mean's interval, posts and seeds both drawn; NaN if there is none.
        high: upper end.
        outcomes: passed, failed or inconclusive for each seed alone.
        robust: whether it passes over the seeds too; `None` where the judged one did not pass to begin with.
    """

    text: str
    spread: Spread
    low: float
    high: float
    outcomes: list[str]
    robust: bool | None


@dataclass(frozen=True)
class Seeds:
    """Several trainings that differ by their seed alone.

    Attributes:
        seeds: all of them; the first is the one that is judged and shipped.
        metrics: metric of the tuned system on all test posts to its spread.
        criteria: every criterion that hangs on the training.
    """

    seeds: list[int]
    metrics: dict[str, Spread]
    criteria: list[CriterionSpread]


@dataclass(frozen=True)
class NoiseFloor:
    """What changed when the baseline scored the same posts again, in another order and in other rows.

    Attributes:
        n: posts.
        largest_score_change: largest difference of a post's two scores; NaN where there are no scores.
        mean_score_change: their mean absolute difference.
        flipped: ids of the posts that were called otherwise.
        change: metric to the second scoring minus the first.
        floor: metric to what the flipped posts can move it by: all of them right against all of them wrong.
    """

    n: int
    largest_score_change: float
    mean_score_change: float
    flipped: list[str]
    change: dict[str, float]
    floor: dict[str, float]


@dataclass(frozen=True)
class Retention:
    """Loss on general text before and after training.

    Attributes:
        source: the file, or `shipped`.
        paragraphs: paragraphs with a token to predict.
        tokens: tokens predicted.
        baseline: mean loss of a token, in nats.
        tuned: the same with the adapter.
        rise: tuned minus baseline, paired, whole paragraphs drawn.
    """

    source: str
    paragraphs: int
    tokens: int
    baseline: Interval
    tuned: Interval
    rise: Interval


@dataclass(frozen=True)
class BehaviourRow:
    """The functional tests with one value of one column.

    Attributes:
        value: of the column; `all` for all tests.
        labels: right label to how many tests have it.
        n: tests.
        templates: templates that they are made of, drawn whole; as many as tests where there are none.
        figures: system to accuracy, fpr and fnr.
        change: system to its figures minus the baseline's, paired.
    """

    value: str
    labels: dict[str, int]
    n: int
    templates: int
    figures: dict[str, dict[str, Interval]]
    change: dict[str, dict[str, Interval]]


@dataclass(frozen=True)
class Behaviour:
    """Functional tests, answered by every system.

    Attributes:
        source: the file.
        overall: all tests.
        functionalities: by what a test checks.
        groups: by the group that it aims at.
        note: what a reader should know about the clusters; "" for nothing.
    """

    source: str
    overall: BehaviourRow
    functionalities: list[BehaviourRow]
    groups: list[BehaviourRow]
    note: str


@dataclass(frozen=True)
class SwapFigures:
    """How one system answers when a name is swapped.

    Attributes:
        flips: swaps that it calls otherwise than the post as it was.
        flip_rate: their share, whole posts drawn.
        change: mean score with the second group's name minus with the first's (of all pairs together: mean absolute
            change), whole posts drawn; without ends, and with the reason, under five posts.
        p_value: that the change between two groups is 0, by Holm over all pairs; NaN for all pairs together, and
            under five posts.
    """

    flips: int
    flip_rate: Interval
    change: Interval
    p_value: float


@dataclass(frozen=True)
class SwapPair:
    """Swaps between two groups, in either direction.

    Attributes:
        first: the group whose name sorts first.
        second: the other.
        n: swaps.
        posts: posts that they are made of.
        systems: system to its figures.
    """

    first: str
    second: str
    n: int
    posts: int
    systems: dict[str, SwapFigures]


@dataclass(frozen=True)
class Swaps:
    """Test posts with the group that they name swapped for another.

    Attributes:
        n: swaps.
        posts: test posts that they are made of.
        possible: swaps that could be made; more than `n` where they were drawn.
        overall: system to its figures over all pairs.
        pairs: by pair of groups, the most frequent first.
        change: system to its flip rate minus the baseline's, paired.
    """

    n: int
    posts: int
    possible: int
    overall: dict[str, SwapFigures]
    pairs: list[SwapPair]
    change: dict[str, Interval]


@dataclass(frozen=True)
class CurvePoint:
    """A system trained on a share of the posts, measured on the validation posts.

    Attributes:
        system: linear or tuned.
        share: of the training posts.
        n: posts trained on.
        f1: on the validation posts.
        change: F1 minus that of the next smaller share, paired; undefined at the smallest.
    """

    system: str
    share: float
    n: int
    f1: Interval
    change: Interval


@dataclass(frozen=True)
class Cause:
    """Why the figures may be as they are, and what to do about it.

    Attributes:
        kind: overfitting, convention, threshold, too_little_data or prompt.
        sentence: what was seen.
        advice: what to do.
        command: what to type for it.
        values: the numbers behind it, by name.
    """

    kind: CauseKind
    sentence: str
    advice: str
    command: str
    values: dict[str, float]


@dataclass(frozen=True)
class Diagnosis:
    """Causes in the order in which to look into them, and what the learning curve is.

    Attributes:
        causes: the first one first; empty where nothing was found.
        learning_curve: by system, the smallest share first.
    """

    causes: list[Cause]
    learning_curve: list[CurvePoint]
