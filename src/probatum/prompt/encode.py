"""Text to tokens: what Probatum writes may hold control tokens, what a post holds is only ever text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

REPLACEMENT = "\ufffd"
_UNENCODABLE = re.compile("[\ud800-\udfff\0]")
_ANCHOR = "\n"


class Encoder:
    """A tokenizer used in two ways: `frame` for our own text, `plain` for text from outside.

    Tokenizers of the SentencePiece family put a space before whatever they encode. Text that goes on where other text
    ended is therefore encoded behind a line break, whose tokens are then dropped, where that is needed and works. Some
    of them mean that space after a control token (Phi): `spaced_after` tells.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        added = {index: str(token) for index, token in tokenizer.added_tokens_decoder.items()}
        special = set(tokenizer.all_special_ids)
        # Added tokens of white space only (runs of spaces) are ordinary text; an unknown character is no control.
        self._control = {index: text for index, text in added.items() if index in special or text.strip()}
        for index in special - set(added):
            self._control[index] = str(tokenizer.convert_ids_to_tokens(index))
        if tokenizer.unk_token_id not in (tokenizer.bos_token_id, tokenizer.eos_token_id):
            self._control.pop(tokenizer.unk_token_id, None)
        self._id_of = {text: index for index, text in self._control.items() if text}
        longest_first = sorted(self._id_of, key=len, reverse=True)
        self._control_text = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
        self._anchor_ids = self._find_anchor()

    def frame(self, text: str, *, start: bool = False) -> list[int]:
        """Encode our own text, in which control tokens are meant.

        Args:
            text: a part of the prompt around the post.
            start: whether the prompt begins with it.
        """
        return self._encode([text], plain=False, anchored=not start)[0]

    def begin_plain(self, text: str) -> list[int]:
        """Encode the beginning of a prompt without a template, with the token that the tokenizer starts texts with."""
        ids = self.frame(text, start=True)
        bare, whole = self.frame("a", start=True), list(self._tokenizer("a", verbose=False)["input_ids"])
        at = next((i for i in range(len(whole)) if whole[i : i + len(bare)] == bare), 0)
        head = whole[:at]
        return ids if ids[: len(head)] == head else head + ids

    def spaced_after(self, text: str, *, start: bool = False) -> bool:
        """Return whether the tokenizer itself puts a space before what follows this text of ours.

        Args:
            text: a part of the prompt around the post.
            start: whether the prompt begins with it.
        """
        if not self._anchor_ids:
            return False
        return self.frame(text + "b", start=start) == self.frame(text, start=start) + self._call(["b"], True)[0]

    def plain(self, texts: Sequence[str], *, spaced: bool = False) -> list[list[int]]:
        """Encode text from outside: no control token comes out, whatever it says.

        Lone surrogates and NUL become the replacement character. Everything else decodes to what it was, as far as the
        tokenizer itself allows.

        Args:
            texts: what people wrote.
            spaced: what `spaced_after` says about the text before them.
        """
        clean = [_UNENCODABLE.sub(REPLACEMENT, text) for text in texts]
        encoded = self._encode(clean, plain=True, anchored=not spaced)
        return [
            ids if self._control.keys().isdisjoint(ids) else self._broken_up(text, spaced)
            for text, ids in zip(clean, encoded, strict=True)
        ]

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of some tokens, control tokens and spaces as they are."""
        text = self._tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text if isinstance(text, str) else "".join(text)

    def first_control(self, text: str) -> tuple[int, ...]:
        """Return the control token that a text begins with, white space aside; empty if it begins with none."""
        match = self._control_text.match(text.lstrip())
        return () if match is None else (self._id_of[match[0]],)

    def _encode(self, texts: Sequence[str], *, plain: bool, anchored: bool = True) -> list[list[int]]:
        head = self._anchor_ids if anchored else []
        given = [_ANCHOR + text for text in texts] if head else list(texts)
        encoded = self._call(given, plain) if given else []
        if not head:
            return encoded
        return [
            ids[len(head) :] if ids[: len(head)] == head else self._call([text], plain)[0]
            for text, ids in zip(texts, encoded, strict=True)
        ]

    def _call(self, texts: list[str], plain: bool) -> list[list[int]]:
        backend = getattr(self._tokenizer, "backend_tokenizer", None)
        if backend is None:
            return self._tokenizer(
                texts,
                add_special_tokens=False,
                split_special_tokens=plain,
                return_attention_mask=False,
                return_token_type_ids=False,
                verbose=False,
            )["input_ids"]
        # The same without the objects that the call above makes of every text, which take twice the time of encoding.
        backend.no_truncation()
        backend.no_padding()
        backend.encode_special_tokens = plain
        return [encoding.ids for encoding in backend.encode_batch_fast(texts, add_special_tokens=False)]

    def _find_anchor(self) -> list[int]:
        """Return the tokens to drop from the front of text that goes on; none where no space is put there."""
        first, second = self._call(["a", "b"], True)
        if self.decode(first + second) == "ab":
            return []
        head, whole = self._call([_ANCHOR, _ANCHOR + "b"], True)
        works = whole[: len(head)] == head and self.decode(first + whole[len(head) :]) == "ab"
        return head if works else []

    def _broken_up(self, text: str, spaced: bool) -> list[int]:
        """Encode a text that the tokenizer reads as a control token even where it is told not to.

        Tokenizers honour the order for special tokens only, not for other added ones. So break each of them after its
        first character; where that is not enough, go by single characters.
        """
        pieces = _split_inside(self._control_text, text)
        encoded = self._encode(pieces[:1], plain=True, anchored=not spaced) + self._encode(pieces[1:], plain=True)
        ids = []
        for piece, piece_ids in zip(pieces, encoded, strict=True):
            if self._control.keys().isdisjoint(piece_ids):
                ids += piece_ids
                continue
            for character in piece:
                one = self._encode([character], plain=True)[0]
                safe = self._control.keys().isdisjoint(one)
                ids += one if safe else self._encode([REPLACEMENT], plain=True)[0]
        return ids


def _split_inside(pattern: re.Pattern[str], text: str) -> list[str]:
    cuts = [0, *(match.start() + 1 for match in pattern.finditer(text)), len(text)]
    return [text[i:j] for i, j in pairwise(cuts) if i < j]
