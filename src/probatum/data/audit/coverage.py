"""Labels and groups with too few posts to say anything about them, and posts that say nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from probatum.data.audit.findings import Finding, Severity, examples
from probatum.data.records import Post

FEW_POSTS = 30
SMALL_SHARE = 0.1
MOST_TOLD = 8


def find_coverage(files: Mapping[str, Sequence[Post]]) -> list[Finding]:
    """Find labels and groups with few posts, and posts without text, file by file.

    A label is few below `FEW_POSTS` posts or a share of `SMALL_SHARE`; a group is few where it has fewer than
    `FEW_POSTS` posts of some label, because its error rate for that label is then known to about ±18 points at best
    (the 95 % half-width of a proportion at n = 30).
    """
    labels = sorted({post.label for posts in files.values() for post in posts})
    findings = []
    for name, posts in files.items():
        if posts:
            findings += _few_labels(name, posts, labels) + _few_groups(name, posts, labels) + _empty(name, posts)
            findings += _absent_groups(name, files)
    return findings


def _absent_groups(name: str, files: Mapping[str, Sequence[Post]]) -> list[Finding]:
    """Find groups that other files have and this one, which has groups too, lacks."""
    own = {post.group for post in files[name]} - {None}
    elsewhere = [post for other, posts in files.items() if other != name for post in posts if post.group is not None]
    absent = [post for post in elsewhere if post.group not in own]
    if not own or not absent:
        return []
    groups = Counter(str(post.group) for post in absent)
    told = ", ".join(f"{group} ({count})" for group, count in groups.most_common(MOST_TOLD))
    more = f" and {len(groups) - MOST_TOLD} more" if len(groups) > MOST_TOLD else ""
    return [
        Finding(
            "coverage",
            "medium" if max(groups.values()) >= FEW_POSTS else "low",
            len(absent),
            len(absent) / len(elsewhere),
            f"{name}: no post about groups that other files have: {told}{more}",
            examples(absent),
            "what is learnt or measured here says nothing of these groups; gather posts about them",
            (name, *(other for other in files if other != name)),
        )
    ]


def _empty(name: str, posts: Sequence[Post]) -> list[Finding]:
    empty = [post for post in posts if not post.text.strip()]
    if not empty:
        return []
    share = len(empty) / len(posts)
    return [
        Finding(
            "coverage",
            "medium" if share >= 0.01 else "low",
            len(empty),
            share,
            f"{name}: {len(empty)} of {len(posts)} posts have no text",
            examples(empty),
            "their label cannot follow from what is not there; look whether the text was lost",
            (name,),
        )
    ]


def _few_labels(name: str, posts: Sequence[Post], labels: Sequence[str]) -> list[Finding]:
    counts = Counter(post.label for post in posts)
    if len(labels) == 1:
        says = f"{name}: every post is {labels[0]}: there is nothing to tell apart"
        advice = "gather posts of another label, or look whether the labels were read from the right column"
        return [Finding("coverage", "high", len(posts), 1.0, says, examples(posts), advice, (name,))]
    findings = []
    for label in labels:
        count, share = counts[label], counts[label] / len(posts)
        if count >= FEW_POSTS and share >= SMALL_SHARE:
            continue
        severity: Severity = "high" if count == 0 else "medium"
        message = f"{name}: {count} of {len(posts)} posts are {label} ({share:.1%})"
        advice = "gather more posts of that label; figures about it will have wide intervals"
        members = examples(post for post in posts if post.label == label)
        findings.append(Finding("coverage", severity, count, share, message, members, advice, (name,)))
    return findings


def _few_groups(name: str, posts: Sequence[Post], labels: Sequence[str]) -> list[Finding]:
    cells = Counter((post.group, post.label) for post in posts if post.group is not None)
    groups = sorted({group for group, _ in cells if group is not None})
    few = {group: [label for label in labels if cells[group, label] < FEW_POSTS] for group in groups}
    few = {group: lacking for group, lacking in few.items() if lacking}
    if not few:
        return []
    told = "; ".join(
        f"{group} ({', '.join(f'{cells[group, x]} {x}' for x in few[group])})" for group in list(few)[:MOST_TOLD]
    )
    more = f" and {len(few) - MOST_TOLD} more" if len(few) > MOST_TOLD else ""
    touched = [post for post in posts if post.group in few]
    severity: Severity = "medium" if any(cells[group, x] == 0 for group in few for x in few[group]) else "low"
    return [
        Finding(
            "coverage",
            severity,
            len(touched),
            len(touched) / len(posts),
            f"{name}: groups with fewer than {FEW_POSTS} posts of a label: {told}{more}",
            examples(touched),
            "error rates of these groups will have wide intervals; gather more posts or pool the groups",
            (name,),
        )
    ]
