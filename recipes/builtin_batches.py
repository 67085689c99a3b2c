"""The toy model's vocabulary and its training batches.

B rows · T tokens
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from builtin_text import COMMON_WORDS, Lesson, Texts
from probatum.data import demo_grammar as grammar
from probatum.data.demo import Draft

HERE = Path(__file__).parent
VOCABULARY = 3072
RESERVED = 11
SPECIALS = (
    "<|startoftext|>", "<|endoftext|>", "<|return|>", "<|constrain|>", "<|channel|>", "<|start|>", "<|end|>",
    "<|message|>", "<|call|>", "<|endofprompt|>",
)  # fmt: skip
# o200k's idea of a word: letters with an optional leading mark and case change, up to three digits, runs of marks
WORD = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
ANSWER_WEIGHT, TEXT_WEIGHT = 1.0, 0.2
CONSTRUCTIONS = list(grammar.CONSTRUCTIONS)


def make_tokenizer(texts: Texts) -> PreTrainedTokenizerFast:
    """Train the byte-level BPE vocabulary; every byte has a token, so every text can be encoded."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORD), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    specials = [*SPECIALS, *(f"<|reserved_{number}|>" for number in range(RESERVED))]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(specials), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    lessons = itertools.islice(texts.lessons(dialogues=8), 3000)
    common = " ".join(COMMON_WORDS)
    corpus = itertools.chain((common, common.title(), common) * 20, (t for lesson in lessons for t in _strings(lesson)))
    bpe.train_from_iterator(corpus, trainer)
    specials += [f"<|reserved_{number}|>" for number in range(RESERVED, VOCABULARY - bpe.get_vocab_size())]
    bpe.add_special_tokens(specials[: VOCABULARY - bpe.get_vocab_size()])
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token="<|startoftext|>",
        eos_token="<|return|>",
        pad_token="<|endoftext|>",
        model_max_length=4096,
        clean_up_tokenization_spaces=False,
        chat_template=(HERE / "chat_template.jinja").read_text(encoding="utf-8"),
    )


def _strings(lesson: Lesson) -> Iterator[str]:
    yield "You are Probatum's toy model.\nKnowledge cutoff: 2024-06\nCurrent date: 2025-06-01\n\nReasoning: medium\n\n"
    yield "# Valid channels: analysis, commentary, final. system developer user assistant low high"
    yield "# Instructions\n\n" + lesson.instruction + "\n\n"
    for dialogue in lesson.dialogues:
        yield from itertools.chain.from_iterable(dialogue.turns)


@dataclass
class Batch:
    """Rows of one instruction and several dialogues each; a dialogue sees its instruction and itself only. All [B, T].

    Attributes:
        ids: token ids.
        position: each token's position in its own dialogue, counted from the instruction's start.
        segment: 0 for the instruction, 1, 2, … for the dialogues, -1 for padding.
        weight: what predicting this token counts in the loss.
        construction: at the end of each post's message the number of its construction, elsewhere -1.
    """

    ids: Tensor
    position: Tensor
    segment: Tensor
    weight: Tensor
    construction: Tensor

    def masks(self, window: int) -> dict[str, Tensor]:
        """Return the additive attention masks [B, 1, T, T] of the full and the sliding layers."""
        order = torch.arange(self.ids.shape[1], device=self.ids.device)
        key, query = self.segment[:, None, :], self.segment[:, :, None]
        full = (order[None, None, :] <= order[None, :, None]) & ((key == 0) | (key == query))
        near = full & (self.position[:, :, None] - self.position[:, None, :] < window)
        low = torch.finfo(torch.float32).min
        return {
            name: torch.zeros(seen.shape, device=seen.device).masked_fill_(~seen, low)[:, None]
            for name, seen in (("full_attention", full), ("sliding_attention", near))
        }


