"""Angles computed beforehand are those that the model would compute, for the row that is in the buffer."""

import torch
from tests.model.test_packing import model  # noqa: F401  # the fixture

from probatum.training.angles import Angles


def test_angles_follow_the_buffer(model):  # noqa: F811
    positions = torch.arange(9)[None]
    rotary = model.model.rotary_emb
    angles = Angles(model, positions)
    positions += 5
    angles.fill()
    expected = rotary(model.model.embed_tokens.weight, torch.arange(5, 14)[None])
    with angles.instead():
        found = rotary(None, position_ids=None)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)
    assert "forward" not in vars(rotary)


def test_a_model_without_one_rotary_module_is_left_alone():
    bare = torch.nn.Linear(2, 2)
    angles = Angles(bare, torch.arange(3)[None])
    angles.fill()
    assert angles.held is None
    with angles.instead():
        assert "forward" not in vars(bare)
