"""Block masks in buffers against the row's own definition of what sees what."""

import pytest
import torch
from tests.model.test_packing import random_suffixes

from probatum.model.blocks import BLOCK, PADDING, RowBuffers, needed_blocks, padded_length
from probatum.model.masks import FULL, SLIDING
from probatum.model.packing import pack_row


class Config:
    sliding_window = 9


def example(num_prefix=150, count=60):
    row = pack_row(list(range(num_prefix)), random_suffixes(count=count))
    return row, padded_length(len(row.input_ids_T))


@pytest.mark.parametrize("num_prefix", [0, 1, 128, 300])
def test_every_token_that_is_seen_lies_in_a_needed_block(num_prefix):
    row, length = example(num_prefix)
    allowed = torch.zeros(length, length, dtype=torch.bool)
    num_tokens = len(row.input_ids_T)
    allowed[:num_tokens, :num_tokens] = row.allowed_TT()
    seen = allowed.view(length // BLOCK, BLOCK, length // BLOCK, BLOCK).any(3).any(1)
    needed = needed_blocks(row, length)
    assert not (seen & ~needed).any()
    assert needed.diagonal().all()  # padding sees itself, so that no softmax is over nothing
    assert needed.sum() <= seen.sum() + 2 * len(seen)


@pytest.mark.parametrize(("kind", "window"), [(FULL, None), (SLIDING, 9)])
def test_masks_allow_what_the_row_allows(kind, window):
    row, length = example()
    buffers = RowBuffers(length, 200, Config(), torch.device("cpu"))
    other, _ = example(count=40)
    buffers.fill(other)
    buffers.fill(row)
    index = torch.arange(length)
    rule = buffers.masks[kind].mask_mod
    allowed = rule(0, 0, index[:, None], index[None, :])
    num_tokens = len(row.input_ids_T)
    assert torch.equal(allowed[:num_tokens, :num_tokens], row.allowed_TT(window))
    assert not allowed[:num_tokens, num_tokens:].any()
    assert allowed.any(1).all()


def test_buffers_hold_the_row_and_its_padding():
    row, length = example()
    buffers = RowBuffers(length, 200, Config(), torch.device("cpu"))
    labels = torch.arange(len(row.keep_K))
    buffers.fill(row, labels)
    num_tokens, kept = len(row.input_ids_T), len(row.keep_K)
    assert torch.equal(buffers.inputs()["input_ids"][0, :num_tokens].long(), row.input_ids_T)
    assert (buffers.segment_T[num_tokens:] == PADDING).all()
    assert torch.equal(buffers.labels_K[:kept].long(), labels)
    assert (buffers.labels_K[kept:] == -100).all()
    assert not set(buffers.keep_K[kept:].tolist()) & set(row.keep_K.tolist())


def test_block_lists_of_queries_and_keys_agree():
    row, length = example()
    buffers = RowBuffers(length, 200, Config(), torch.device("cpu"))
    buffers.fill(row)
    needed = needed_blocks(row, length)
    kv_num, kv_indices, q_num, q_indices = (part[0, 0] for part in buffers.block_parts)
    for block in range(length // BLOCK):
        assert set(kv_indices[block, : kv_num[block]].tolist()) == set(needed[block].nonzero().flatten().tolist())
        assert set(q_indices[block, : q_num[block]].tolist()) == set(needed[:, block].nonzero().flatten().tolist())


def test_padded_lengths_are_few_and_close():
    lengths = {padded_length(n) for n in range(1, 40_000)}
    assert len(lengths) < 100
    assert all(length % BLOCK == 0 for length in lengths)
    assert all(padded_length(n) < n * 1.126 + BLOCK for n in range(1, 40_000))