def encode_lesson(tokenizer: PreTrainedTokenizerFast, lesson: Lesson, draw: random.Random) -> list[list[int]]:
    """Return the five columns of a `Batch` for one lesson, as lists of equal length."""
    date = f"20{draw.randrange(23, 28)}-{draw.randrange(1, 13):02d}-{draw.randrange(1, 29):02d}"
    frame = tokenizer.apply_chat_template(
        [{"role": "developer", "content": lesson.instruction}],
        tokenize=False,
        reasoning_effort=draw.choice(("low", "low", "medium", "high")),
    )
    frame = re.sub(r"(?<=Current date: )[\d-]+", date, frame, count=1)
    end_of_message = tokenizer.convert_tokens_to_ids("<|end|>")
    head = tokenizer(frame, add_special_tokens=False)["input_ids"]
    ids, positions = list(head), list(range(len(head)))
    segments, weights, constructions = [0] * len(head), [TEXT_WEIGHT] * len(head), [-1] * len(head)
    for number, dialogue in enumerate(lesson.dialogues, 1):
        start = len(ids)
        for turn, (asked, answer) in enumerate(dialogue.turns, 1):
            question = f"<|start|>user<|message|>{asked}<|end|><|start|>assistant<|channel|>final<|message|>"
            end = "<|return|>" if turn == len(dialogue.turns) else "<|end|>"
            asked_ids, answer_ids = tokenizer([question, answer + end], add_special_tokens=False)["input_ids"]
            ids += asked_ids + answer_ids
            # A dialogue's first token is predicted by the instruction's last, which all dialogues share.
            weights += [0.0 if turn == 1 else TEXT_WEIGHT] + [TEXT_WEIGHT] * (len(asked_ids) - 1)
            weights += [ANSWER_WEIGHT] * (len(answer_ids) - 1) + [TEXT_WEIGHT]
        positions += range(len(head), len(head) + len(ids) - start)
        segments += [number] * (len(ids) - start)
        constructions += [-1] * (len(ids) - start)
        if dialogue.construction:
            constructions[ids.index(end_of_message, start)] = CONSTRUCTIONS.index(dialogue.construction)
    return [ids, positions, segments, weights, constructions]


def encode_post(tokenizer: PreTrainedTokenizerFast, post: Draft) -> list[list[int]]:
    """Return the columns of a `Batch` for one post's message alone."""
    ids = tokenizer(f"<|start|>user<|message|>{post.text}<|end|>", add_special_tokens=False)["input_ids"]
    constructions = [-1] * (len(ids) - 1) + [CONSTRUCTIONS.index(post.construction)]
    return [ids, list(range(len(ids))), [1] * len(ids), [0.0] + [TEXT_WEIGHT] * (len(ids) - 1), constructions]


def messages(tokenizer: PreTrainedTokenizerFast, texts: Texts, rows: int, device: str) -> Iterator[Batch]:
    """Yield batches of posts alone without end: what a post says is learnt without the cost of a frame around it."""
    while True:
        yield _stack([encode_post(tokenizer, texts.post()) for _ in range(rows)], tokenizer.pad_token_id, device)


def dialogues(
    tokenizer: PreTrainedTokenizerFast, texts: Texts, rows: int, per_row: int, *, seed: int, device: str
) -> Iterator[Batch]:
    """Yield batches of lessons without end."""
    draw = random.Random(f"frames {seed}")
    lessons = texts.lessons(per_row)
    while True:
        encoded = [encode_lesson(tokenizer, lesson, draw) for lesson in itertools.islice(lessons, rows)]
        yield _stack(encoded, tokenizer.pad_token_id, device)


def _stack(encoded: list[list[list[int]]], pad: int, device: str) -> Batch:
    length = max(len(row[0]) for row in encoded)
    columns = [
        [row[column] + [blank] * (length - len(row[column])) for row in encoded]
        for column, blank in enumerate((pad, 0, -1, 0.0, -1))
    ]
    return Batch(*(torch.tensor(column, device=device) for column in columns))
