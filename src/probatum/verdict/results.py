"""What a verdict holds, and its form as JSON (`verdict.json`)."""

from __future__ import annotations

import dataclasses
import math
import re
import types
import typing
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal, Self

from probatum.errors import DataError
from probatum.metrics.areas import BiasAreas
from probatum.metrics.calibration import Calibration
from probatum.metrics.classification import Confusion
from probatum.metrics.figure import Figure
from probatum.metrics.groups import Disparity, GroupRow
from probatum.metrics.intervals import Interval
from probatum.verdict.decision import Effect
from probatum.verdict.evidence import Usage
from probatum.verdict.further_results import Behaviour, Diagnosis, NoiseFloor, Retention, Seeds, Swaps

SCHEMA = 3
Outcome = Literal["accepted", "rejected", "inconclusive"]
CriterionOutcome = Literal["passed", "failed", "inconclusive"]
EXIT_CODES: dict[str, int] = {"accepted": 0, "rejected": 1, "inconclusive": 3}


@dataclass(frozen=True)
class CriterionResult:
    """One criterion, judged.

    Attributes:
        criterion: the criterion as the study gives it.
        text: the criterion as a sentence.
        value: the measured value; NaN if there is none.
        low: lower end of its interval; NaN if there is none.
        high: upper end of its interval; NaN if there is none.
        limit: the limit, or both of `within`.
        outcome: passed, failed or inconclusive.
        decided_by: whether the point or the bound of its interval was held against the limit, or the point together
            with the paired test.
        reason: why, as a sentence.
        posts_needed: posts of this kind that would settle it with 80 % power, if more posts can.
        n: posts in the slice.
        showable: true value nearest to the limit with which so many posts pass with 80 % power; NaN if there is none.
        held_back: why it is inconclusive though it passes on the test posts alone: it hangs on the `seed`, or its
            gain is no larger than the `noise` of scoring.
    """

    criterion: dict[str, Any]
    text: str
    value: float
    low: float
    high: float
    limit: list[float]
    outcome: CriterionOutcome
    decided_by: Literal["point", "bound", "test"]
    reason: str
    posts_needed: int | None = None
    n: int = 0
    showable: float = math.nan
    held_back: Literal["seed", "noise"] | None = None


@dataclass(frozen=True)
class Fairness:
    """How differently one system treats the groups; posts without a group are background only.

    Attributes:
        demographic_parity: difference of the flag rate between groups.
        equalised_odds: difference of FPR or recall between groups.
        areas: subgroup, BPSN and BNSP AUC of each group.
        mean_areas: their power means over the groups (p = -5): `subgroup`, `bpsn`, `bnsp`.
    """

    demographic_parity: Disparity
    equalised_odds: Disparity
    areas: list[BiasAreas]
    mean_areas: dict[str, Figure]


@dataclass(frozen=True)
class SystemResult:
    """One system on all posts.

    Attributes:
        name: of the system.
        n: posts.
        confusion: counts, unparsed answers as wrong.
        metrics: metric to its value and interval; of the scores `auroc`, `auprc` and `brier`.
        unparsed: answers with no label in them.
        errors: posts that could not be scored.
        truncated: posts that were cut to fit.
        valid_only: the same metrics without unparsed answers and errors; empty where there are none.
        valid_confusion: the counts behind them.
        usage: what it took.
        calibration: ECE and the reliability diagram.
        fairness: how differently it treats the groups; `None` if posts have none.
    """

    name: str
    n: int
    confusion: Confusion
    metrics: dict[str, Interval]
    unparsed: int
    errors: int
    truncated: int
    valid_only: dict[str, Interval]
    valid_confusion: Confusion | None
    usage: Usage
    calibration: Calibration
    fairness: Fairness | None


@dataclass(frozen=True)
class SliceRow:
    """One system on the posts with one value of one column."""

    column: str
    system: str
    row: GroupRow


@dataclass(frozen=True)
class GroupChange:
    """How two rates change within one group, system minus other.

    Attributes:
        value: the group.
        fpr: change of the false-positive rate.
        fnr: change of the false-negative rate.
        fpr_p: exact McNemar test of the change of FPR, by Holm over all groups and both rates; NaN without negatives.
        fnr_p: the same of FNR; NaN without positives.
    """

    value: str
    fpr: Interval
    fnr: Interval
    fpr_p: float
    fnr_p: float


@dataclass(frozen=True)
class Comparison:
    """One system against another on the same posts.

    Attributes:
        system: the one that is judged.
        other: the one it is held against.
        differences: metric to system minus other, with the paired interval.
        mcnemar_p: exact McNemar test on right and wrong answers.
        fixed: ids of posts that the other got wrong and the system right.
        broken: ids of posts that the other got right and the system wrong.
        groups: change of FPR and FNR by group.
    """

    system: str
    other: str
    differences: dict[str, Interval]
    mcnemar_p: float
    fixed: list[str]
    broken: list[str]
    groups: list[GroupChange]


