"""Texts that stand more than once: within a file, in two files, and with two labels."""

from __future__ import annotations

from collections.abc import Sequence

from probatum.data.audit.findings import FEW_POSTS, Finding, Severity, examples, graded
from probatum.data.audit.held import Held
from probatum.data.records import Post

Pair = tuple[Held, Held]
HIGH_OVERLAP = 0.01  # share of either file; beyond it a verdict on those posts is in doubt (`data.gather`)


def find_repeats(files: Sequence[Held], pairs: Sequence[Pair]) -> list[Finding]:
    """Find duplicates and conflicting labels in each file, and overlaps and conflicting labels of each pair.

    Two texts are the same if they are after `normalise_text`.
    """
    found = [finding for held in files for finding in (*_duplicates(held), *_conflicts_within(held))]
    return found + [finding for pair in pairs for finding in (*_overlap(*pair), *_conflicts_between(*pair))]


def _duplicates(held: Held) -> list[Finding]:
    repeats = [post for post, text in held.pairs() if held.by_text[text][0] is not post]
    if not repeats:
        return []
    share = len(repeats) / len(held)
    return [
        Finding(
            "duplicate",
            graded(share, high=0.2, medium=0.02) if len(repeats) > FEW_POSTS else "low",
            len(repeats),
            share,
            f"{held.name}: {len(repeats)} of {len(held)} posts: the text stands in the file already",
            examples(repeats),
            "repeats count several times in training and in every figure; drop them unless that is meant",
            (held.name,),
            _twins(repeats, held, held),
        )
    ]


def _overlap(held: Held, other: Held) -> list[Finding]:
    shared = [post for post, text in held.pairs() if text in other.by_text]
    if not shared:
        return []
    count, share = len(shared), len(shared) / len(held)
    back = sum(text in held.by_text for text in other.texts)
    same = f" ({back} of its {len(other)} posts)" if back != count or len(other) != len(held) else ""
    return [
        Finding(
            "overlap",
            overlap_severity(count, back, max(share, back / len(other))),
            count,
            share,
            f"{held.name}: {count} of {len(held)} posts: the text stands in {other.name} too{same}",
            examples(shared),
            "take those texts out of the file that trains: a model that has seen them is not tested by them "
            "(probatum prepare --drop-overlap does so)",
            (held.name, other.name),
            _twins(shared, held, other),
        )
    ]


def overlap_severity(count: int, back: int, share: float) -> Severity:
    """Grade an overlap: high from more than a few posts on, or where a few are more than 1 % of either file."""
    if max(count, back) > FEW_POSTS or (share >= HIGH_OVERLAP and count > 2):
        return "high"
    return "medium"


def _conflicts_within(held: Held) -> list[Finding]:
    torn = [post for post, text in held.pairs() if len({same.label for same in held.by_text[text]}) > 1]
    if not torn:
        return []
    says = f"{held.name}: {len(torn)} of {len(held)} posts: the text stands elsewhere in the file with another label"
    return [_conflict(torn, held, held, says)]


def _conflicts_between(held: Held, other: Held) -> list[Finding]:
    torn = [
        post
        for post, text in held.pairs()
        if text in other.by_text and any(same.label != post.label for same in other.by_text[text])
    ]
    if not torn:
        return []
    says = f"{held.name}: {len(torn)} of {len(held)} posts: the text stands in {other.name} with another label"
    return [_conflict(torn, held, other, says)]


def _conflict(torn: Sequence[Post], held: Held, other: Held, says: str) -> Finding:
    share = len(torn) / len(held)
    of = {id(post): text for post, text in held.pairs()}
    twins = tuple(
        next(same.id for same in other.by_text[of[id(post)]] if same.label != post.label) for post in torn[:5]
    )
    return Finding(
        "conflicting_label",
        "high" if share >= 0.01 and len(torn) > FEW_POSTS else "medium",
        len(torn),
        share,
        says,
        examples(torn),
        "decide on one label for each text, or leave the text out",
        tuple(dict.fromkeys((held.name, other.name))),
        twins,
    )


def _twins(posts: Sequence[Post], held: Held, other: Held) -> tuple[str, ...]:
    """Return, for the examples, the first post of the other file that has the same text."""
    of = {id(post): text for post, text in held.pairs()}
    return tuple(other.by_text[of[id(post)]][0].id for post in posts[: len(examples(posts))])
