"""What every section of a study file is made of."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

AUTO = "auto"
SIZE = r"([0-9]+(?:\.[0-9]+)?)\s*([kKMGT]i?B|B)?"
ABOUT = ("title", "description", "default")  # what of a field's JSON Schema is not about its value
Level = Annotated[float, Field(allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]


def or_else(other: dict[str, Any], **about: Any) -> Callable[[dict[str, Any]], None]:
    """Return what tells a field's JSON Schema what else its validator takes.

    Args:
        other: the schema of that.
        about: keys beside, such as another `default`.
    """

    def extend(schema: dict[str, Any]) -> None:
        value = {key: schema.pop(key) for key in [*schema] if key not in ABOUT}
        schema |= {"anyOf": [*value.get("anyOf", [value]), other]} | about

    return extend


OR_AUTO: Any = or_else({"const": AUTO}, default=AUTO)
OR_SIZE: Any = or_else({"type": "string", "pattern": rf"^\s*{SIZE}\s*$", "examples": ["79GB", "40GiB"]})


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
    found = re.fullmatch(SIZE, text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no size; write 79GB, 40GiB, or a number of bytes")
    unit = (found[2] or "B").removesuffix("B")
    base = 1024 if unit.endswith("i") else 1000
    return int(float(found[1]) * base ** " KMGT".index(unit[0].upper() if unit else " "))
