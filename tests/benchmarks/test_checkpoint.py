"""Checkpoints with random weights load as published ones do, and have their sizes."""

import json

import pytest
import torch

from benchmarks.checkpoint import INDEX, write_checkpoint
from benchmarks.layouts import config_of, num_parameters, tensors_of
from probatum.model.load import BUILTIN, load_model
from probatum.study import Model


@pytest.mark.parametrize("size", ["tiny", "tiny-phi", "tiny-llama"])
def test_a_written_checkpoint_loads_and_stays_finite(size, tmp_path):
    told = write_checkpoint(size, tmp_path, BUILTIN)
    assert told["bytes"] > 0 and "random weights" in told["note"]
    loaded = load_model(Model(name=str(tmp_path)))
    assert loaded.is_mxfp4 == (size == "tiny")
    with torch.no_grad():
        logits = loaded.model(torch.arange(40)[None]).logits
    assert logits.isfinite().all() and logits.std() > 0


def test_a_whole_checkpoint_is_left_alone_and_a_half_one_is_not(tmp_path):
    write_checkpoint("tiny", tmp_path, BUILTIN)
    shard = next(tmp_path.glob("*.safetensors"))
    before = shard.read_bytes()
    shard.write_bytes(b"")
    write_checkpoint("tiny", tmp_path, BUILTIN)
    assert shard.read_bytes() == b""
    (tmp_path / INDEX).unlink()
    write_checkpoint("tiny", tmp_path, BUILTIN)
    assert shard.read_bytes() == before


def test_fewer_layers_are_said(tmp_path):
    told = write_checkpoint("tiny", tmp_path, BUILTIN, layers=1)
    assert "1 of 2 layers" in told["note"]
    assert json.loads((tmp_path / "config.json").read_text())["layer_types"] == ["sliding_attention"]


@pytest.mark.parametrize(
    ("size", "billions", "gigabytes"),
    [("20b", 20.9, 13.8), ("120b", 116.8, 65.2), ("phi", 41.9, 83.7), ("llama-8b", 8.03, 16.1)],
)
def test_published_sizes(size, billions, gigabytes):
    config = config_of(size, vocabulary=100)
    assert num_parameters(config) / 1e9 == pytest.approx(billions, rel=0.003)
    assert sum(tensor.num_bytes for tensor in tensors_of(config)) / 1e9 == pytest.approx(gigabytes, rel=0.01)
