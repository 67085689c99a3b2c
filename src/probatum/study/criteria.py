"""Settings of the verdict: what must hold."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from probatum.study.section import AUTO, Level, Section

TRAINING_METRICS = ("training", "validation_loss", "retention_nll")
NO_CLUSTERS = "none"
FACTS = {"training": "completed", "validation_loss": "falls"}
System = Literal["majority", "linear", "baseline", "tuned"]
Metric = Literal[
    "f1", "accuracy", "precision", "recall", "fpr", "fnr", "flag_rate", "unparsed_rate",
    "training", "validation_loss", "retention_nll",
]  # fmt: skip


class Criterion(Section):
    """One statement that must hold.

    Either a level (`at_least`, `at_most`, `within`) of a metric of one system, a change against another system
    (`gain_over` with `at_least`, `rise_over` with `at_most`), or a fact of training (`completed`, `falls`).
    """

    metric: Metric = Field(description="what is measured")
    system: System = Field("tuned", description="which system it is measured on")
    slice: dict[str, str] = Field(default_factory=dict, description="only posts whose columns have these values")
    at_least: Level | None = Field(None, description="lowest value that passes")
    at_most: Level | None = Field(None, description="highest value that passes")
    within: tuple[Level, Level] | None = Field(None, description="lowest and highest value that pass")
    gain_over: System | None = Field(None, description="the value is the gain over this system")
    rise_over: System | None = Field(None, description="the value is the rise over this system")
    completed: bool | None = Field(None, description="for `training`: every step ran")
    falls: bool | None = Field(None, description="for `validation_loss`: the kept checkpoint is better than the start")
    decide: Literal["point", "bound", "test"] | None = Field(
        None,
        description="judge the point, the bound of its interval, or, of a gain, the point together with the paired "
        "test (default: test for a gain and for a rise of at most 0 or less, point for `within`, else bound)",
    )

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        limits = [name for name in ("at_least", "at_most", "within") if getattr(self, name) is not None]
        facts = [name for name in ("completed", "falls") if getattr(self, name) is not None]
        if self.metric in FACTS:
            if facts != [FACTS[self.metric]]:
                raise ValueError(f"metric: {self.metric} wants {FACTS[self.metric]}: true")
            if limits or self.gain_over or self.rise_over or self.slice:
                raise ValueError(f"metric: {self.metric} wants {FACTS[self.metric]}: true and nothing else")
            return self
        if facts:
            raise ValueError(f"{facts[0]} is not for metric: {self.metric}, which has a value")
        if len(limits) != 1:
            raise ValueError(f"metric: {self.metric} wants exactly one of at_least, at_most, within")
        if self.gain_over and self.rise_over:
            raise ValueError("give gain_over or rise_over, not both")
        if self.gain_over and limits != ["at_least"]:
            raise ValueError("gain_over wants at_least: the smallest gain that passes")
        if self.rise_over and limits != ["at_most"]:
            raise ValueError("rise_over wants at_most: the largest rise that passes")
        if self.within and not self.within[0] <= self.within[1]:
            raise ValueError(f"within wants the lowest value first, found {list(self.within)}")
        if self.decide == "test" and not self.claims_change:
            raise ValueError(
                "decide: test is for a gain_over of at least 0 or more, or a rise_over of at most 0 or less"
            )
        if self.metric == "retention_nll" and not self.rise_over:
            raise ValueError("retention_nll wants rise_over: baseline and at_most")
        if self.system in (self.gain_over, self.rise_over):
            raise ValueError(f"a change of {self.system} over itself is always 0; name another system")
        return self

    @property
    def claims_change(self) -> bool:
        """Whether it claims that the system is better than the other, and not merely not much worse."""
        if self.gain_over:
            return (self.at_least or 0) >= 0
        return self.rise_over is not None and (self.at_most or 0) <= 0

    @property
    def decided_by(self) -> Literal["point", "bound", "test"]:
        """What decides: as asked for, else the default of its kind."""
        if self.decide is not None:
            return self.decide
        return "point" if self.within else "test" if self.claims_change else "bound"

    def systems(self) -> list[System]:
        """Return the systems that must be scored to judge it."""
        if self.metric in TRAINING_METRICS:
            return ["tuned"]
        return [system for system in (self.system, self.gain_over, self.rise_over) if system is not None]


DEFAULT_CRITERIA = (
    Criterion(metric="f1", gain_over="baseline", at_least=0.005),
    Criterion(metric="f1", gain_over="linear", at_least=0.0),
    Criterion(metric="training", completed=True),
    Criterion(metric="validation_loss", falls=True),
)


class VerdictSettings(Section):
    """What must hold for the tuned model to be accepted."""

    criteria: list[Criterion] = Field(
        list(DEFAULT_CRITERIA),
        description="every statement that must hold (default: of these, those on scored systems)",
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="confidence level of every interval")
    bootstrap_draws: int = Field(2000, ge=200, description="draws of each paired bootstrap")
    seed: int = Field(0, ge=0, description="seed of the bootstrap")
    cluster: str = Field(
        AUTO,
        description="column whose values are a cluster each, for intervals and tests; equal texts are one too (auto: "
        "columns called template, author, duplicate and the like; none: every post stands for itself)",
    )
