"""Tests in this folder need a CUDA GPU with triton; elsewhere they are skipped with what is missing."""

from importlib.util import find_spec

import pytest
import torch


@pytest.fixture(autouse=True)
def needs_gpu():
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA GPU; PyTorch sees none")
    if find_spec("triton") is None:
        pytest.skip("triton is not installed (pip install triton)")
