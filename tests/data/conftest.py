"""Labels, and files written on the spot."""

import json

import pytest

from probatum.data.labels import LabelSet


@pytest.fixture(scope="session")
def labels() -> LabelSet:
    return LabelSet("hate", {"hate": "hate", "not_hate": "not hate"}, {"not_hate": ["normal"]})


@pytest.fixture
def write(tmp_path):
    """Write rows as JSON lines, or a text or bytes as they are; returns the path."""

    def write_file(content, name="posts.jsonl"):
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_bytes(content.encode("utf-8", "surrogatepass"))
        else:
            path.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
        return path

    return write_file
