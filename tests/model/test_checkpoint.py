"""A checkpoint's integrity: every kind of damage is named, with the file and what to do, before a weight is read."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from probatum.errors import ModelError
from probatum.model.checkpoint import INDEX, check_checkpoint, read_shard

SHARD, OTHER = "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors"


@pytest.fixture
def copy(gpt_oss, tmp_path):
    """The gpt-oss folder, to be damaged."""
    return Path(shutil.copytree(gpt_oss, tmp_path / "copy"))


def said(folder):
    with pytest.raises(ModelError) as error:
        check_checkpoint(str(folder))
    return str(error.value)


def rewrite_index(folder, change):
    index = json.loads((folder / INDEX).read_text())
    change(index)
    (folder / INDEX).write_text(json.dumps(index))


def test_a_whole_checkpoint_has_nothing_to_note(copy):
    assert check_checkpoint(str(copy)) == []


def test_sizes_are_those_of_the_tensors(copy):
    tensors = load_file(copy / SHARD)
    assert read_shard(copy / SHARD).sizes == {name: t.numel() * t.element_size() for name, t in tensors.items()}


def test_what_is_no_folder_here_is_not_checked():
    assert check_checkpoint("openai/gpt-oss-20b") == []


def test_a_missing_shard_is_named(copy):
    (copy / SHARD).unlink()
    assert said(copy) == f"{copy}: 1 of 3 shards are missing: {SHARD}; copy or download them again"


@pytest.mark.parametrize(
    "text",
    ['{"weig', "{}", "[]", '{"weight_map": ["a"]}', '{"weight_map": {}}', '{"weight_map": {"a": "b"}, "metadata": 3}'],
)
def test_a_damaged_index_is_named(copy, text):
    (copy / INDEX).write_text(text)
    assert said(copy).startswith(f"{copy / INDEX}: no index of shards (")
    assert said(copy).endswith("; copy the checkpoint again")


@pytest.mark.parametrize("size", [0, 5, 8, 1000])
def test_a_shard_cut_off_inside_its_header(copy, size):
    (copy / SHARD).write_bytes((copy / SHARD).read_bytes()[:size])
    assert said(copy) == (
        f"{copy / SHARD}: cut off after {size:,} bytes, inside its header; copy or download that file again"
    )


def test_a_download_that_was_cut_off(copy):
    whole = (copy / OTHER).read_bytes()
    (copy / OTHER).write_bytes(whole[:-1])
    assert f"{OTHER}: cut off after {len(whole) - 1:,} of {len(whole):,} bytes" in said(copy)


def test_a_shard_with_something_behind_its_end(copy):
    whole = (copy / OTHER).read_bytes()
    (copy / OTHER).write_bytes(whole + b"more")
    assert f"{OTHER}: {len(whole) + 4:,} bytes, 4 more than its header says" in said(copy)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer, not the weights; run `git"),
        (b"<!DOCTYPE html><html>404</html>", "no safetensors file: its header would have"),
        ((2).to_bytes(8, "little") + b"{]", "its safetensors header is damaged (JSONDecodeError"),
        ((2).to_bytes(8, "little") + b"[]", "its safetensors header is damaged (AttributeError"),
        ((9).to_bytes(8, "little") + b'{"a": {}}', "its safetensors header is damaged (KeyError: 'data_offsets')"),
        (
            (2).to_bytes(8, "little") + b"\xff}",
            "its safetensors header is damaged (UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0",
        ),
    ],
)
def test_a_file_that_is_no_safetensors_file(copy, content, why):
    (copy / SHARD).write_bytes(content)
    assert said(copy).startswith(f"{copy / SHARD}: {why}")


@pytest.mark.parametrize(("there", "found"), [(True, f"it is in {OTHER}"), (False, "no shard has it")])
def test_a_tensor_that_is_not_where_the_index_says(copy, there, found):
    index = json.loads((copy / INDEX).read_text())
    name = next(name for name, shard in index["weight_map"].items() if shard == SHARD)
    tensors = load_file(copy / SHARD)
    moved = tensors.pop(name)
    save_file(tensors, copy / SHARD)
    if there:
        save_file(load_file(copy / OTHER) | {name: moved}, copy / OTHER)
    assert said(copy) == (
        f"{copy / SHARD}: does not hold {name}, which the index places there; {found}: "
        "index and shards are of different checkpoints; copy or download all of them again"
    )


def test_a_total_that_is_not_that_of_the_tensors_is_noted(copy):
    rewrite_index(copy, lambda index: index["metadata"].update(total_size=7))
    (note,) = check_checkpoint(str(copy))
    held = sum(t.numel() * t.element_size() for file in copy.glob("*.safetensors") for t in load_file(file).values())
    assert note == f"{copy / INDEX}: total_size is 7 bytes, and its tensors take {held:,}"
    rewrite_index(copy, lambda index: index.pop("metadata"))
    assert check_checkpoint(str(copy)) == []


def test_without_an_index_the_one_file_is_checked(tmp_path):
    save_file({"x": torch.zeros(3)}, tmp_path / "model.safetensors")
    (tmp_path / "adapter_model.safetensors").write_bytes(b"of no concern here")
    assert check_checkpoint(str(tmp_path)) == []
    (tmp_path / "model.safetensors").write_bytes((tmp_path / "model.safetensors").read_bytes()[:-4])
    assert "model.safetensors: cut off after" in said(tmp_path)


def test_no_safetensors_at_all(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickled")
    assert "no *.safetensors there; pickled weights are not loaded because they can run code" in said(tmp_path)
