"""Look through the files of posts before anything is trained: counts, repeats, conflicts, lengths and leaks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from probatum.data.audit.coverage import find_coverage
from probatum.data.audit.findings import Finding, by_severity, examples, graded
from probatum.data.audit.leaks import find_leaks
from probatum.data.normalise import normalise_text
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


def audit(files: Files, count_cut: Callable[[Sequence[str]], Sequence[int]] | None = None) -> Audit:
    """Look through files of posts.

    Args:
        files: name (`train`, `validation`, `test`) to posts, in the order of the study.
        count_cut: returns, for posts' texts, how many tokens of each are cut to fit the study's prompt. Without it
            lengths are not looked at.
    """
    posts = [post for members in files.values() for post in members]
    findings = [*_duplicates(files), *_overlaps(files), *_conflicts(posts), *find_coverage(files), *find_leaks(posts)]
    if count_cut is not None:
        findings += _too_long(posts, count_cut([post.text for post in posts]))
    return Audit({name: _counts(members) for name, members in files.items()}, by_severity(findings))


def _counts(posts: Sequence[Post]) -> dict[str, dict[str, int]]:
    return {name: dict(sorted(Counter(str(post.column(name) or "none") for post in posts).items())) for name in COUNTED}


def _duplicates(files: Files) -> list[Finding]:
    findings = []
    for name, posts in files.items():
        first = {normalise_text(post.text): post.id for post in reversed(posts)}
        repeats = [post for post in posts if first[normalise_text(post.text)] != post.id]
        if repeats:
            share = len(repeats) / len(posts)
            findings.append(
                Finding(
                    "duplicate",
                    graded(share, high=0.2, medium=0.02),
                    len(repeats),
                    share,
                    f"{name}: {len(repeats)} of {len(posts)} posts: the text stands in the file already",
                    examples(repeats),
                    "repeats count several times in training and in every figure; drop them unless that is meant",
                )
            )
    return findings


def _overlaps(files: Files) -> list[Finding]:
    findings = []
    for (first, posts), (second, others) in combinations(files.items(), 2):
        texts = {normalise_text(post.text) for post in posts}
        shared = [post for post in others if normalise_text(post.text) in texts]
        if shared:
            share = len(shared) / len(others)
            findings.append(
                Finding(
                    "overlap",
                    graded(share, high=0.01, medium=0.0),
                    len(shared),
                    share,
                    f"{second}: {len(shared)} of {len(others)} posts: the text stands in {first} too",
                    examples(shared),
                    f"take those texts out of {first}: a model that has seen them is not tested by them "
                    "(probatum prepare --drop-overlap does so)",
                )
            )
    return findings


def _conflicts(posts: Sequence[Post]) -> list[Finding]:
    by_text: defaultdict[str, list[Post]] = defaultdict(list)
    for post in posts:
        by_text[normalise_text(post.text)].append(post)
    torn = [post for same in by_text.values() if len({post.label for post in same}) > 1 for post in same]
    if not torn:
        return []
    share = len(torn) / len(posts)
    return [
        Finding(
            "conflicting_label",
            graded(share, high=0.01, medium=0.0),
            len(torn),
            share,
            f"{len(torn)} of {len(posts)} posts: the text stands elsewhere with another label",
            examples(torn),
            "decide on one label for each text, or leave the text out",
        )
    ]


def _too_long(posts: Sequence[Post], cut: Sequence[int]) -> list[Finding]:
    long = [post for post, num_cut in zip(posts, cut, strict=True) if num_cut]
    if not long:
        return []
    share = len(long) / len(posts)
    return [
        Finding(
            "truncation",
            graded(share, high=0.1, medium=0.01),
            len(long),
            share,
            f"{len(long)} of {len(posts)} posts do not fit and are cut, the longest by {max(cut)} tokens",
            examples(long),
            f"raise prompt.max_tokens by {max(cut)}, or accept that their ends are not read",
        )
    ]
