"""Greedy answers in batches against a loop that writes one token after the other."""

import math
from dataclasses import replace

import pytest
import torch

from probatum.data.records import Post, Status
from probatum.scoring.generate import _batches, score_generate
from probatum.scoring.parse import parse_answer
from probatum.study import Scoring


def silent(_):
    pass


def prompt_of(renderer, post):
    return [*renderer.prefix_ids, *renderer.render(post.text).post_ids, *renderer.tail_ids]


@torch.no_grad()
def write_alone(loaded, renderer, post, longest):
    """The likeliest token after everything so far, again and again, up to the end of the answer."""
    ids, new = prompt_of(renderer, post), []
    while len(new) < longest:
        token = loaded.model(torch.tensor([ids + new])).logits[0, -1].argmax().item()
        if token == renderer.end_ids[0]:
            break
        new.append(token)
    return new


@pytest.fixture(scope="module")
def posts(posts):
    return posts[::3]


@pytest.fixture(scope="module")
def alone(builtin, render, posts):
    return [write_alone(builtin, render(), post, 4) for post in posts]


@pytest.fixture
def spied(builtin, monkeypatch):
    """The batches that were given to the model."""
    seen = []
    generate = builtin.model.generate

    def spy(**inputs):
        seen.append(inputs)
        return generate(**inputs)

    monkeypatch.setattr(builtin.model, "generate", spy)
    return seen


@pytest.mark.parametrize("tokens", [500, 100_000])
def test_answers_are_those_of_each_post_alone(builtin, render, posts, alone, tokens):
    renderer, told = render(), []
    scored = score_generate(builtin, renderer, posts, Scoring(max_new_tokens=4, tokens_per_batch=tokens), told.append)
    assert [p.answer for p in scored.predictions] == [builtin.tokenizer.decode(ids).strip() for ids in alone]
    assert [p.id for p in scored.predictions] == [post.id for post in posts]
    assert scored.num_tokens == sum(
        len(prompt_of(renderer, post)) + len(ids) for post, ids in zip(posts, alone, strict=True)
    )
    assert told == sorted(set(told))
    assert told[-1] == len(posts)


def test_an_answer_gives_a_label_and_no_probability(builtin, render, posts):
    renderer = render()
    for prediction in score_generate(builtin, renderer, posts, Scoring(max_new_tokens=4), silent).predictions:
        label = parse_answer(prediction.answer, renderer.labels)
        assert math.isnan(prediction.score)
        assert prediction.prediction == label
        assert prediction.status is (Status.OK if label else Status.UNPARSED)


def test_the_end_of_an_answer_is_not_part_of_it(builtin, render, posts, alone):
    ended = [ids for ids in alone if len(ids) < 4]
    assert ended  # the toy model ends its answers
    renderer = render()
    end = builtin.tokenizer.decode(renderer.end_ids)
    answers = [
        p.answer for p in score_generate(builtin, renderer, posts, Scoring(max_new_tokens=4), silent).predictions
    ]
    assert not any(end in answer for answer in answers)
    assert "hate" in answers


def test_control_tokens_stay_in_the_answer_for_the_parser_to_see(builtin, render, posts, monkeypatch):
    """Left out, they would glue the words around them together and hide where a thought ends."""
    said = "<|channel|>analysis<|message|>not hate?<|end|><|start|>assistant<|channel|>final<|message|>hate"
    ids = builtin.tokenizer(said, add_special_tokens=False)["input_ids"]
    monkeypatch.setattr("probatum.scoring.generate._generate", lambda *_: [ids])
    (prediction,) = score_generate(builtin, render(), posts[:1], Scoring(), silent).predictions
    assert prediction.answer == said
    assert prediction.prediction == "hate"


def test_an_answer_without_a_label_is_unparsed_and_kept(builtin, render, posts):
    """One token is too short for words that the toy model does not know as one."""
    renderer = render({"zebra": "zebra crossing", "quagmire": "quagmire"})
    scored = score_generate(builtin, renderer, posts[:4], Scoring(max_new_tokens=1), silent)
    assert [p.status for p in scored.predictions] == [Status.UNPARSED] * 4
    assert all(p.prediction is None for p in scored.predictions)
    assert all(p.answer is not None for p in scored.predictions)


def test_padding_is_on_the_left_and_unseen(builtin, render, posts, spied):
    renderer = render()
    score_generate(builtin, renderer, posts[:5], Scoring(max_new_tokens=2, tokens_per_batch=100_000), silent)
    (inputs,) = spied
    prompts = sorted((prompt_of(renderer, post) for post in posts[:5]), key=len)
    for ids, seen, prompt in zip(inputs["input_ids"], inputs["attention_mask"], prompts, strict=True):
        assert ids[-len(prompt) :].tolist() == prompt
        assert seen.tolist() == [0] * (len(seen) - len(prompt)) + [1] * len(prompt)
    assert inputs["do_sample"] is False


@pytest.mark.parametrize("tokens", [64, 400, 1000])
def test_batches_stay_within_their_tokens(builtin, render, posts, spied, tokens):
    settings = Scoring(max_new_tokens=1, tokens_per_batch=tokens)
    score_generate(builtin, render(), posts, settings, silent)
    for inputs in spied:
        rows, length = inputs["input_ids"].shape
        assert rows == 1 or rows * (length + 1) <= tokens
    assert sum(len(inputs["input_ids"]) for inputs in spied) == len(posts)


def test_a_batch_is_as_full_as_it_may_be():
    prompts = [[0] * length for length in (3, 4, 5, 90, 91)]
    settings = Scoring(max_new_tokens=5, tokens_per_batch=100)
    assert _batches(range(5), prompts, settings) == [[0, 1, 2], [3], [4]]


def test_posts_that_were_cut_are_marked(builtin, render, posts):
    given = [Post("long", "they said that the soup was cold " * 30, "hate"), replace(posts[0], text="short")]
    scored = score_generate(builtin, render(max_tokens=130), given, Scoring(max_new_tokens=2), silent)
    assert [prediction.truncated for prediction in scored.predictions] == [True, False]


def test_no_posts(builtin, render):
    assert score_generate(builtin, render(), [], Scoring(), silent).predictions == []
