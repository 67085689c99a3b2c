"""Norm and rotary kernels on a GPU at full width, against their definitions in float64."""

import pytest
import torch
from tests.model.kernels.pointwise_cases import norm_errors, rotary_errors

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize(("dtype", "bound"), [(torch.bfloat16, 1e-2), (torch.float32, 1e-6)])
def test_norm(dtype, bound):
    assert max(norm_errors((1, 333, 2880), dtype, "cuda")) < bound


@pytest.mark.parametrize("doubled", [True, False])
@pytest.mark.parametrize(("dtype", "bound"), [(torch.bfloat16, 1e-2), (torch.float32, 1e-6)])
def test_rotary(dtype, bound, doubled):
    assert max(rotary_errors(64, 333, 64, dtype, "cuda", doubled)) < bound
