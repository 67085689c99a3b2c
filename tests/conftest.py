"""What every test may use."""

import os
from pathlib import Path

import pytest

if not Path("/dev/nvidiactl").exists():
    # without a GPU Triton's interpreter runs the kernels; it has to be chosen before triton is first imported
    os.environ.setdefault("TRITON_INTERPRET", "1")

PROJECT = Path(__file__).parents[1]


def shared_data_folder() -> Path:
    """The folder with real posts: named by the environment, or beside the project."""
    return Path(os.environ.get("PROBATUM_TEST_DATA") or PROJECT.parent / "shared" / "data")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real posts and the real tokenizer; tests that need it are skipped where it is absent."""
    folder = shared_data_folder()
    if not folder.is_dir():
        pytest.skip(f"real posts are not at {folder} (PROBATUM_TEST_DATA names another folder)")
    return folder
