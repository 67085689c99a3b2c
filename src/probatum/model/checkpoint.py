"""A checkpoint's files, held against its index and against their own headers before any weight is read.

A safetensors file is 8 bytes with the header's length N (little endian), N bytes of JSON that give each tensor's type,
shape and place, and the data. Source: the format's description in huggingface/safetensors, README.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probatum.errors import ModelError

INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
LONGEST_HEADER = 100_000_000  # what the safetensors library reads at most
LFS_POINTER = b"version https://git-lfs"
AGAIN = "copy or download that file again"


@dataclass(frozen=True)
class Shard:
    """What one file's header says.

    Attributes:
        path: the file.
        sizes: bytes of each tensor.
    """

    path: Path
    sizes: dict[str, int]


def check_checkpoint(folder: str) -> list[str]:
    """Check that a local checkpoint is whole: its headers alone are read.

    Args:
        folder: where it is; a name that is no folder here, as a hub's id, is not checked.

    Returns:
        Notes: an index whose `total_size` is not what its tensors take. Some published ones are so; nothing reads it.

    Raises:
        ModelError: the index is damaged; a shard is missing, cut off, or no safetensors file; a tensor is not in the
            shard that the index names; or there are no safetensors at all.
    """
    path = Path(folder)
    if not path.is_dir():
        return []
    if (path / INDEX).is_file() and not (path / SINGLE).is_file():  # transformers, too, takes the single file first
        return _check_against_index(path)
    files = [path / SINGLE] if (path / SINGLE).is_file() else sorted(path.glob("*.safetensors"))
    if not files:
        raise ModelError(
            f"{path}: no *.safetensors there; pickled weights are not loaded because they can run code "
            "(convert them, or take a revision that has safetensors)"
        )
    for file in files:
        read_shard(file)
    return []


def _check_against_index(folder: Path) -> list[str]:
    index = folder / INDEX
    weight_map, total_size = _read_index(index)
    names = sorted(set(weight_map.values()))
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise ModelError(
            f"{folder}: {len(missing)} of {len(names)} shards are missing: {', '.join(missing)}; "
            "copy or download them again"
        )
    shards = {name: read_shard(folder / name) for name in names}
    for tensor, name in weight_map.items():
        if tensor not in shards[name].sizes:
            where = [other for other, shard in shards.items() if tensor in shard.sizes]
            found = f"it is in {where[0]}" if where else "no shard has it"
            raise ModelError(
                f"{folder / name}: does not hold {tensor}, which the index places there; {found}: "
                "index and shards are of different checkpoints; copy or download all of them again"
            )
    held = sum(shards[name].sizes[tensor] for tensor, name in weight_map.items())
    if total_size is None or held == total_size:
        return []
    return [f"{index}: total_size is {total_size:,} bytes, and its tensors take {held:,}"]


def _read_index(index: Path) -> tuple[dict[str, str], int | None]:
    """Return the shard of each tensor, and the bytes of all of them where the index says so."""
    try:
        content = json.loads(index.read_text(encoding="utf-8"))
        weight_map = {str(tensor): str(shard) for tensor, shard in content["weight_map"].items()}
        total_size = (content.get("metadata") or {}).get("total_size")
        total_size = None if total_size is None else int(total_size)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{index}: no index of shards ({_named(error)}); copy the checkpoint again") from error
    if not weight_map:
        raise ModelError(f"{index}: no index of shards (it names none); copy the checkpoint again")
    return weight_map, total_size


def _named(error: Exception) -> str:
    """Return an error in few words; the `repr` of one in decoding holds all the bytes that it decoded."""
    return f"{type(error).__name__}: {error}"


def lfs_pointers(folder: Path) -> list[str]:
    """Return the files of a folder that a clone without Git LFS left as pointers."""
    return sorted(path.name for path in folder.iterdir() if path.is_file() and _is_pointer(path))


def _is_pointer(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(LFS_POINTER)) == LFS_POINTER


def read_shard(path: Path) -> Shard:
    """Read a safetensors file's header and hold the file's size against it.

    Raises:
        ModelError: the file is cut off, longer than it should be, or no safetensors file.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(len(LFS_POINTER))
        if start == LFS_POINTER:
            raise ModelError(f"{path}: a Git LFS pointer, not the weights; run `git lfs pull` in its folder")
        length = int.from_bytes(start[:8], "little")
        if size < 8 or (length <= LONGEST_HEADER and size < 8 + length):
            raise ModelError(f"{path}: cut off after {size:,} bytes, inside its header; {AGAIN}")
        if length > LONGEST_HEADER:
            raise ModelError(f"{path}: no safetensors file: its header would have {length:,} bytes; {AGAIN}")
        file.seek(8)
        header = file.read(length)
    sizes, end = _read_header(path, header)
    expected = 8 + length + end
    if size < expected:
        raise ModelError(f"{path}: cut off after {size:,} of {expected:,} bytes; {AGAIN}")
    if size > expected:
        raise ModelError(f"{path}: {size:,} bytes, {size - expected:,} more than its header says; {AGAIN}")
    return Shard(path, sizes)


def _read_header(path: Path, header: bytes) -> tuple[dict[str, int], int]:
    """Return the bytes of each tensor, and where the last one ends in the data."""
    try:
        entries: dict[str, Any] = json.loads(header)
        places = {name: entry["data_offsets"] for name, entry in entries.items() if name != "__metadata__"}
        sizes = {str(name): int(end) - int(begin) for name, (begin, end) in places.items()}
        return sizes, max((int(end) for _, end in places.values()), default=0)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: its safetensors header is damaged ({_named(error)}); {AGAIN}") from error
