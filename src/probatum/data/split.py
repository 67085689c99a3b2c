"""A seeded split by label, group and source that never puts one text on two sides.

Every stratum (each combination of the columns) is divided in proportion, rounded so that each cell is within one post
of its share and each side has exactly its size: a controlled rounding of the table strata × sides (Cox 1987, "A
constructive procedure for unbiased controlled rounding"), found here as a small flow problem. Posts with one text are
placed first and together; the single posts then fill what is left. All draws are hashes of the seed and the post, so
neither the order of the input nor the version of Python changes the outcome.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from probatum.data.normalise import normalise_text
from probatum.data.records import Post
from probatum.data.rounding import Stratum, round_table
from probatum.errors import DataError

SHARES: Mapping[str, float] = {"train": 0.85, "validation": 0.15}
STRATIFY = ("label", "group", "source")


def split(
    posts: Sequence[Post],
    shares: Mapping[str, float] = SHARES,
    seed: int = 0,
    stratify: Sequence[str] = STRATIFY,
) -> dict[str, list[Post]]:
    """Divide posts into sides.

    Args:
        posts: the posts; their order does not matter.
        shares: side to its share; together 1. Every side but the first has `ceil(share · n)` posts, the first the rest.
        seed: of every draw.
        stratify: columns whose combinations are divided in proportion.

    Returns:
        Side to its posts, in a shuffled order that the seed decides. Where texts stand several times the sizes are as
        near to exact as keeping them together allows. A side may be empty when there are few posts; the first never is.

    Raises:
        DataError: a share is not above 0, or they do not add up to 1.
    """
    sizes = side_sizes(len(posts), shares)
    shuffled = sorted(posts, key=lambda post: (_draw(seed, post.text), post.text, post.id))
    strata = {id(post): tuple(str(post.column(name)) for name in stratify) for post in shuffled}
    order = sorted(set(strata.values()), key=lambda stratum: (_draw(seed, *stratum), stratum))
    room = round_table(Counter(strata.values()), sizes, order)
    sides: dict[str, list[Post]] = {side: [] for side in sizes}
    for cluster in sorted(_clusters(shuffled), key=len, reverse=True):
        needed = Counter(strata[id(post)] for post in cluster)
        side = _choose(needed, room, sizes, _draw(seed, "side", normalise_text(cluster[0].text)))
        for stratum, count in needed.items():
            room[stratum][side] -= count
        sides[side].extend(cluster)
    place = {id(post): number for number, post in enumerate(shuffled)}
    return {side: sorted(members, key=lambda post: place[id(post)]) for side, members in sides.items()}


def side_sizes(num_posts: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Return how many posts each side gets: `ceil(share · n)`, and the rest for the first.

    Raises:
        DataError: a share is not above 0, or they do not add up to 1.
    """
    if not shares or any(not share > 0 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-9:
        listed = ", ".join(f"{side} {share}" for side, share in shares.items())
        raise DataError(f"shares must be above 0 and add up to 1, found: {listed or 'none'}")
    first, *others = shares
    sizes, left = {first: 0}, max(0, num_posts - 1)
    for side in others:
        sizes[side] = min(left, math.ceil(shares[side] * num_posts - 1e-9))
        left -= sizes[side]
    sizes[first] = num_posts - sum(sizes.values())
    return sizes


def _draw(seed: int, *parts: str) -> float:
    """Return a number in [0, 1) that depends on the seed and the parts only."""
    key = "\x1f".join([str(seed), *parts]).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(key).digest()[:8], "big") / 2**64


def _clusters(posts: Sequence[Post]) -> list[list[Post]]:
    by_text: defaultdict[str, list[Post]] = defaultdict(list)
    for post in posts:
        by_text[normalise_text(post.text)].append(post)
    return list(by_text.values())


def _choose(
    needed: Mapping[Stratum, int], room: Mapping[Stratum, Mapping[str, int]], sizes: Mapping[str, int], draw: float
) -> str:
    """Draw a side in proportion to the room left in the cluster's strata, among the sides where it overflows least."""
    overflow = {
        side: sum(max(0, count - room[stratum][side]) for stratum, count in needed.items()) for side in sizes
    }  # fmt: skip
    fitting = [side for side in sizes if overflow[side] == min(overflow.values())]
    left = [sum(max(0, room[stratum][side]) for stratum in needed) for side in fitting]
    if not any(left):
        left = [max(0, sum(cells[side] for cells in room.values())) for side in fitting]
    cut = draw * sum(left)
    for side, weight in zip(fitting, left, strict=True):
        cut -= weight
        if cut < 0:
            return side
    return fitting[0]
