"""One thing that an audit found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from probatum.data.records import Post

Kind = Literal["format_leak", "duplicate", "overlap", "conflicting_label", "truncation", "coverage"]
Severity = Literal["high", "medium", "low"]
MOST_EXAMPLES = 5
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is or may be wrong with the posts.

    Attributes:
        kind: what sort of thing.
        severity: high: the study would not mean what it seems to; medium: look at it; low: know it.
        count: how many posts it touches.
        share: their share of the posts looked at, in [0, 1].
        message: what was found, in one sentence.
        example_ids: ids of up to five of the posts.
        advice: what to do.
    """

    kind: Kind
    severity: Severity
    count: int
    share: float
    message: str
    example_ids: tuple[str, ...]
    advice: str

    def to_json(self) -> dict[str, Any]:
        """Return the finding as a JSON object."""
        return asdict(self) | {"example_ids": list(self.example_ids)}


def examples(posts: Iterable[Post]) -> tuple[str, ...]:
    """Return the ids of the first few posts."""
    return tuple(post.id for _, post in zip(range(MOST_EXAMPLES), posts, strict=False))


def graded(share: float, high: float, medium: float) -> Severity:
    """Return a severity by the share of posts touched."""
    return "high" if share >= high else "medium" if share >= medium else "low"


def by_severity(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings with the gravest first, then the widest."""
    return sorted(findings, key=lambda finding: (SEVERITIES.index(finding.severity), -finding.share, finding.message))
