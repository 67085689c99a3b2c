"""What every test may use."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real posts and the real tokenizer; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("PROBATUM_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder} (set PROBATUM_TEST_DATA)")
    return folder
