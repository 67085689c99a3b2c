"""The peers do what they are said to: on the same weights, with the same loss; and they leave the model as it was."""

import pytest
import torch
from tests.checkpoints import TINY
from transformers import AutoTokenizer, DataCollatorForLanguageModeling, GptOssConfig, GptOssForCausalLM

from benchmarks import guide, plain
from benchmarks.checkpoint import write_checkpoint
from benchmarks.peers import load_bf16
from probatum.model.load import BUILTIN, load_model
from probatum.study import Model

ROWS = [[5, 6, 7, 8, 9], [10, 11, 12], list(range(20, 37))]
PAD = 1


@pytest.fixture
def model():
    torch.manual_seed(0)
    config = GptOssConfig(**TINY, initializer_range=0.3)
    config._attn_implementation = "eager"
    return GptOssForCausalLM(config).eval().requires_grad_(False)


def test_the_peers_run_on_the_weights_that_the_product_reads(tmp_path):
    write_checkpoint("tiny", tmp_path, BUILTIN)
    ours = load_model(Model(name=str(tmp_path), dtype="bfloat16")).model
    theirs = load_bf16(tmp_path, torch.device("cpu"))
    assert theirs.dtype == torch.bfloat16
    weight = ours.model.layers[1].mlp.experts.weight("gate_up_proj", torch.bfloat16)
    assert torch.equal(theirs.model.layers[1].mlp.experts.gate_up_proj, weight.transpose(-2, -1))
    ids = torch.arange(30)[None]
    torch.testing.assert_close(ours(ids).logits, theirs(ids).logits, rtol=0.05, atol=0.05)


def test_padded_scores_are_those_of_each_post_alone(model):
    found = plain.score(model, ROWS, words=[3, 4], pad=PAD, batch=2)
    alone = torch.stack([model(torch.tensor([row])).logits[0, -1, [3, 4]] for row in ROWS])
    torch.testing.assert_close(found, alone, rtol=1e-4, atol=1e-4)


def test_the_loss_is_that_of_the_answers_alone(model):
    part = [(row, answer) for row, answer in zip(ROWS, ([3, 2], [4, 5, 2], [3, 2]), strict=True)]
    total = 0.0
    for prompt, answer in part:
        logits = model(torch.tensor([[*prompt, *answer]])).logits[0, len(prompt) - 1 : -1]
        total += torch.nn.functional.cross_entropy(logits, torch.tensor(answer), reduction="sum")
    torch.testing.assert_close(plain.loss(model, part, PAD), total / 7, rtol=1e-4, atol=1e-4)


def test_the_guide_pads_as_its_tokenizer_and_collator_do():
    tokenizer = AutoTokenizer.from_pretrained(str(BUILTIN))
    shown = tokenizer(["hello there"], truncation=True, max_length=12, padding="max_length")
    theirs = DataCollatorForLanguageModeling(tokenizer, mlm=False)([{k: v[0] for k, v in shown.items()}])
    ids = [token for token, seen in zip(shown["input_ids"][0], shown["attention_mask"][0], strict=True) if seen]
    ours = guide.padded(ids, tokenizer.pad_token_id, 12)
    for name in ("input_ids", "attention_mask", "labels"):
        assert sorted(ours[name]) == sorted(theirs[name][0].tolist())  # whichever side is padded


@pytest.mark.parametrize("who", ["guide", "plain"])
def test_training_gives_the_model_back_as_it_was(model, who, tmp_path):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    if who == "guide":
        rate = guide.training_rate(model, ROWS * 4, tmp_path, PAD, length=24, steps=1, warm_up=1)
    else:
        rate = plain.training_rate(model, [(row, [3, 2]) for row in ROWS], PAD, batch=1, warm_up=1)
    assert rate > 0
    assert before.keys() == model.state_dict().keys()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not model.training and not any(parameter.requires_grad for parameter in model.parameters())


def test_the_guide_generates_ten_tokens_a_post(model, monkeypatch):
    lengths = []
    generate = model.generate
    monkeypatch.setattr(model, "generate", lambda **given: lengths.append(given["max_new_tokens"]) or generate(**given))
    assert guide.inference_rate(model, ROWS, PAD, warm_up=1) > 0
    assert lengths == [10, 10, 10]
