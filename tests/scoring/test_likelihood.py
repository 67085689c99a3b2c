"""Packed scoring against each post alone, and against the definition."""

import math
import random
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from probatum.data.records import Post, Status
from probatum.scoring.decide import decided
from probatum.scoring.likelihood import answers_of, score_alone, score_likelihood
from probatum.study import Scoring

LABELS = {
    "prefix_free": {"hate": "hate", "not_hate": "not hate"},
    "one_begins_the_other": {"hateful": "hate speech", "hate": "hate", "none": "none of the two"},
    "many_tokens": {"fine": "this post is fine by me", "hate": "this post is hate"},
}


def silent(_):
    pass


def scores(scored):
    return {prediction.id: prediction.score for prediction in scored.predictions}


def agree(first, second):
    a, b = scores(first), scores(second)
    assert a.keys() == b.keys()
    assert all(a[name] == pytest.approx(b[name], abs=1e-5) for name in a)
    assert all(math.log(a[name]) == pytest.approx(math.log(b[name]), abs=1e-4) for name in a)


@pytest.fixture(scope="module")
def alone(builtin, render, posts):
    return score_alone(builtin, render(), posts, Scoring(), silent)


def test_packed_scores_are_those_of_each_post_alone(builtin, render, posts, alone):
    packed = score_likelihood(builtin, render(), posts, Scoring(), silent)
    agree(packed, alone)
    assert [(p.prediction, p.answer, p.status) for p in packed.predictions] == [
        (p.prediction, p.answer, p.status) for p in alone.predictions
    ]
    assert packed.num_tokens < alone.num_tokens / 4


@pytest.mark.parametrize("labels", LABELS)
def test_packed_scores_are_those_alone_whatever_the_label_words(builtin, render, posts, labels):
    renderer, some = render(LABELS[labels]), posts[::3]
    assert renderer.labels_prefix_free == (labels != "one_begins_the_other")
    packed = score_likelihood(builtin, renderer, some, Scoring(tokens_per_batch=300), silent)
    agree(packed, score_alone(builtin, renderer, some, Scoring(), silent))
    assert len({round(math.log(score), 3) for score in scores(packed).values()}) > 5


@pytest.mark.parametrize("tokens", [64, 300, 8192])
def test_the_size_of_a_row_changes_nothing(builtin, render, posts, alone, tokens):
    told = []
    packed = score_likelihood(builtin, render(), posts, Scoring(tokens_per_batch=tokens), told.append)
    agree(packed, alone)
    assert told[-1] == len(posts)
    assert len(told) == {64: len(posts), 8192: 1}.get(tokens, len(told))
    assert told == sorted(set(told))


def test_the_order_of_the_posts_changes_nothing(builtin, render, posts, alone):
    shuffled = random.Random(0).sample(posts, len(posts))
    packed = score_likelihood(builtin, render(), shuffled, Scoring(tokens_per_batch=400), silent)
    assert [prediction.id for prediction in packed.predictions] == [post.id for post in shuffled]
    agree(packed, alone)


@pytest.mark.parametrize("labels", LABELS)
def test_against_the_definition(builtin, render, posts, labels):
    """The product of the probabilities of a label's tokens, one after the other, divided by the sum over labels."""
    renderer = render(LABELS[labels])
    for post in (posts[0], posts[-6]):
        ids = [*renderer.prefix_ids, *renderer.render(post.text).post_ids, *renderer.tail_ids]
        products = {}
        for label, words in renderer.label_ids.items():
            said = words if renderer.labels_prefix_free else (*words, *renderer.end_ids)
            products[label] = 1.0
            for at, token in enumerate(said):
                with torch.no_grad():
                    logits = builtin.model(torch.tensor([[*ids, *said[:at]]])).logits[0, -1]
                products[label] *= logits.double().softmax(-1)[token].item()
        (prediction,) = score_likelihood(builtin, renderer, [post], Scoring(), silent).predictions
        assert prediction.score == pytest.approx(next(iter(products.values())) / sum(products.values()), rel=1e-4)
        assert prediction.answer == renderer.labels.words[max(products, key=products.get)]


def test_where_one_label_begins_another_the_end_is_part_of_the_answer(render):
    free, begun = render(LABELS["prefix_free"]), render(LABELS["one_begins_the_other"])
    assert answers_of(free) == list(free.label_ids.values())
    assert all(answer[-len(begun.end_ids) :] == begun.end_ids for answer in answers_of(begun))


def test_a_post_cannot_answer_for_the_model(builtin, render, posts):
    """What a control token in a post would do to the score if it were one."""
    control = set(builtin.tokenizer.all_special_ids)
    renderer = render()
    assert not control & {token for post in posts for token in renderer.render(post.text).post_ids}


def test_the_threshold_decides_and_the_likeliest_words_are_the_answer(builtin, render, posts, alone):
    packed = score_likelihood(builtin, render(), posts, Scoring(), silent)
    for threshold in (0.0, 0.5, 1.0):
        for scored in packed.predictions:
            prediction = decided(scored, "hate", threshold, scored.score)
            assert prediction.prediction == ("hate" if prediction.score >= threshold else "not_hate")
            assert prediction.answer == ("hate" if prediction.score > 0.5 else "not hate")
    assert {p.prediction for p in alone.predictions} == {"hate", "not_hate"}


def test_posts_that_were_cut_are_marked(builtin, render, posts):
    renderer = render(max_tokens=130)
    given = [Post("long", "they said that the soup was cold " * 30, "hate"), replace(posts[0], text="short")]
    for score in (score_likelihood, score_alone):
        scored = score(builtin, renderer, given, Scoring(), silent)
        assert [prediction.truncated for prediction in scored.predictions] == [True, False]


def test_columns_are_carried_over(builtin, render):
    post = Post("x", "a text", "hate", "lgbtq", "toxigen")
    (prediction,) = score_likelihood(builtin, render(), [post], Scoring(), silent).predictions
    assert (prediction.id, prediction.label, prediction.group, prediction.source) == ("x", "hate", "lgbtq", "toxigen")


def test_no_posts(builtin, render):
    for score in (score_likelihood, score_alone):
        assert score(builtin, render(), [], Scoring(), silent).predictions == []


@pytest.mark.parametrize("score", [score_likelihood, score_alone])
def test_a_likelihood_that_is_no_number_is_an_error_of_that_post_alone(builtin, render, posts, score):
    """A model that overflows on one post, as half precision may."""
    renderer = render()
    poison = renderer.render(posts[0].text).post_ids

    class Overflowing:
        device, dtype, config = builtin.model.device, builtin.model.dtype, builtin.model.config

        def __call__(self, input_ids, **inputs):
            out = builtin.model(input_ids, **inputs)
            row = input_ids[0].tolist()
            bad = any(tuple(row[at : at + len(poison)]) == poison for at in range(len(row)))
            return SimpleNamespace(logits=out.logits * math.nan if bad else out.logits)

    broken = replace(builtin, model=Overflowing())
    scored = score(broken, renderer, posts[:3], Scoring(tokens_per_batch=64), silent).predictions
    assert [prediction.status for prediction in scored] == [Status.ERROR, Status.OK, Status.OK]
    assert math.isnan(scored[0].score)
    assert scored[0].prediction is None
