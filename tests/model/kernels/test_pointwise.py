"""Norm and rotary kernels in Triton's interpreter on the CPU, against their definitions in float64."""

import pytest
import torch

pytest.importorskip("triton", reason="triton is not installed (pip install triton)")
if torch.cuda.is_available():
    pytest.skip("a GPU is here: tests/gpu runs the kernels on it", allow_module_level=True)

from tests.model.kernels.pointwise_cases import norm_errors, rotary_errors


@pytest.mark.parametrize("hidden", [64, 90])
def test_norm(hidden):
    assert max(norm_errors((1, 7, hidden), torch.float32, "cpu")) < 1e-6


@pytest.mark.parametrize("doubled", [True, False])
def test_rotary(doubled):
    assert max(rotary_errors(3, 21, 24, torch.float32, "cpu", doubled)) < 1e-6
