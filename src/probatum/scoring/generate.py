"""Greedy answers, parsed: what a person who chats with the model would see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from probatum.data.records import Post, Prediction, Status
from probatum.model.load import LoadedModel
from probatum.prompt.render import RenderedPost, Renderer
from probatum.scoring.likelihood import Report, Scored
from probatum.scoring.parse import parse_answer
from probatum.study import Scoring


@torch.inference_mode()
def score_generate(
    loaded: LoadedModel, renderer: Renderer, posts: Sequence[Post], settings: Scoring, report: Report
) -> Scored:
    """Let the model write its answer to each post, greedily, and parse it.

    Posts of similar length are answered together, padded on the left. An answer gives no probability: the score is NaN,
    and an answer with no label in it is unparsed.

    Args:
        loaded: the model, with or without an adapter.
        renderer: the prompt.
        posts: what to answer.
        settings: the study's scoring section; `tokens_per_batch` bounds the padded prompts of a batch.
        report: told how many posts are done.
    """
    rendered = renderer.render_many([post.text for post in posts])
    prompts = [[*renderer.prefix_ids, *post.post_ids, *renderer.tail_ids] for post in rendered]
    by_length = sorted(range(len(posts)), key=lambda index: len(prompts[index]))
    answers: dict[int, str] = {}
    num_tokens = 0
    for batch in _batches(by_length, prompts, settings):
        generated = _generate(loaded, renderer, [prompts[index] for index in batch], settings)
        for index, ids in zip(batch, generated, strict=True):
            answers[index] = loaded.tokenizer.decode(ids, skip_special_tokens=False).strip()
            num_tokens += len(prompts[index]) + len(ids)
        report(len(answers))
    predictions = [_prediction(post, rendered[i], answers[i], renderer) for i, post in enumerate(posts)]
    return Scored(predictions, num_tokens)


def _batches(order: Sequence[int], prompts: Sequence[Sequence[int]], settings: Scoring) -> list[list[int]]:
    """Group indices, shortest prompts first, so that a batch's padded prompts stay within the tokens allowed."""
    batches: list[list[int]] = []
    for index in order:
        padded = (len(prompts[index]) + settings.max_new_tokens) * (len(batches[-1]) + 1 if batches else 1)
        if not batches or padded > settings.tokens_per_batch:
            batches.append([])
        batches[-1].append(index)
    return batches


def _generate(
    loaded: LoadedModel, renderer: Renderer, prompts: Sequence[Sequence[int]], settings: Scoring
) -> list[list[int]]:
    """Return the new tokens of each prompt, cut at the end of the answer."""
    longest, end = max(map(len, prompts)), renderer.end_ids[0]
    ids = torch.full((len(prompts), longest), end)
    seen = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(prompt)
        seen[row, longest - len(prompt) :] = 1
    arguments: dict[str, Any] = {"max_new_tokens": settings.max_new_tokens, "do_sample": False}
    out = loaded.model.generate(
        input_ids=ids.to(loaded.device),
        attention_mask=seen.to(loaded.device),
        eos_token_id=end,
        pad_token_id=end,
        **arguments,
    )
    new = out[:, longest:].tolist()
    return [row[: row.index(end)] if end in row else row for row in new]


def _prediction(post: Post, rendered: RenderedPost, answer: str, renderer: Renderer) -> Prediction:
    label = parse_answer(answer, renderer.labels)
    return Prediction(
        id=post.id,
        label=post.label,
        group=post.group,
        source=post.source,
        score=math.nan,
        prediction=label,
        status=Status.OK if label else Status.UNPARSED,
        answer=answer,
        truncated=rendered.truncated,
    )
