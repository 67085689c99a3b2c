"""The attention kernel on a GPU, against the definition in float64."""

import pytest
import torch
from tests.model.kernels.attention_cases import Case, errors

pytestmark = pytest.mark.gpu
SHAPES = {
    "gpt-oss, full": Case(104, 12, 64, 8, 64, sinks=True),
    "gpt-oss, sliding": Case(150, 12, 64, 8, 64, window=128, sinks=True, answers=2),
    "Phi and Llama": Case(90, 12, 32, 8, 128),
    "no prefix": Case(0, 9, 8, 8, 96),
}


@pytest.mark.parametrize("case", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize(("dtype", "bound"), [(torch.bfloat16, 1e-2), (torch.float32, 1e-5)])
def test_output_and_gradients(case, dtype, bound):
    from dataclasses import replace

    assert max(errors(replace(case, dtype=dtype), "cuda")) < bound
