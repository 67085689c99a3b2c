"""One thing that an audit found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from probatum.data.records import Post

Kind = Literal[
    "format_leak",
    "duplicate",
    "overlap",
    "near_duplicate",
    "conflicting_label",
    "label_noise",
    "convention",
    "coverage",
    "truncation",
]
Severity = Literal["high", "medium", "low"]
MOST_EXAMPLES = 5
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")
FEW_POSTS = 5  # so many posts alone, whatever their share, call for nobody's night


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
        files: the files it is about; the posts counted stand in the first.
        twin_ids: for findings about pairs, the post that each example repeats, in the last of the files.
        details: figures behind the message, one object for each row of them.
    """

    kind: Kind
    severity: Severity
    count: int
    share: float
    message: str
    example_ids: tuple[str, ...]
    advice: str
    files: tuple[str, ...] = ()
    twin_ids: tuple[str, ...] = ()
    details: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the finding as a JSON object."""
        lists = ("example_ids", "files", "twin_ids", "details")
        return asdict(self) | {name: list(getattr(self, name)) for name in lists}


def examples(posts: Iterable[Post]) -> tuple[str, ...]:
    """Return the ids of the first few posts."""
    return tuple(post.id for _, post in zip(range(MOST_EXAMPLES), posts, strict=False))


def graded(share: float, high: float, medium: float) -> Severity:
    """Return a severity by the share of posts touched."""
    return "high" if share >= high else "medium" if share >= medium else "low"


def by_severity(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings with the gravest first, then the widest."""
    return sorted(findings, key=lambda finding: (SEVERITIES.index(finding.severity), -finding.share, finding.message))


def at_least(findings: Sequence[Finding], severity: Severity) -> list[Finding]:
    """Return the findings that are as grave as a severity, or graver."""
    return [each for each in findings if SEVERITIES.index(each.severity) <= SEVERITIES.index(severity)]
