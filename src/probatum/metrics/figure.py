"""A number, or why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass


class MayBeUndefined:
    """What has a value, NaN where it is undefined."""

    value: float

    @property
    def defined(self) -> bool:
        """Whether there is a value."""
        return not math.isnan(self.value)


@dataclass(frozen=True)
class Figure(MayBeUndefined):
    """A value that may be undefined.

    Attributes:
        value: NaN if undefined.
        reason: why it is undefined, `None` if it is a number.
    """

    value: float
    reason: str | None = None

    @classmethod
    def undefined(cls, reason: str) -> Figure:
        """Return a figure that has no value."""
        return cls(math.nan, reason)
