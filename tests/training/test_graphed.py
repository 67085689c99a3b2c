"""A step whose capture fails goes on without one, and computes the same."""

import pytest
import torch
from tests.model.test_packing import model, random_suffixes  # noqa: F401  # the fixture
from tests.training.mixed_lengths import check_mixed_lengths
from torch.nn import functional as F

from probatum.model import fast
from probatum.model.masks import model_inputs
from probatum.model.packing import Suffix, pack_row
from probatum.training.examples import supervised
from probatum.training.graphed import GraphedStep

pytest.importorskip("triton", reason="triton is not installed (pip install triton)")
if torch.cuda.is_available():
    pytest.skip("a GPU captures", allow_module_level=True)


def test_gradients_and_loss_are_those_of_the_model_itself(model, monkeypatch):  # noqa: F811
    if model.config.model_type == "gemma2":
        pytest.skip("its scores are capped, which the kernel does not do")
    monkeypatch.setattr(fast, "fits", lambda *_: True)
    weight = model.model.layers[0].self_attn.q_proj.weight
    model.requires_grad_(False)
    weight.requires_grad_(True)
    row = pack_row([5, 6, 7], [Suffix(s.tokens, [s.answers[0]]) for s in random_suffixes(seed=3)])
    labels = supervised(row)
    expected = F.cross_entropy(model(**model_inputs(row, model.config, torch.float32)).logits[0], labels)
    (wanted,) = torch.autograd.grad(expected, weight)
    before = torch.get_rng_state()
    with fast.fast_rows(model):
        step = GraphedStep(model, len(labels))
        monkeypatch.setattr(step, "_capture", draw_and_fail)
        losses = [step(row, labels, len(labels)) for _ in range(2)]
    assert step.refused == "operation not permitted when stream is capturing"
    assert torch.equal(torch.get_rng_state(), before)
    torch.testing.assert_close(losses[0], expected.detach(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(weight.grad / 2, wanted, rtol=1e-3, atol=1e-5)
    model.requires_grad_(True)
    weight.grad = None


@pytest.mark.parametrize("model", ["gpt_oss"], indirect=True)  # what a step keeps of a length is no family's own
def test_rows_of_two_lengths_in_turn_are_each_its_own(model, monkeypatch):  # noqa: F811
    monkeypatch.setattr(fast, "fits", lambda *_: True)
    monkeypatch.setattr(GraphedStep, "_capture", draw_and_fail)
    weight = model.model.layers[0].self_attn.q_proj.weight
    model.requires_grad_(False)
    weight.requires_grad_(True)
    posts = [Suffix(s.tokens, [s.answers[0]]) for s in random_suffixes(seed=3)]
    rows = [pack_row(range(5, 5 + prefix), posts) for prefix in (3, 80)]
    try:
        with fast.fast_rows(model):
            check_mixed_lengths(lambda most: GraphedStep(model, most), [weight], rows, off=1e-4)
    finally:
        model.requires_grad_(True)
        weight.grad = None


def draw_and_fail(*_):
    torch.rand(3)
    raise RuntimeError("operation not permitted when stream is capturing\nmore")
