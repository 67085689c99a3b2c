"""The likelihood of the label words as an answer: exact, and with the prompt's shared prefix computed once a row.

P(label | post) is the likelihood of the label's words after the post's prompt, divided by the sum over the label set.
Where one label's tokens begin another's ("hate", "hate speech"), every answer includes the token that ends it, since
without it the shorter would stand for both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from probatum.data.records import Post, Prediction
from probatum.model.fast import fast_rows
from probatum.model.forward import row_logits
from probatum.model.load import LoadedModel
from probatum.model.packing import Suffix, answer_log_likelihoods, pack_row, split_rows
from probatum.prompt.render import RenderedPost, Renderer
from probatum.scoring.decide import predict
from probatum.study import Scoring

Report = Callable[[int], None]


@dataclass(frozen=True)
class Scored:
    """What scoring a file of posts gave.

    Attributes:
        predictions: one for each post, in their order.
        num_tokens: tokens that forward passes computed.
    """

    predictions: list[Prediction]
    num_tokens: int


def answers_of(renderer: Renderer) -> list[tuple[int, ...]]:
    """Return the tokens whose likelihood stands for each label, in the order of the labels."""
    labels = renderer.labels.words
    if renderer.labels_prefix_free:
        return [renderer.label_ids[label] for label in labels]
    return [renderer.answer_ids(label) for label in labels]


@torch.inference_mode()
def score_likelihood(
    loaded: LoadedModel, renderer: Renderer, posts: Sequence[Post], settings: Scoring, report: Report
) -> Scored:
    """Score posts in packed rows.

    Args:
        loaded: the model, with or without an adapter.
        renderer: the prompt.
        posts: what to score.
        settings: the study's scoring section.
        report: told how many posts are done.

    Returns:
        A score for each post; a post whose likelihoods are not finite has status error.
    """
    rendered = renderer.render_many([post.text for post in posts])
    answers = answers_of(renderer)
    suffixes = [Suffix(post.post_ids + renderer.tail_ids, answers) for post in rendered]
    likelihoods: list[Tensor] = []
    num_tokens = 0
    with fast_rows(loaded.model, wanted=loaded.fast):
        for group in split_rows(renderer.prefix_ids, suffixes, settings.tokens_per_batch):
            row = pack_row(renderer.prefix_ids, group)
            logits_KV = row_logits(loaded.model, row)
            likelihoods.append(answer_log_likelihoods(logits_KV, row).cpu().view(-1, len(answers)))
            num_tokens += len(row.input_ids_T)
            report(sum(map(len, likelihoods)))
    return Scored(_predictions(renderer, posts, rendered, likelihoods), num_tokens)


@torch.inference_mode()
def score_alone(
    loaded: LoadedModel, renderer: Renderer, posts: Sequence[Post], settings: Scoring, report: Report
) -> Scored:
    """Score posts one by one with the model's own causal attention: the slow, obvious twin of `score_likelihood`."""
    likelihoods: list[Tensor] = []
    num_tokens = 0
    rendered = [renderer.render(post.text) for post in posts]
    for post in rendered:
        prompt = (*renderer.prefix_ids, *post.post_ids, *renderer.tail_ids)
        values = []
        for answer in answers_of(renderer):
            ids = torch.tensor([[*prompt, *answer]], device=loaded.device)
            log_probs_TV = loaded.model(ids, use_cache=False).logits[0].float().log_softmax(-1)
            values.append(sum(log_probs_TV[len(prompt) + i - 1, token] for i, token in enumerate(answer)))
            num_tokens += ids.numel()
        likelihoods.append(torch.stack([torch.as_tensor(value) for value in values]).cpu()[None])
        report(len(likelihoods))
    return Scored(_predictions(renderer, posts, rendered, likelihoods), num_tokens)


def _predictions(
    renderer: Renderer,
    posts: Sequence[Post],
    rendered: Sequence[RenderedPost],
    likelihoods: Sequence[Tensor],
) -> list[Prediction]:
    labels, positive = list(renderer.labels.words), renderer.labels.positive
    if not posts:
        return []
    probabilities = torch.cat(list(likelihoods)).double().softmax(-1).tolist()
    predictions = []
    for post, shown, row in zip(posts, rendered, probabilities, strict=True):
        by_label = dict(zip(labels, row, strict=True))
        likeliest = max(labels, key=lambda label: -math.inf if math.isnan(by_label[label]) else by_label[label])
        predictions.append(
            predict(
                post,
                by_label,
                positive,
                answer=renderer.labels.words[likeliest],
                truncated=shown.truncated,
            )
        )
    return predictions
