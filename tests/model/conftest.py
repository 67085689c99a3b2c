"""Tiny checkpoints with a tokenizer, as they lie in a downloaded folder."""

import pytest
import torch
from tests.checkpoints import write_gpt_oss, write_sharded
from tests.tiny_tokenizers import byte_bpe, fast
from transformers import AutoConfig, AutoModelForCausalLM

LLAMA = {
    "vocab_size": 370,
    "hidden_size": 64,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "architectures": ["LlamaForCausalLM"],
}


@pytest.fixture
def llama(tmp_path):
    """Write a tiny Llama of given sizes in two shards; returns the folder and the model."""

    def write(name="llama", **sizes):
        torch.manual_seed(0)
        config = AutoConfig.for_model("llama", **LLAMA | sizes)
        model = AutoModelForCausalLM.from_config(config).eval()
        folder = tmp_path / name
        folder.mkdir()
        tensors = model.state_dict()
        if config.tie_word_embeddings:
            del tensors["lm_head.weight"]  # as the hub's checkpoints leave it out
        write_sharded(folder, tensors, num_shards=2)
        config.save_pretrained(folder)
        fast(byte_bpe()).save_pretrained(folder)
        return folder, model

    return write


@pytest.fixture(scope="session")
def gpt_oss(tmp_path_factory):
    """A tiny gpt-oss in three shards, experts in MXFP4, with a tokenizer."""
    folder = write_gpt_oss(tmp_path_factory.mktemp("gpt-oss"), vocab_size=370, max_position_embeddings=131072)
    fast(byte_bpe()).save_pretrained(folder)
    return folder
