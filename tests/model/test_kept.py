"""The last layer at kept positions alone against the whole model, for every family."""

import torch
from tests.model.test_packing import model, random_suffixes  # noqa: F401  # the fixture

from probatum.model.kept import only_kept
from probatum.model.masks import model_inputs
from probatum.model.packing import pack_row


def test_logits_and_gradients_are_the_same(model):  # noqa: F811
    row = pack_row([5, 6, 7], random_suffixes(seed=4))
    inputs = model_inputs(row, model.config.get_text_config(), torch.float32)
    weight = model.model.layers[0].self_attn.q_proj.weight
    whole = model(**inputs).logits
    with only_kept(model, row.keep_K, len(row.input_ids_T)):
        kept = model(**inputs).logits
    torch.testing.assert_close(kept, whole, rtol=1e-5, atol=1e-5)
    grads = [torch.autograd.grad(logits.square().mean(), weight)[0] for logits in (kept, whole)]
    assert grads[1].abs().max() > 1e-4
    torch.testing.assert_close(*grads, rtol=1e-4, atol=1e-5)


def test_nothing_stays_behind(model):  # noqa: F811
    with only_kept(model, torch.tensor([1]), 3):
        pass
    mlp = model.model.layers[-1].mlp
    assert not mlp._forward_hooks and not mlp._forward_pre_hooks
    assert not hasattr(mlp, "probatum_kept")
