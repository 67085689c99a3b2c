"""Triton kernels for experts in MXFP4; each has a slow, obvious twin in `model/mxfp4`, and a test that holds the two.

Importing this package needs no triton; its modules do. They compile for compute capability 8.0 and up.
"""

from __future__ import annotations

from importlib.util import find_spec


def installed() -> bool:
    """Return whether triton is there to import."""
    return find_spec("triton") is not None
