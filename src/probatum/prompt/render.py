"""Posts to prompts in tokens: one prefix and one tail for all of them, and each post's own tokens between.

    prefix_ids | post_ids | tail_ids | label_ids[label] | end_ids

The parts are encoded apart, so the prefix is the same for every post and a forward pass can share it. The answer's
first token is predicted at the tail's last position, which lies inside each post's own part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from probatum.artifacts import sha256_json
from probatum.data.labels import LabelSet
from probatum.errors import PromptError
from probatum.prompt.encode import Encoder
from probatum.prompt.strategy import LABELS, POST, Strategy
from probatum.prompt.template import POST_MARK, Frame, frame_of_chat
from probatum.study import Prompt

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MOST_TOKENS_OF_A_CHARACTER = 4


@dataclass(frozen=True, slots=True)
class RenderedPost:
    """A post in tokens.

    Attributes:
        post_ids: the tokens that go between the prefix and the tail.
        num_cut_tokens: how many were cut off its end to fit.
    """

    post_ids: tuple[int, ...]
    num_cut_tokens: int = 0

    @property
    def truncated(self) -> bool:
        """Whether the post was cut."""
        return self.num_cut_tokens > 0


class Renderer:
    """Turns posts into tokens for one model, one strategy and one label set.

    Args:
        tokenizer: the model's, with or without a chat template.
        strategy: what is said around a post; a chat needs no template, but uses it where there is one.
        labels: the labels and the words that the model must say for them.
        settings: the study's `prompt` section.

    Attributes:
        prefix_ids: everything before the post, the same for every post; may be empty for a plain text.
        tail_ids: everything from the post up to the answer; never empty.
        label_ids: label to the tokens of its words.
        end_ids: what ends an answer: `<|return|>` in Harmony, what the template writes there, else the eos token.
        labels_prefix_free: whether no label's tokens begin another label's.
        max_post_tokens: how many tokens of a post fit.

    Raises:
        PromptError: the frame does not fit into `max_tokens`, there is nothing between post and answer, two labels
            have the same tokens, the examples answer with other words, the tokenizer has no end token, or the chat
            template cannot hold the strategy.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, strategy: Strategy, labels: LabelSet, settings: Prompt
    ) -> None:
        self.labels = labels
        self._encoder = Encoder(tokenizer)
        _check_examples(strategy, labels)
        is_chat = strategy.messages is not None and getattr(tokenizer, "chat_template", None) is not None
        words = ", ".join(labels.words.values())
        if is_chat:
            self._frame = _chat_frame(tokenizer, strategy, words, settings)
        else:
            self._frame = _plain_frame(strategy, words)
        # A space in front of a word is part of the word's token: it moves over to the post, and to the answer.
        before = self._frame.before.rstrip(" ")
        after = self._frame.after.rstrip(" ")
        self._post_lead = self._frame.before[len(before) :]
        self._answer_lead = self._frame.after[len(after) :]
        if not is_chat and not self._answer_lead and after and not after[-1].isspace():
            self._answer_lead = " "

        encoder = self._encoder
        self.prefix_ids = tuple(encoder.frame(before, start=True) if is_chat else encoder.begin_plain(before))
        self.tail_ids = tuple(encoder.frame(after))
        if not self.tail_ids:
            raise PromptError(
                f"strategy {strategy.name!r}: nothing stands between {POST} and the answer. The answer's first token "
                "is predicted from the token before it, which must be the same for every post; end with a question or "
                "a heading, e.g. '\\n\\nAnswer:'"
            )
        self._post_spaced = encoder.spaced_after(before, start=True) and not self._post_lead
        self._answer_spaced = encoder.spaced_after(after) and not self._answer_lead
        self.label_ids = self._encode_labels()
        self.end_ids = encoder.first_control(self._frame.end or "") or _eos(tokenizer)
        answers = list(self.label_ids.values())
        self.labels_prefix_free = not any(a is not b and b[: len(a)] == a for a in answers for b in answers)
        self.max_post_tokens = self._room(strategy, settings.max_tokens)

    def answer_ids(self, label: str) -> tuple[int, ...]:
        """Return the whole answer for a label: its words and what ends an answer."""
        return self.label_ids[label] + self.end_ids

    def render(self, text: str) -> RenderedPost:
        """Encode one post; the slow twin of `render_many`.

        Raises:
            PromptError: not one token of the post fits.
        """
        return self.render_many([text])[0]

    def render_many(self, texts: Sequence[str]) -> list[RenderedPost]:
        """Encode posts in one batch.

        Args:
            texts: what people wrote. Control tokens in them become plain text.

        Returns:
            One rendered post for each text, in their order; an empty text has no tokens.

        Raises:
            PromptError: not one token of a post fits.
        """
        given = [self._post_lead + text for text in texts]
        return [self._cut(ids) for ids in self._encoder.plain(given, spaced=self._post_spaced)]

    def prompt_text(self, text: str) -> str:
        """Return the prompt as text, for people to read; it is not cut."""
        return self._frame.before + text + self._frame.after

    def fingerprint(self) -> str:
        """Return a SHA-256 of everything that is the same for every post."""
        return sha256_json(
            {
                "prefix": self.prefix_ids,
                "before_post": [self._post_lead, self._post_spaced],
                "tail": self.tail_ids,
                "labels": self.label_ids,
                "end": self.end_ids,
                "max_post_tokens": self.max_post_tokens,
            }
        )

    def _encode_labels(self) -> dict[str, tuple[int, ...]]:
        words = self.labels.words
        said = [self._answer_lead + words[label].strip() for label in words]
        encoded = self._encoder.plain(said, spaced=self._answer_spaced)
        label_ids: dict[str, tuple[int, ...]] = {}
        for label, ids in zip(words, encoded, strict=True):
            if not ids or not words[label].strip():
                raise PromptError(f"task.labels.{label}: {words[label]!r} has no tokens; give words that can be said")
            if tuple(ids) in label_ids.values():
                raise PromptError(f"task.labels.{label}: {words[label]!r} has the same tokens as another label's words")
            label_ids[label] = tuple(ids)
        return label_ids

    def _room(self, strategy: Strategy, max_tokens: int) -> int:
        longest = max(len(ids) for ids in self.label_ids.values()) + len(self.end_ids)
        used = len(self.prefix_ids) + len(self.tail_ids) + longest
        if used >= max_tokens:
            raise PromptError(
                f"strategy {strategy.name!r} takes {len(self.prefix_ids)} tokens before the post, "
                f"{len(self.tail_ids)} after it and {longest} for the longest answer: {used} in all, and nothing is "
                f"left of prompt.max_tokens {max_tokens} for the post. Raise max_tokens or shorten the strategy"
            )
        return max_tokens - used

    def _cut(self, ids: list[int]) -> RenderedPost:
        room = self.max_post_tokens
        if len(ids) <= room:
            return RenderedPost(tuple(ids))
        # A token may end inside a character; then the text is no longer the beginning of the whole text.
        whole = self._encoder.decode(ids)
        for keep in range(room, room - MOST_TOKENS_OF_A_CHARACTER, -1):
            if keep < 1:
                raise PromptError(
                    f"nothing of a post of {len(ids)} tokens fits: only {room} are left for it. "
                    "Raise prompt.max_tokens or shorten the strategy"
                )
            if whole.startswith(self._encoder.decode(ids[:keep])):
                return RenderedPost(tuple(ids[:keep]), len(ids) - keep)
        return RenderedPost(tuple(ids[:room]), len(ids) - room)


