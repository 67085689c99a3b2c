"""The attention kernel in Triton's interpreter on the CPU, against the definition in float64."""

import pytest
import torch
from tests.model.kernels.attention_cases import Case, errors

pytest.importorskip("triton", reason="triton is not installed (pip install triton)")
if torch.cuda.is_available():
    pytest.skip("a GPU is here: tests/gpu runs the kernels on it", allow_module_level=True)

CASES = {
    "sinks and shared key heads": Case(70, 3, 4, 2, 16, sinks=True),
    "eight heads on one key head": Case(40, 3, 8, 1, 16, sinks=True),
    "six heads on two key heads": Case(40, 2, 6, 2, 16, answers=2),
    "no prefix": Case(0, 3, 2, 2, 16),
    "window, odd head, two answers": Case(130, 4, 4, 1, 24, window=9, sinks=True, answers=2),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_output_and_gradients(case):
    assert max(errors(case, "cpu")) < 1e-5


def test_bfloat16():
    assert max(errors(Case(70, 3, 4, 2, 64, window=20, sinks=True, dtype=torch.bfloat16), "cpu")) < 1e-2


def test_shapes_that_compilers_are_told_are_true():
    from torch._subclasses.fake_tensor import FakeTensorMode

    from probatum.model.kernels.attention import attention

    with FakeTensorMode():
        q, k = torch.empty(4, 10, 16, requires_grad=True), torch.empty(2, 10, 16)
        out, lse = attention(q, k, k, None, torch.empty(7, 10, dtype=torch.int32), 0.25)
        out.sum().backward()
        assert out.shape == (10, 4, 16) and lse.shape == (4, 10) and q.grad.shape == q.shape
