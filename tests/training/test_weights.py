"""Weights of posts in the loss: exactly the naive weighted loss, however posts fall into rows and processes."""

import json
from dataclasses import replace

import pytest
import torch
from tests.training.small_training import SETTINGS, examples, gradients_of_a_step, ignore
from torch.nn import functional as F

from probatum.data.records import Post
from probatum.data.reweighting import post_weights
from probatum.model.buffers import RowBuffers, padded_length
from probatum.model.packing import Suffix, pack_row
from probatum.training.examples import loss_weights, supervised, weighted_loss
from probatum.training.loop import train
from probatum.training.lora import attach_adapter

WEIGHTS = [0.25, 3.0, 1.0, 0.5]


def weighted(data, weights):
    return replace(data, train=[replace(one, weight=w) for one, w in zip(data.train, weights, strict=True)])


@pytest.mark.parametrize("micro", [1, 2, 4])
def test_gradients_of_a_packed_step_are_those_of_the_naive_weighted_loss(loaded, tmp_path, micro):
    settings = SETTINGS.model_copy(
        update={"dropout": 0.0, "max_steps": 1, "gradient_checkpointing": False, "micro_batch_size": micro}
    )
    data = weighted(examples(num_train=4), WEIGHTS)
    grads = gradients_of_a_step(loaded, data, settings, tmp_path)
    model = attach_adapter(loaded, settings)
    num_tokens = sum(len(suffix.answers[0]) for suffix in data.train)
    for suffix, weight in zip(data.train, WEIGHTS, strict=True):
        ids = torch.tensor([[*data.prefix, *suffix.tokens, *suffix.answers[0]]])
        log_probs = model(ids).logits[0].log_softmax(-1)
        start = len(data.prefix) + len(suffix.tokens) - 1
        loss = -sum(log_probs[start + i, token] for i, token in enumerate(suffix.answers[0]))
        (weight * loss / num_tokens).backward()
    expected = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    assert grads.keys() == expected.keys()
    assert max(grad.abs().max() for grad in grads.values()) > 1e-3
    for name, grad in grads.items():
        torch.testing.assert_close(grad, expected[name], rtol=1e-4, atol=1e-6)


def test_a_step_of_one_post_keeps_its_weight(loaded, tmp_path):
    """Divided by the sum of weights instead, a batch of one would take every weight away."""
    settings = SETTINGS.model_copy(update={"dropout": 0.0, "max_steps": 1, "batch_size": 1, "micro_batch_size": 1})
    data = examples(num_train=1)
    light, heavy = (
        gradients_of_a_step(loaded, weighted(data, [weight]), settings, tmp_path / str(weight)) for weight in (0.5, 2.0)
    )
    for name, gradient in light.items():
        torch.testing.assert_close(4 * gradient, heavy[name], rtol=1e-4, atol=1e-6)


def test_weights_of_one_change_nothing(loaded, tmp_path):
    data = examples()
    plain = train(loaded, data, SETTINGS, tmp_path / "plain", ignore)
    ones = train(loaded, weighted(data, [1.0] * len(data.train)), SETTINGS, tmp_path / "ones", ignore)
    assert (ones.best_loss, ones.final_loss) == (plain.best_loss, plain.final_loss)


def test_validation_loss_is_not_weighted(loaded, tmp_path):
    data = examples()
    heavy = replace(data, validation=[replace(one, weight=7.0) for one in data.validation])
    settings = SETTINGS.model_copy(update={"max_steps": 1})
    a, b = (train(loaded, one, settings, tmp_path / str(at), ignore) for at, one in enumerate((data, heavy)))
    assert a.start_loss == b.start_loss


def test_weights_travel_with_the_integers_of_a_captured_step():
    suffixes = [Suffix([5, 6], [[1, 2]], 0.3), Suffix([7], [[3]], 1e-3), Suffix([8, 9], [[4, 1]], 12.5)]
    row = pack_row([1, 2, 3], suffixes)
    weights_K = loss_weights(row)
    assert sorted(set(weights_K.tolist())) == sorted(torch.tensor([0.3, 1e-3, 12.5]).tolist())

    class Config:
        model_type = "llama"

    length = padded_length(len(row.input_ids_T))
    buffers = RowBuffers(length, 8, Config(), torch.device("cpu"))
    buffers.fill(row, supervised(row), weights_K)
    assert torch.equal(buffers.weights_K[: len(weights_K)], weights_K)  # bit for bit
    assert (buffers.weights_K[len(weights_K) :] == 0).all()
    logits = torch.randn(8, 30, generator=torch.Generator().manual_seed(0))
    found = weighted_loss(logits, buffers.labels_K.long(), buffers.weights_K)
    losses = F.cross_entropy(logits[: len(weights_K)], supervised(row), reduction="none")
    torch.testing.assert_close(found, (losses * weights_K).sum())
    buffers.fill(row, supervised(row))
    assert (buffers.weights_K[: len(weights_K)] == 1).all()


def test_the_weights_of_a_study_reach_its_examples(tmp_path):
    from probatum.manifest import RunFolder
    from probatum.stages import Bench, prepare_posts, training_examples
    from probatum.study import Study

    files = {side: tmp_path / f"{side}.jsonl" for side in ("train", "validation", "test")}
    for side, path in files.items():
        rows = [
            {"id": str(n), "text": f"{side} {n}", "label": "hate" if n % 3 else "not_hate", "group": "ab"[n % 2]}
            for n in range(7)
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    study = Study(name="weighed", data=files, training={"reweighting": "group_label"}, model={"device": "cpu"})
    bench = Bench(study, RunFolder(tmp_path / "run"))
    prepare_posts(bench)
    found, _ = training_examples(bench)
    posts: list[Post] = bench.posts("train")
    assert [suffix.weight for suffix in found.train] == post_weights(posts, "group_label")
    assert len({suffix.weight for suffix in found.train}) > 2
    assert {suffix.weight for suffix in found.validation} == {1.0}
