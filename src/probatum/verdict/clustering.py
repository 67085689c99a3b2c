"""Which posts do not stand for themselves: those that share a text, a template or an author."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from probatum.data.normalise import normalise_text
from probatum.data.records import Post
from probatum.errors import DataError
from probatum.metrics.clusters import Codes
from probatum.study.criteria import NO_CLUSTERS
from probatum.study.section import AUTO
from probatum.verdict.wording import joined

# Names of columns whose posts are alike by the way they came about.
KNOWN = (
    "template", "template_id", "templ_id", "author", "author_id", "user", "user_id", "duplicate", "duplicate_of",
)  # fmt: skip


@dataclass(frozen=True)
class Clusters:
    """Posts that are drawn together.

    Attributes:
        codes: int[n], posts of one value are one cluster.
        shared: what posts of a cluster share, in words.
        number: clusters.
        largest: posts of the largest cluster.
    """

    codes: Codes
    shared: list[str]
    number: int
    largest: int

    @property
    def note(self) -> str:
        """What a reader should know."""
        if self.number == 1:
            return (
                f"all {len(self.codes):,} posts share the {joined(self.shared)} and are one cluster, so that nothing "
                "says how far the figures would vary: intervals are as wide as the figures can be"
            )
        return (
            f"posts that share the {joined(self.shared)} count as one cluster: {len(self.codes):,} posts are "
            f"{self.number:,} clusters (the largest of {self.largest:,}), and intervals and tests are clustered"
        )


def clusters_of(posts: Sequence[Post], setting: str, *, needed: bool = True) -> Clusters | None:
    """Return the clusters of posts; `None` where every post stands for itself.

    Posts of one text (case and white space folded) are one cluster, for a system gives them one answer. So are posts of
    one value of the column; of several columns, posts that are joined by any chain of shared values.

    Args:
        posts: n posts.
        setting: a column; `auto` for those of `KNOWN` that part the posts; `none` for no clusters at all.
        needed: whether the column must be there; else posts without it are clusters by text alone.

    Raises:
        DataError: no post has the column, though it is needed.
    """
    if setting == NO_CLUSTERS:
        return None
    columns = _columns(posts, setting) if needed or setting == AUTO else [setting]
    shares = {name: [_text(post.column(name)) for post in posts] for name in columns}
    shares["text"] = [normalise_text(post.text) or None for post in posts]
    return join(shares)


def join(shares: Mapping[str, Sequence[str | None]]) -> Clusters | None:
    """Return the clusters of posts that are joined by any chain of shared values; `None` where no value is shared.

    Args:
        shares: name to n values, `None` where a post has none.
    """
    codes = {name: _codes(values) for name, values in shares.items()}
    telling = {name: found for name, found in codes.items() if len(np.unique(found)) < len(found)}
    if not telling:
        return None
    joined_codes = _joined(list(telling.values()))
    sizes = np.bincount(joined_codes)
    return Clusters(joined_codes, list(telling), len(sizes), int(sizes.max()))


def _columns(posts: Sequence[Post], setting: str) -> list[str]:
    if setting != AUTO:
        if not any(post.column(setting) is not None for post in posts):
            known = list(dict.fromkeys(name for post in posts for name in ("group", "source", *post.extra)))
            raise DataError(
                f"verdict.cluster: no post has a column {setting!r}; columns: {', '.join(known)}; "
                f"or say {AUTO} or {NO_CLUSTERS}"
            )
        return [setting]
    by_fold = {name.casefold(): name for post in posts for name in post.extra}
    named = [by_fold[name] for name in KNOWN if name in by_fold]
    return [name for name in named if len({_text(post.column(name)) for post in posts} - {None}) > 1]


def _text(value: object) -> str | None:
    text = "" if value is None else str(value).strip()
    return text or None


def _codes(values: Sequence[str | None]) -> Codes:
    """Return int[n]: equal values have equal codes, and a missing value one of its own."""
    places: dict[str, int] = {}
    return np.array([at if value is None else places.setdefault(value, at) for at, value in enumerate(values)])


def _joined(codes: Sequence[Codes]) -> Codes:
    """Return the connected components of posts that share a code; a code is the place of its first post."""
    n = len(codes[0])
    ends = np.concatenate(codes)
    links = coo_array((np.ones(len(ends), dtype=bool), (np.tile(np.arange(n), len(codes)), ends)), shape=(n, n))
    _, found = connected_components(links, directed=False)
    components: Codes = found.astype(np.int64)
    return components
