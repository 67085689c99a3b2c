"""Maps and buffers against the row's own definition of what sees what."""

import pytest
import torch
from tests.model.test_packing import random_suffixes

from probatum.model.buffers import STEP, RowBuffers, padded_length
from probatum.model.masks import PADDING, row_map
from probatum.model.packing import pack_row


class Config:
    layer_types = ("full_attention", "sliding_attention")
    sliding_window = 9


def example(num_prefix=150, count=60):
    row = pack_row(list(range(num_prefix)), random_suffixes(count=count))
    return row, padded_length(len(row.input_ids_T))


def seen_by_map(found):
    """Who sees whom by a map's first three lines and its two numbers."""
    segment, parent, position = found[:3]
    kin = (segment == 0) | (segment == segment[:, None]) | (segment == parent[:, None])
    back = position[:, None] - position
    return kin & (back >= 0) & (back < found[6, 0])


@pytest.mark.parametrize("window", [None, 9])
@pytest.mark.parametrize("num_prefix", [0, 1, 128, 300])
def test_a_map_says_what_the_row_allows(num_prefix, window):
    row, length = example(num_prefix)
    num_tokens = len(row.input_ids_T)
    found = row_map(row, length, window)
    allowed = seen_by_map(found)
    assert torch.equal(allowed[:num_tokens, :num_tokens], row.allowed_TT(window))
    assert not allowed[:num_tokens, num_tokens:].any() and (found[0, num_tokens:] == PADDING).all()
    assert allowed.any(1).all()  # padding sees itself, so that no softmax is over nothing


@pytest.mark.parametrize("num_prefix", [0, 1, 300])
def test_what_is_seen_lies_in_the_prefix_or_in_the_post_s_range(num_prefix):
    row, length = example(num_prefix)
    found, index = row_map(row, length), torch.arange(length)
    assert found[5, 0] == num_prefix
    start, end = found[3], found[4]
    seen = torch.zeros(length, length, dtype=torch.bool)
    num_tokens = len(row.input_ids_T)
    seen[:num_tokens, :num_tokens] = row.allowed_TT()
    ranged = (index >= start[:, None]) & (index <= index[:, None]) & (index[:, None] < end)
    assert not (seen & ~ranged & (index >= num_prefix)).any()
    assert ((end - start)[:num_tokens] < max(num_prefix, 100) + 1).all()  # ranges are posts, not the whole row


def test_buffers_hold_the_row_and_its_padding():
    row, length = example()
    buffers = RowBuffers(length, 200, Config(), torch.device("cpu"))
    labels = torch.arange(len(row.keep_K))
    other, _ = example(count=40)
    buffers.fill(other)
    buffers.fill(row, labels)
    num_tokens, kept = len(row.input_ids_T), len(row.keep_K)
    inputs = buffers.inputs()
    assert torch.equal(inputs["input_ids"][0, :num_tokens], row.input_ids_T)
    assert torch.equal(inputs["position_ids"][0, :num_tokens].long(), row.position_ids_T)
    assert torch.equal(buffers.labels_K[:kept].long(), labels)
    assert (buffers.labels_K[kept:] == -100).all()
    assert not set(buffers.keep_K[kept:].tolist()) & set(row.keep_K.tolist())
    masks = inputs["attention_mask"]
    assert torch.equal(masks["full_attention"][0, 0], row_map(row, length))
    assert torch.equal(masks["sliding_attention"][0, 0], row_map(row, length, 9))


def test_padded_lengths_are_few_and_close():
    lengths = {padded_length(n) for n in range(1, 40_000)}
    assert len(lengths) < 100
    assert all(length % STEP == 0 for length in lengths)
    assert all(padded_length(n) < n * 1.126 + STEP for n in range(1, 40_000))
