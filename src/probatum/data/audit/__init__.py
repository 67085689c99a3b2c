"""Look through the files of posts before anything is trained: what makes a study on them mean less than it seems to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from probatum.data.audit.convention import find_conventions
from probatum.data.audit.coverage import find_coverage
from probatum.data.audit.findings import Finding, by_severity
from probatum.data.audit.formatting import find_formatting
from probatum.data.audit.held import Held
from probatum.data.audit.leaks import find_leaks
from probatum.data.audit.lengths import CountCut, find_truncation
from probatum.data.audit.near import find_near_duplicates
from probatum.data.audit.noise import find_label_noise, judge
from probatum.data.audit.repeats import find_repeats
from probatum.data.records import Post

COUNTED = ("label", "group", "source")
Files = Mapping[str, Sequence[Post]]


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found.

    Attributes:
        counts: file to column (label, group, source) to value to number of posts; no value counts as `none`.
        findings: the gravest first.
    """

    counts: dict[str, dict[str, dict[str, int]]]
    findings: list[Finding]

    def to_json(self) -> dict[str, Any]:
        """Return the audit as a JSON object."""
        return {"counts": self.counts, "findings": [finding.to_json() for finding in self.findings]}


def audit(
    files: Files, count_cut: CountCut | None = None, *, against: Files | None = None, positive: str | None = None
) -> Audit:
    """Look through files of posts.

    Args:
        files: name (`train`, `validation`, `test`) to posts, in the order of the study. Each is looked at by itself,
            and held against every one before it.
        count_cut: returns, for posts' texts, how many tokens of each are cut to fit the study's prompt.
        against: further files, which each of the files is held against; they are not looked at by themselves.
        positive: the positive label; without it no finer label is said to stand under the wrong one.
    """
    held = [Held(name, posts) for name, posts in files.items() if posts]
    others = [Held(name, posts) for name, posts in (against or {}).items() if posts]
    pairs = [(second, first) for first, second in combinations(held, 2)]
    pairs += [(each, other) for each in held for other in others]
    posts = [post for each in held for post in each.posts]
    judged, leaks = judge(held), find_leaks(posts)
    findings = [
        *find_repeats(held, pairs),
        *find_near_duplicates(held, pairs),
        *find_coverage(files),
        *(replace(leak, files=tuple(files)) for leak in [*leaks, *find_formatting(posts, leaks)]),
        *find_label_noise(judged, held),
        *find_conventions(held, judged, positive),
        *find_truncation(held, count_cut),
    ]
    looked_at = {**files, **(against or {})}
    return Audit({name: _counts(members) for name, members in looked_at.items()}, by_severity(findings))


def _counts(posts: Sequence[Post]) -> dict[str, dict[str, int]]:
    return {name: dict(sorted(Counter(str(post.column(name) or "none") for post in posts).items())) for name in COUNTED}
