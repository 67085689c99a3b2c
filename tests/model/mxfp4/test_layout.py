"""The MXFP4 layout against transformers and against the naive definition."""

import pytest
import torch
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

from probatum.model.mxfp4.layout import E2M1_VALUES, dequantise, quantise


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dequantise_is_bit_equal_to_transformers(dtype):
    torch.manual_seed(0)
    blocks = torch.randint(0, 256, (3, 10, 4, 16), dtype=torch.uint8)
    scales = torch.randint(100, 140, (3, 10, 4), dtype=torch.uint8)
    theirs = convert_moe_packed_tensors(blocks, scales, dtype=dtype)
    assert torch.equal(dequantise(blocks, scales, dtype).transpose(1, 2), theirs)


def test_dequantise_against_the_definition():
    blocks = torch.arange(16, dtype=torch.uint8).view(1, 1, 1, 16) * 17  # both nibbles equal
    weight = dequantise(blocks, torch.tensor([[[128]]], dtype=torch.uint8), torch.float32)
    expected = torch.tensor(E2M1_VALUES).repeat_interleave(2) * 2
    assert torch.equal(weight.flatten(), expected)


def test_quantised_weights_survive_another_round_unchanged():
    torch.manual_seed(1)
    blocks = torch.randint(0, 256, (2, 8, 3, 16), dtype=torch.uint8)
    scales = torch.randint(115, 130, (2, 8, 3), dtype=torch.uint8)
    weight = dequantise(blocks, scales, torch.float32)
    assert torch.equal(dequantise(*quantise(weight), torch.float32), weight)


def test_quantise_takes_the_nearest_value_of_its_scale():
    torch.manual_seed(2)
    weight = torch.randn(2, 4, 64)
    blocks, scales = quantise(weight)
    grid = torch.tensor(E2M1_VALUES) * torch.exp2(scales.float() - 127)[..., None, None]
    nearest = (weight.unflatten(-1, (-1, 32))[..., None] - grid).abs().amin(-1)
    assert not dequantise(blocks, scales, torch.float32).isnan().any()
    error = (dequantise(blocks, scales, torch.float32) - weight).abs().unflatten(-1, (-1, 32))
    torch.testing.assert_close(error, nearest, rtol=0, atol=1e-6)
    assert error.pow(2).mean() < 0.015


def test_zeros_stay_zero_and_odd_widths_are_refused():
    assert not dequantise(*quantise(torch.zeros(1, 2, 32)), torch.float32).any()
    with pytest.raises(ValueError, match="multiple of 32, got 33"):
        quantise(torch.zeros(1, 2, 33))
