"""A file of posts as the audit looks at it: every text normalised once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property

from probatum.data.normalise import normalise_text
from probatum.data.records import Post


class Held:
    """The posts that a file holds.

    Args:
        name: the file, as findings call it.
        posts: its posts.

    Attributes:
        texts: the posts' normalised texts, in their order.
    """

    def __init__(self, name: str, posts: Sequence[Post]) -> None:
        self.name = name
        self.posts = posts
        self.texts = [normalise_text(post.text) for post in posts]

    def __len__(self) -> int:
        return len(self.posts)

    def pairs(self) -> Iterator[tuple[Post, str]]:
        """Yield every post with its normalised text."""
        return zip(self.posts, self.texts, strict=True)

    @cached_property
    def by_text(self) -> dict[str, list[Post]]:
        """The posts of each normalised text, both in the order of the file."""
        found: defaultdict[str, list[Post]] = defaultdict(list)
        for post, text in self.pairs():
            found[text].append(post)
        return dict(found)
