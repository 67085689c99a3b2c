"""Packed rows against each post alone, for every family of attention."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.checkpoints import write_gpt_oss
from transformers import AutoModelForCausalLM, GptOssForCausalLM, Mxfp4Config

from probatum.errors import ModelError
from probatum.model.masks import check_attention, model_inputs
from probatum.model.packing import Suffix, answer_log_likelihoods, pack_row, split_rows

DENSE = {
    "vocab_size": 97,
    "hidden_size": 64,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
FAMILIES = {
    "llama": DENSE,
    "qwen2": DENSE | {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1},
    "mistral": DENSE | {"sliding_window": 5},
    "gemma2": DENSE | {"sliding_window": 5, "head_dim": 16},
    "phimoe": DENSE | {"num_local_experts": 4, "sliding_window": None},
}


def tiny(family: str, folder) -> torch.nn.Module:
    torch.manual_seed(0)
    if family == "gpt_oss":
        write_gpt_oss(folder)
        model = GptOssForCausalLM.from_pretrained(folder, quantization_config=Mxfp4Config(dequantize=True))
        return model.float().eval()
    from transformers import AutoConfig

    config = AutoConfig.for_model(family, **FAMILIES[family])
    model = AutoModelForCausalLM.from_config(config).float().eval()
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.15)
    return model


@pytest.fixture(scope="module", params=["gpt_oss", *FAMILIES])
def model(request, tmp_path_factory):
    return tiny(request.param, tmp_path_factory.mktemp(request.param))


def random_tokens(generator, count):
    return torch.randint(0, 97, (count,), generator=generator).tolist()


def random_suffixes(seed=0, count=6):
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, 12, (count,), generator=generator).tolist()
    answers = [[random_tokens(generator, 1), random_tokens(generator, 3)] for _ in range(count)]
    return [Suffix(random_tokens(generator, length), answer) for length, answer in zip(lengths, answers, strict=True)]


def alone(model, prefix, tokens, answer):
    """The log-likelihood of one answer by a plain causal pass over its own prompt."""
    ids = torch.tensor([[*prefix, *tokens, *answer]])
    log_probs = model(ids).logits[0].float().log_softmax(-1)
    start = len(prefix) + len(tokens)
    return sum(log_probs[start + i - 1, token] for i, token in enumerate(answer))


def test_likelihoods_and_gradients_equal_each_post_alone(model):
    prefix = random_tokens(torch.Generator().manual_seed(9), 11)
    suffixes = random_suffixes()
    row = pack_row(prefix, suffixes)
    config = model.config.get_text_config()
    packed = answer_log_likelihoods(model(**model_inputs(row, config, torch.float32)).logits[0], row)
    expected = torch.stack([alone(model, prefix, s.tokens, answer) for s in suffixes for answer in s.answers])
    torch.testing.assert_close(packed, expected, rtol=1e-5, atol=1e-5)

    weight = model.model.layers[0].self_attn.q_proj.weight
    (ours,) = torch.autograd.grad(packed.sum(), weight)
    (theirs,) = torch.autograd.grad(expected.sum(), weight)
    assert theirs.abs().max() > 1e-3
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=2e-4)


def test_posts_do_not_see_each_other(model):
    suffixes = random_suffixes(seed=3, count=3)
    other = [suffixes[0], Suffix([1, 2, 3, 4, 5, 6, 7], suffixes[1].answers), suffixes[2]]
    config = model.config.get_text_config()
    values = []
    for group in (suffixes, other):
        row = pack_row([5, 6, 7], group)
        with torch.no_grad():
            logits = model(**model_inputs(row, config, torch.float32)).logits[0]
        values.append(answer_log_likelihoods(logits, row))
    torch.testing.assert_close(values[0][[0, 1, 4, 5]], values[1][[0, 1, 4, 5]], rtol=1e-5, atol=1e-5)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 5),
    st.lists(st.tuples(st.integers(1, 6), st.lists(st.integers(1, 4), min_size=1, max_size=3)), min_size=1, max_size=5),
    st.integers(1, 30),
)
def test_rows_hold_every_post_once_in_order(num_prefix, shapes, budget):
    suffixes = [Suffix([i] * n, [[i] * m for m in answers]) for i, (n, answers) in enumerate(shapes)]
    rows = list(split_rows([0] * num_prefix, suffixes, budget))
    assert [suffix for row in rows for suffix in row] == suffixes
    for group in rows:
        row = pack_row([0] * num_prefix, group)
        length = num_prefix + sum(suffix.num_tokens for suffix in group)
        assert row.input_ids_T.shape == (length,)
        assert len(group) == 1 or length <= budget
        assert int(row.target_answer_N[-1]) + 1 == sum(len(suffix.answers) for suffix in group)
        assert row.allowed_TT().diagonal().all()


def test_recurrent_layers_are_refused():
    class Config:
        model_type = "qwen3_next"
        layer_types = ("linear_attention", "full_attention")

    with pytest.raises(ModelError, match="linear_attention"):
        check_attention(Config())
