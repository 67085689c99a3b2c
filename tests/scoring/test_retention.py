"""What fine-tuning makes a model forget, against the definition."""

import math

import pytest
import torch

from probatum.scoring.retention import general_paragraphs, retention_nll

PARAGRAPHS = ["The baker opened at six.", "Rain came in the night, and the river rose.", "Why?"]


def test_it_is_the_mean_over_all_tokens_but_the_first_of_each_paragraph(builtin):
    losses = []
    for paragraph in PARAGRAPHS:
        ids = builtin.tokenizer(paragraph)["input_ids"]
        for at in range(1, len(ids)):
            with torch.no_grad():
                logits = builtin.model(torch.tensor([ids[:at]])).logits[0, -1]
            losses.append(-math.log(logits.double().softmax(-1)[ids[at]].item()))
    assert retention_nll(builtin, PARAGRAPHS) == pytest.approx(sum(losses) / len(losses), rel=1e-5)


def test_paragraphs_do_not_see_each_other(builtin):
    forwards = retention_nll(builtin, PARAGRAPHS)
    assert retention_nll(builtin, PARAGRAPHS[::-1]) == pytest.approx(forwards, rel=1e-9)
    assert retention_nll(builtin, PARAGRAPHS * 2) == pytest.approx(forwards, rel=1e-9)


def test_a_model_that_is_damaged_has_forgotten(builtin):
    norm = builtin.model.model.norm.weight
    kept = norm.clone()
    try:
        with torch.no_grad():
            norm.mul_(-1)
        damaged = retention_nll(builtin, PARAGRAPHS)
    finally:
        with torch.no_grad():
            norm.copy_(kept)
    assert damaged > retention_nll(builtin, PARAGRAPHS) + 0.1


@pytest.mark.parametrize("paragraphs", [[], [""], ["", "a"]])
def test_without_a_token_to_predict_it_is_no_number(builtin, paragraphs):
    assert all(len(builtin.tokenizer(paragraph)["input_ids"]) < 2 for paragraph in paragraphs)
    assert math.isnan(retention_nll(builtin, paragraphs))


def test_paragraphs_without_a_token_to_predict_count_for_nothing(builtin):
    with_empty = retention_nll(builtin, ["", *PARAGRAPHS, "a"])
    assert with_empty == pytest.approx(retention_nll(builtin, PARAGRAPHS), rel=1e-9)


def test_the_text_that_comes_with_it(builtin):
    paragraphs = general_paragraphs()
    assert len(paragraphs) >= 5
    assert all(paragraph == paragraph.strip() and paragraph for paragraph in paragraphs)
    assert len(set(paragraphs)) == len(paragraphs)
    nll = retention_nll(builtin)
    assert 0 < nll < math.log(builtin.text_config.vocab_size) * 2
    assert nll == retention_nll(builtin, paragraphs)
