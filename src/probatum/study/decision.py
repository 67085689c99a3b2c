"""Settings of how scores become labels: the rule that chooses a threshold."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from probatum.study.section import AUTO, Fraction, Section, or_else


def _number_or_auto(value: Any) -> Any:
    """Return a threshold; a plain union would answer a wrong number with two faults instead of one.

    Raises:
        ValueError: it is neither.
    """
    if value == AUTO:
        return AUTO
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise ValueError("write auto, or a number greater than or equal to 0 and less than or equal to 1")


Threshold = Annotated[
    float | Literal["auto"],
    PlainValidator(_number_or_auto, json_schema_input_type=Fraction),
    Field(json_schema_extra=or_else({"const": AUTO})),
]


class MistakeCosts(Section):
    """What mistakes cost, in any unit."""

    false_positive: float = Field(1, ge=0, description="cost of calling a negative post positive")
    false_negative: float = Field(1, ge=0, description="cost of not calling a positive post positive")

    @model_validator(mode="after")
    def _something_costs(self) -> Self:
        if not self.false_positive and not self.false_negative:
            raise ValueError("one of false_positive and false_negative must be above 0")
        return self


class RateCap(Section):
    """What no group's rate may be above."""

    metric: Literal["fpr"] = Field("fpr", description="the rate that is capped")
    at_most: Fraction = Field(description="highest value allowed in any group")
    by: str | None = Field("group", description="the column that parts the posts; null caps all posts as one")
    decide: Literal["point", "bound"] = Field(
        "bound", description="cap the rate on validation, or the upper end of its Wilson interval"
    )


class ThresholdRule(Section):
    """How `threshold: auto` is chosen, for each system apart, on validation posts alone."""

    goal: Literal["f1", "cost"] = Field("f1", description="maximise F1, or minimise the cost of mistakes")
    cost: MistakeCosts | None = Field(None, description="for goal: cost, what mistakes cost")
    cap: RateCap | None = Field(None, description="only thresholds that keep this cap in every group")

    @model_validator(mode="after")
    def _costs_for_the_goal(self) -> Self:
        if (self.goal == "cost") != (self.cost is not None):
            raise ValueError("goal: cost and cost: {false_positive: …, false_negative: …} go together")
        return self
