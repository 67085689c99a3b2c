"""Posts packed behind one shared prefix, each blind to the others.

    prefix ─┬─ post + tail ─┬─ answer
            │               └─ answer
            └─ post + tail ─── answer

A row computes the prefix once. A token sees the prefix, its own post and its own answer, at the positions it would have
alone, so logits and gradients are those of each post alone, to rounding.

T tokens of a row · K positions whose logits are wanted · N answer tokens · A answers · V vocabulary
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

Tokens = Sequence[int]
CHUNK = 256  # positions whose logits are held in float32 at once: 200,000 words make 0.2 GB of them


@dataclass(frozen=True, slots=True)
class Suffix:
    """What one post adds behind the prefix.

    Attributes:
        tokens: post and tail; at least one token, since the answer's first token is predicted at its last.
        answers: the answers whose likelihood is wanted, each of one token or more.
        weight: how much the post counts in a training loss.
    """

    tokens: Tokens
    answers: Sequence[Tokens]
    weight: float = 1.0

    def __post_init__(self) -> None:
        assert self.tokens, "a suffix without tokens would predict its answer at the prefix, which all posts share"
        assert all(self.answers), "an answer has at least one token"

    @property
    def num_tokens(self) -> int:
        """Tokens that the suffix takes in a row: an answer's last token is predicted, never read."""
        return len(self.tokens) + sum(len(answer) - 1 for answer in self.answers)


@dataclass(frozen=True, slots=True)
class Row:
    """One packed row.

    Attributes:
        input_ids_T: tokens.
        position_ids_T: the position of each token in its own post's prompt.
        segment_T: 0 for the prefix, else the number of the token's post or answer.
        parent_T: the segment that a token's segment continues.
        num_prefix: tokens of the prefix.
        keep_K: where logits are wanted, ascending.
        target_at_N: for each answer token, the index into `keep_K` that predicts it.
        target_id_N: for each answer token, its id.
        target_answer_N: for each answer token, which answer of the row it belongs to, in order of posts and answers.
        weight_A: for each answer, how much its post counts in a training loss, float32.
    """

    input_ids_T: Tensor
    position_ids_T: Tensor
    segment_T: Tensor
    parent_T: Tensor
    num_prefix: int
    keep_K: Tensor
    target_at_N: Tensor
    target_id_N: Tensor
    target_answer_N: Tensor
    weight_A: Tensor

    def on(self, device: torch.device) -> Row:
        """Return the row with its tensors on a device."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        moved: dict[str, Any] = {name: value.to(device) for name, value in held.items() if isinstance(value, Tensor)}
        return replace(self, **moved)

    def allowed_TT(self, window: int | None = None) -> Tensor:
        """Return which keys (columns) each query (row) sees, bool `[T, T]`.

        Args:
            window: if given, only keys fewer than so many positions back (sliding attention).
        """
        segment, position = self.segment_T, self.position_ids_T
        kin = (segment == 0) | (segment == segment[:, None]) | (segment == self.parent_T[:, None])
        back = position[:, None] - position
        seen = kin & (back >= 0)
        return seen if window is None else seen & (back < window)


def pack_row(prefix: Tokens, suffixes: Sequence[Suffix]) -> Row:
    """Lay suffixes side by side behind one prefix.

    Args:
        prefix: tokens that all prompts begin with; may be empty.
        suffixes: one or more posts.
    """
    pieces: list[Tokens] = [prefix]  # one for each segment, in the order of the row
    starts, parents = [0], [0]
    predicted_at: list[int] = []
    target_ids: list[int] = []
    target_answers: list[int] = []
    num_tokens, num_answers = len(prefix), 0
    for suffix in suffixes:
        post, after = len(pieces), len(prefix) + len(suffix.tokens)
        pieces.append(suffix.tokens)
        starts.append(len(prefix))
        parents.append(0)
        num_tokens += len(suffix.tokens)
        last = num_tokens - 1
        for answer in suffix.answers:
            pieces.append(answer[:-1])
            starts.append(after)
            parents.append(post)
            predicted_at.append(last)
            predicted_at.extend(range(num_tokens, num_tokens + len(answer) - 1))
            num_tokens += len(answer) - 1
            target_ids.extend(answer)
            target_answers.extend([num_answers] * len(answer))
            num_answers += 1

    ids_T = np.fromiter(chain.from_iterable(pieces), dtype=np.int64, count=num_tokens)
    lengths = np.fromiter(map(len, pieces), dtype=np.int64, count=len(pieces))
    segment_T = np.repeat(np.arange(len(pieces)), lengths)
    shift = np.array(starts) - (lengths.cumsum() - lengths)  # from a token's place in the row to its position
    keep, target_at = np.unique(predicted_at, return_inverse=True)
    return Row(
        input_ids_T=torch.from_numpy(ids_T),
        position_ids_T=torch.from_numpy(np.arange(num_tokens) + shift[segment_T]),
        segment_T=torch.from_numpy(segment_T),
        parent_T=torch.from_numpy(np.array(parents)[segment_T]),
        num_prefix=len(prefix),
        keep_K=torch.from_numpy(keep),
        target_at_N=torch.from_numpy(target_at),
        target_id_N=torch.tensor(target_ids),
        target_answer_N=torch.tensor(target_answers),
        weight_A=torch.tensor([suffix.weight for suffix in suffixes for _ in suffix.answers], dtype=torch.float32),
    )


def split_rows(prefix: Tokens, suffixes: Iterable[Suffix], max_tokens: int) -> Iterator[list[Suffix]]:
    """Group suffixes, in order, into rows of at most `max_tokens` tokens; one that alone is longer gets its own row."""
    row: list[Suffix] = []
    num_tokens = len(prefix)
    for suffix in suffixes:
        if row and num_tokens + suffix.num_tokens > max_tokens:
            yield row
            row, num_tokens = [], len(prefix)
        row.append(suffix)
        num_tokens += suffix.num_tokens
    if row:
        yield row


def answer_log_likelihoods(logits_KV: Tensor, row: Row) -> Tensor:
    """Return the natural log-likelihood of each answer of a row, float32 `[A]`, on the logits' device."""
    at_N, id_N, answer_N = (t.to(logits_KV.device) for t in (row.target_at_N, row.target_id_N, row.target_answer_N))
    norm_K = torch.cat([chunk_KV.float().logsumexp(-1) for chunk_KV in logits_KV.split(CHUNK)])
    token_N = logits_KV[at_N, id_N].float() - norm_K[at_N]
    return token_N.new_zeros(int(row.target_answer_N[-1]) + 1).index_add(0, answer_N, token_N)
