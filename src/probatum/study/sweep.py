"""Settings of a sweep: which trainings are tried, and how one is chosen."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from probatum.study.section import Section

TRIED = ("rank", "learning_rate", "epochs", "reweighting")


class Sweep(Section):
    """Trainings to try; the first trial is always the study as it is."""

    trials: int = Field(12, ge=1, description="trainings to try, all that differ if there are fewer")
    sampler: Literal["tpe", "grid"] = Field(
        "tpe", description="tpe: learn from the trials before; grid: every combination, in an order drawn by seed"
    )
    rank: list[PositiveInt] = Field([8, 16, 32, 64], min_length=1, description="LoRA ranks; alpha / rank stays")
    learning_rate: list[PositiveFloat] = Field(
        [1e-4, 2e-4, 5e-4, 1e-3], min_length=1, description="peak learning rates"
    )
    epochs: list[PositiveFloat] = Field([1.0, 2.0, 3.0], min_length=1, description="passes over the training posts")
    reweighting: list[Literal["none", "group_label"]] = Field(
        ["none", "group_label"], min_length=1, description="weights of posts by group and label"
    )
    seed: int = Field(0, ge=0, description="seed of what is tried, and of the bootstrap behind the correction")

    @model_validator(mode="after")
    def _each_value_once(self) -> Self:
        for name in TRIED:
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise ValueError(f"{name} names a value twice")
        return self

    def space(self) -> dict[str, list[Any]]:
        """Return each setting that is tried with its values."""
        return {name: list(getattr(self, name)) for name in TRIED}