def _check_examples(strategy: Strategy, labels: LabelSet) -> None:
    words, given = sorted(labels.words.values()), sorted(strategy.answers or ())
    if given and given != words:
        raise PromptError(
            f"strategy {strategy.name!r}: its examples answer with {', '.join(given)}, but the words of "
            f"task.labels are {', '.join(words)}; copy the strategy and give it examples of its own"
        )


def _chat_frame(tokenizer: PreTrainedTokenizerBase, strategy: Strategy, words: str, settings: Prompt) -> Frame:
    messages = [
        (message.role, message.content.replace(POST, POST_MARK).replace(LABELS, words))
        for message in strategy.messages or ()
    ]
    return frame_of_chat(tokenizer, messages, settings.date, settings.reasoning_effort)


def _plain_frame(strategy: Strategy, words: str) -> Frame:
    """Return the frame of a plain text; a chat becomes paragraphs with `Answer:` at the end of each turn."""
    if strategy.frame is not None:
        return Frame(*strategy.frame, end=None)
    text = strategy.text
    if text is None:
        turns = [
            f"Answer: {message.content}" if message.role == "assistant" else message.content
            for message in strategy.messages or ()
        ]
        text = "\n\n".join([*turns, "Answer:"])
    before, after = text.split(POST)
    return Frame(before.replace(LABELS, words), after.replace(LABELS, words), end=None)


def _eos(tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    if tokenizer.eos_token_id is None:
        raise PromptError("the tokenizer has no end-of-sequence token; set eos_token in its tokenizer_config.json")
    return (tokenizer.eos_token_id,)
