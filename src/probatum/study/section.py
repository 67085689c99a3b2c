"""What every section of a study file is made of."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

AUTO = "auto"
OR_AUTO: Any = {"examples": [AUTO]}
Level = Annotated[float, Field(allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class FaultsInPlaceError(ValueError):
    """Faults with their places in the file."""

    def __init__(self, faults: list[tuple[tuple[int | str, ...], str]]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, where))} {message}" for where, message in faults))
        self.faults = faults


class Section(BaseModel):
    """A part of the study file; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Planned(Section):
    """A section in which some settings may be `auto`.

    An `auto` setting counts as not given and holds its reference value, which serves wherever nothing plans; the plan
    lays its own over it.
    """

    AUTO: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _auto_is_not_given(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {key: value for key, value in given.items() if not (key in cls.AUTO and value == AUTO)}

    @model_serializer(mode="wrap")
    def _auto_is_written(self, write: Any) -> dict[str, Any]:
        return write(self) | {name: AUTO for name in self.AUTO if self.is_auto(name)}

    def is_auto(self, name: str) -> bool:
        """Whether the plan chooses a setting."""
        return name not in self.model_fields_set


def parse_bytes(text: str) -> int:
    """Return the bytes that a size in words stands for: `79GB` is 79e9, `40GiB` is 40 · 2^30.

    Raises:
        ValueError: it is no size.
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([kKMGT]i?B|B)?", text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no size; write 79GB, 40GiB, or a number of bytes")
    unit = (found[2] or "B").removesuffix("B")
    base = 1024 if unit.endswith("i") else 1000
    return int(float(found[1]) * base ** " KMGT".index(unit[0].upper() if unit else " "))