@dataclass(frozen=True)
class NextStep:
    """What to do now.

    Attributes:
        sentence: in words.
        command: what to type, if anything.

    RUN, STUDY and TRAIN stand for the run folder, the study file and the training posts until `located` says where.
    """

    sentence: str
    command: str | None = None

    def located(self, places: Mapping[str, str]) -> Self:
        """Return the step with real paths in the place of RUN, STUDY and TRAIN."""
        words = re.compile(r"\b(RUN|STUDY|TRAIN)\b")

        def told(text: str) -> str:
            return words.sub(lambda match: places.get(match[0], match[0]), text)

        return replace(self, sentence=told(self.sentence), command=told(self.command) if self.command else None)


@dataclass(frozen=True)
class PostAnswers:
    """How each system called one post: the label, `None` where the answer held none."""

    label: str
    predictions: dict[str, str | None]


@dataclass(frozen=True)
class Verdict:
    """Whether the tuned model is better, for whom, how sure, at what cost.

    Attributes:
        outcome: accepted if every criterion passed, rejected if one failed, else inconclusive.
        sentence: the outcome with its reasons.
        criteria: every criterion, judged.
        systems: every system, measured.
        groups: every system by group.
        slices: every system by source and by each further column with few values.
        comparisons: the judged system against each other one.
        changed: for every fixed or broken post, what each system called it.
        notes: what a reader should know.
        next_step: what to do now.
        n: posts.
        positive: the positive label.
        confidence: level of every interval.
        bootstrap_draws: draws of each bootstrap.
        seed: of the bootstrap.
        decisions: system to the threshold and calibration used, and what its figures would be without them.
        diagnosis: why the figures may be as they are.
        seeds: spread between trainings; `None` for a single seed.
        noise_floor: what changes though nothing has changed; `None` where it was not measured.
        retention: loss on general text; `None` where it was not measured.
        behaviour: functional tests; `None` where the study names none.
        swaps: identity swaps; `None` where none were made.
    """

    outcome: Outcome
    sentence: str
    criteria: list[CriterionResult]
    systems: dict[str, SystemResult]
    groups: list[SliceRow]
    slices: list[SliceRow]
    comparisons: list[Comparison]
    changed: dict[str, PostAnswers]
    notes: list[str]
    next_step: NextStep
    n: int
    positive: str
    confidence: float
    bootstrap_draws: int
    seed: int
    decisions: dict[str, Effect] = field(default_factory=dict)
    diagnosis: Diagnosis = field(default_factory=lambda: Diagnosis([], []))
    seeds: Seeds | None = None
    noise_floor: NoiseFloor | None = None
    retention: Retention | None = None
    behaviour: Behaviour | None = None
    swaps: Swaps | None = None
    schema: int = field(default=SCHEMA)

    @property
    def exit_code(self) -> int:
        """0 accepted, 1 rejected, 3 inconclusive."""
        return EXIT_CODES[self.outcome]

    @property
    def accepted(self) -> bool:
        """Whether every criterion passed."""
        return self.outcome == "accepted"

    def located(self, places: Mapping[str, str]) -> Self:
        """Return the verdict with real paths in what to type, in the place of RUN, STUDY and TRAIN."""
        causes = [
            replace(cause, command=NextStep("", cause.command).located(places).command or cause.command)
            for cause in self.diagnosis.causes
        ]
        return replace(self, next_step=self.next_step.located(places), diagnosis=replace(self.diagnosis, causes=causes))

    def _repr_html_(self) -> str:
        from probatum.notebook import verdict_html

        return verdict_html(self)

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as JSON values at full precision; an undefined number is null beside its reason."""
        value: dict[str, Any] = encode(self)
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Rebuild a verdict from `to_json`.

        Raises:
            DataError: the value is no verdict, or one of another version.
        """
        schema = value.get("schema") if isinstance(value, Mapping) else None
        if schema != SCHEMA:
            raise DataError(
                f"not a verdict of this version (schema {schema!r}, wanted {SCHEMA}); "
                "make it again with `probatum compare`"
            )
        try:
            verdict: Self = decode(cls, value)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"not a verdict: {error}; make it again with `probatum compare`") from error
        return verdict


def encode(value: Any) -> Any:
    """Return dataclasses, lists and mappings as plain JSON values, NaN and infinity as null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [encode(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def decode(kind: Any, value: Any) -> Any:
    """Rebuild a value of an annotated type from what `encode` gave; null is NaN where a number is wanted."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is float:
        return math.nan if value is None else float(value)
    if origin in (types.UnionType, typing.Union):
        inner = next(a for a in arguments if a is not type(None))
        return None if value is None else decode(inner, value)
    if origin is list:
        return [decode(arguments[0], item) for item in value]
    if origin is dict:
        return {key: decode(arguments[1], item) for key, item in value.items()}
    if dataclasses.is_dataclass(kind):
        hints = _hints(typing.cast(Hashable, kind))
        return kind(**{f.name: decode(hints[f.name], value[f.name]) for f in dataclasses.fields(kind)})  # type: ignore
    return value


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)
