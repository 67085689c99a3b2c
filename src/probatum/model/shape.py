"""How long the rows of a study are, for its memory to be planned.

T tokens of a row · K kept positions
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from probatum.model.buffers import padded_length
from probatum.prompt.render import Renderer

TYPICAL_POST_TOKENS = 64  # where no post could be read
MANY_POSTS = 1_000_000  # more than any row holds
DEVIATIONS = 4  # of a sum of posts from its mean: one row in thirty thousand lies further off, were it normal


@dataclass(frozen=True)
class FileSize:
    """What a file of posts takes behind the prefix.

    Attributes:
        posts: posts.
        tokens: tokens of all its posts, their tails and answers in scoring rows.
    """

    posts: int
    tokens: int


@dataclass(frozen=True)
class RowShape:
    """How long the rows of a study are.

    Attributes:
        prefix: tokens that all posts share.
        post: tokens of a training post, its tail and one answer, on average.
        deviation: standard deviation of the same.
        long_post: the same of a long post; 95 % of posts have no more.
        longest_post: the same of the longest.
        scored: positions of a post whose logits scoring wants.
        supervised: positions of a post with a label in training.
        test: the larger of the files that are scored; a row is never longer than all its posts.
        validation: the file that is scored while an adapter trains.
    """

    prefix: int
    post: float
    deviation: float
    long_post: int
    longest_post: int
    scored: int
    supervised: int
    test: FileSize
    validation: FileSize

    @classmethod
    def of(cls, renderer: Renderer, texts: Mapping[str, Sequence[str]]) -> RowShape:
        """Return the shape that posts have in a prompt.

        Args:
            renderer: the prompt.
            texts: the posts of `train`, `validation` and `test`; a side that is missing or empty may hold any number
                of posts of any kind.
        """
        lengths = {
            side: [len(shown.post_ids) for shown in renderer.render_many(list(of))] for side, of in texts.items()
        }
        answers = [len(renderer.answer_ids(label)) for label in renderer.labels.words]
        tail, read = len(renderer.tail_ids), sum(answers) - len(answers)
        one = tail + max(answers)
        train = sorted(length + one for length in lengths.get("train") or [TYPICAL_POST_TOKENS])
        validation, test = (_size(lengths.get(side) or (), tail + read) for side in ("validation", "test"))
        return cls(
            prefix=len(renderer.prefix_ids),
            post=statistics.fmean(train),
            deviation=statistics.pstdev(train),
            long_post=train[min(len(train) * 95 // 100, len(train) - 1)],
            longest_post=train[-1],
            scored=1 + read,
            supervised=max(answers),
            test=max(test, validation, key=lambda size: size.tokens),
            validation=validation,
        )

    def scoring_row(self, num_tokens: int) -> tuple[int, int]:
        """Return T and K of a scoring row of at most so many tokens."""
        return self._row(num_tokens, self.test)

    def validation_row(self, num_tokens: int) -> tuple[int, int]:
        """Return T and K of a validation row of at most so many tokens."""
        return self._row(num_tokens, self.validation)

    def _row(self, num_tokens: int, file: FileSize) -> tuple[int, int]:
        mean = file.tokens / file.posts
        posts = min(file.posts, max(1, int((num_tokens - self.prefix) / mean)))
        return min(max(num_tokens, self.prefix + int(mean)), self.prefix + file.tokens), posts * self.scored

    def training_row(self, num_posts: int) -> tuple[int, int]:
        """Return T and K of a training row."""
        return self.prefix + num_posts * self.long_post, num_posts * self.supervised

    def num_training_lengths(self, num_posts: int) -> int:
        """Return how many padded lengths the training rows of so many posts have, about.

        The sum of some posts lies within a few deviations of its mean, but for the longest post among common ones.
        """
        mean, off = self.prefix + num_posts * self.post, DEVIATIONS * math.sqrt(num_posts) * self.deviation
        shortest = max(self.prefix + 1, math.floor(mean - off))
        longest = math.ceil(mean + max(off, self.longest_post - self.post))
        return len({padded_length(length) for length in range(shortest, longest + 1)})


def _size(lengths: Sequence[int], more: int) -> FileSize:
    if not lengths:
        return FileSize(MANY_POSTS, MANY_POSTS * (TYPICAL_POST_TOKENS + more))
    return FileSize(len(lengths), sum(lengths) + len(lengths) * more)
