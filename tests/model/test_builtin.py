import importlib
import json
import sys
from itertools import islice
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from transformers import AutoTokenizer, GptOssConfig, GptOssForCausalLM, Mxfp4Config

from probatum.data.demo import demo_posts, normalise
from probatum.model.mxfp4.layout import dequantise

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "src" / "probatum" / "model" / "builtin"


@pytest.fixture(scope="module")
def recipe():
    """The recipe's modules, which lie outside the package."""
    sys.path.insert(0, str(ROOT / "recipes"))
    try:
        names = ("builtin_model", "builtin_text")
        yield {name.removeprefix("builtin_"): importlib.import_module(name) for name in names}
    finally:
        sys.path.remove(str(ROOT / "recipes"))


@pytest.fixture(scope="module")
def state():
    return load_file(FOLDER / "model.safetensors")


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def model():
    loaded = GptOssForCausalLM.from_pretrained(
        FOLDER, quantization_config=Mxfp4Config(dequantize=True), attn_implementation="eager"
    )
    return loaded.float().eval()


def unpacked(folder):
    """The model made of the file's tensors without transformers' loader."""
    state = load_file(folder / "model.safetensors")
    for blocks in [name for name in state if name.endswith("_blocks")]:
        name = blocks.removesuffix("_blocks")
        state[name] = dequantise(state.pop(blocks), state.pop(name + "_scales"), torch.float32).transpose(1, 2)
    config = GptOssConfig.from_pretrained(folder)
    del config.quantization_config
    made = GptOssForCausalLM._from_config(config, attn_implementation="eager").float()
    made.load_state_dict({name: value.float() for name, value in state.items()})
    return made.eval()


def test_it_is_small_and_complete():
    names = {file.name for file in FOLDER.iterdir()}
    assert names >= {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja", "README.md"}
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) <= 12e6
    assert "toy" in (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()[5]


def test_tensors_have_the_published_names_and_types(state):
    config = json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))
    attention = [f"self_attn.{x}_proj.{kind}" for x in "qkvo" for kind in ("weight", "bias")]
    experts = [
        f"mlp.experts.{matrix}_{part}"
        for matrix in ("gate_up_proj", "down_proj")
        for part in ("blocks", "scales", "bias")
    ]
    others = ["input_layernorm.weight", "post_attention_layernorm.weight", "mlp.router.weight", "mlp.router.bias"]
    layer = [*attention, *experts, *others, "self_attn.sinks"]
    layers = range(config["num_hidden_layers"])
    expected = {"model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"}
    assert set(state) == expected | {f"model.layers.{number}.{name}" for number in layers for name in layer}
    for name, value in state.items():
        packed = name.endswith(("_blocks", "_scales"))
        assert value.dtype == (torch.uint8 if packed else torch.bfloat16), name
    hidden, experts = config["hidden_size"], config["num_local_experts"]
    assert state["model.layers.0.mlp.experts.gate_up_proj_blocks"].shape == (
        experts, 2 * config["intermediate_size"], hidden // 32, 16,
    )  # fmt: skip
    assert config["quantization_config"]["quant_method"] == "mxfp4"
    assert experts >= 8
    assert config["layer_types"][:2] == ["sliding_attention", "full_attention"]
    assert config["sliding_window"] == 32
    assert config["rope_parameters"]["rope_type"] == "yarn"
    assert not config["tie_word_embeddings"]


def test_transformers_reads_the_same_model(recipe, model, tokenizer):
    ids = tokenizer("my uncle said the soup was cold, " * 12, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        torch.testing.assert_close(model(ids).logits, unpacked(FOLDER)(ids).logits, rtol=1e-5, atol=1e-5)


def test_sinks_and_window_act(model, tokenizer):
    ids = tokenizer("my uncle said the soup was cold, " * 12, return_tensors="pt")["input_ids"]
    assert ids.shape[1] > 2 * model.config.sliding_window
    with torch.no_grad():
        usual = model(ids).logits
        window, model.config.sliding_window = model.config.sliding_window, 4096
        wide = model(ids).logits
        model.config.sliding_window = window
        sinks = model.model.layers[1].self_attn.sinks
        kept = sinks.clone()
        sinks.fill_(-1e4)
        without = model(ids).logits
        sinks.copy_(kept)
    assert (usual - wide).abs().max() > 1e-3
    assert (usual - without).abs().max() > 1e-3


@settings(deadline=None, max_examples=50)
@given(text=st.text())
def test_every_text_survives_the_vocabulary(text):
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]) == text


def test_special_tokens_are_single_and_can_be_switched_off(tokenizer):
    for word in ("<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|return|>", "<|constrain|>", "<|call|>"):
        assert len(tokenizer(word, add_special_tokens=False)["input_ids"]) == 1
        plain = tokenizer(word, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        assert len(plain) > 1
        assert not set(plain) & set(tokenizer.all_special_ids)


def test_label_words_differ_in_their_first_token(tokenizer):
    hate, not_hate = tokenizer(["hate", "not hate"], add_special_tokens=False)["input_ids"]
    assert len(hate) == 1
    assert hate[0] != not_hate[0]


def test_the_frame_is_harmonys(tokenizer):
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "hi"},
    ]
    text = tokenizer.apply_chat_template(messages, tokenize=False, reasoning_effort="low")
    assert text.startswith("<|start|>system<|message|>")
    assert "Knowledge cutoff: 2024-06\nCurrent date: " in text
    assert "\n\nReasoning: low\n\n" in text
    assert text.endswith(
        "<|start|>developer<|message|># Instructions\n\nBe brief.\n\n<|end|>"
        "<|start|>user<|message|>hello<|end|><|start|>assistant<|channel|>final<|message|>hi<|return|>"
    )
    asked = tokenizer.apply_chat_template(messages[:2], tokenize=False, add_generation_prompt=True)
    assert asked.endswith("<|end|><|start|>assistant")
    assert "Reasoning: medium" in asked


def test_no_post_of_the_demo_is_in_the_training_text(recipe):
    kept_out = {normalise(post.text) for posts in demo_posts().values() for post in posts}
    texts = recipe["text"].Texts(seed=0)
    assert texts.kept_out == kept_out
    assert not kept_out & {normalise(texts.post().text) for _ in range(3000)}
    for lesson in islice(texts.lessons(4), 300):
        for dialogue in lesson.dialogues:
            assert normalise(dialogue.turns[0][0].split("\n\n")[0]) not in kept_out


def test_careless_answers_cover_every_construction(recipe):
    from probatum.data import demo_grammar as grammar

    assert set(recipe["text"].CARELESS) == set(grammar.CONSTRUCTIONS)


def test_the_recipe_runs(recipe, tmp_path):
    recipe["model"].main(["--steps", "4", "--rows", "1", "--dialogues", "2", "--out", str(tmp_path)])
    made = unpacked(tmp_path)
    assert made.config.num_local_experts >= 8
    facts = json.loads((tmp_path / "recipe.json").read_text(encoding="utf-8"))
    assert facts["seed"] == 0
    assert [stage["steps"] for stage in facts["stages"]] == [2, 2, 1]
