"""Write a checkpoint with random weights in a published layout: real weights cannot be had everywhere, bytes can.

python -m benchmarks.checkpoint 20b FOLDER --tokenizer TOKENIZER
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from benchmarks.clock import say
from benchmarks.layouts import BF16, PUBLISHED, Config, Tensor, config_of, tensors_of
from probatum.artifacts import write_json_atomic

INDEX = "model.safetensors.index.json"
SHARD_BYTES = 4 << 30
CHUNK_BYTES = 128 << 20  # of host memory for each thread
THREADS = 8
SCALE_BYTES = (118, 121)  # random exponents that keep activations finite through 36 layers: weights of about 0.02
SPREAD = 0.02
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json")


def write_checkpoint(
    size: str, folder: Path, tokenizer: Path, layers: int | None = None, device: str | None = None
) -> dict[str, Any]:
    """Write config, sharded weights, index and tokenizer; a checkpoint that is whole is left as it is.

    Weights are drawn on the device a chunk at a time and go straight to their files, so host memory holds a few chunks.
    The index comes last: a folder that has it is whole.

    Args:
        size: a key of `layouts.PUBLISHED`.
        folder: where; on a disk with room for all of it.
        tokenizer: the folder whose tokenizer the checkpoint gets.
        layers: how many layers (default: as published).
        device: where to draw (default: the GPU if there is one).

    Returns:
        `bytes` written, `seconds`, and `note` on what differs from the published model.

    Raises:
        SystemExit: the disk has no room.
    """
    began = time.perf_counter()
    config = config_of(size, vocabulary_of(tokenizer), layers)
    shards = list(_shards(config))
    total = sum(tensor.num_bytes for shard in shards for tensor in shard)
    if not _is_whole(folder, config):
        folder.mkdir(parents=True, exist_ok=True)
        if total > (free := shutil.disk_usage(folder).free):
            raise SystemExit(f"{folder}: {total / 1e9:.1f} GB are to be written and {free / 1e9:.1f} GB are free there")
        for name in TOKENIZER_FILES:
            if (tokenizer / name).is_file():
                shutil.copyfile(tokenizer / name, folder / name)
        (folder / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
        _write_shards(folder, shards, torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu")))
        _write_index(folder, shards, total)
    return {"bytes": total, "seconds": time.perf_counter() - began, "note": note_on(size, config)}


def vocabulary_of(tokenizer: Path) -> int:
    """Return a tokenizer's largest id plus one."""
    from tokenizers import Tokenizer

    return max(Tokenizer.from_file(str(tokenizer / "tokenizer.json")).get_vocab().values()) + 1


def note_on(size: str, config: Config) -> str:
    """Say in what a checkpoint differs from the published one."""
    published = PUBLISHED[size]
    notes = ["random weights in the published layout"]
    if config["num_hidden_layers"] != published["num_hidden_layers"]:
        notes.append(f"{config['num_hidden_layers']} of {published['num_hidden_layers']} layers")
    if config["vocab_size"] != published["vocab_size"]:
        given = f"{config['vocab_size']:,} in place of {published['vocab_size']:,}"
        notes.append(f"gpt-oss's tokenizer and a vocabulary enlarged to hold it, {given}")
    return "; ".join(notes)


def _is_whole(folder: Path, config: Config) -> bool:
    settings = folder / "config.json"
    return (folder / INDEX).is_file() and json.loads(settings.read_text(encoding="utf-8")) == config


def _shards(config: Config) -> Iterator[list[Tensor]]:
    shard: list[Tensor] = []
    num_bytes = 0
    for tensor in tensors_of(config):
        if shard and num_bytes + tensor.num_bytes > SHARD_BYTES:
            yield shard
            shard, num_bytes = [], 0
        shard.append(tensor)
        num_bytes += tensor.num_bytes
    yield shard


def _file(number: int, shards: list[list[Tensor]]) -> str:
    return f"model-{number:05d}-of-{len(shards) - 1:05d}.safetensors"  # counted from 0, as openai's are


def _write_shards(folder: Path, shards: list[list[Tensor]], device: torch.device) -> None:
    (folder / INDEX).unlink(missing_ok=True)
    with ThreadPoolExecutor(THREADS if device.type == "cuda" else 1) as pool:
        jobs = [
            pool.submit(_write_shard, folder / _file(number, shards), shard, device, seed=number)
            for number, shard in enumerate(shards)
        ]
        for job in jobs:
            job.result()


def _write_index(folder: Path, shards: list[list[Tensor]], total: int) -> None:
    places = {tensor.name: _file(number, shards) for number, shard in enumerate(shards) for tensor in shard}
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (folder / INDEX).write_text(json.dumps(index, indent=1), encoding="utf-8")


def _write_shard(path: Path, shard: list[Tensor], device: torch.device, seed: int) -> None:
    """Write one safetensors file: eight bytes of header length, the header, the tensors end to end."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for tensor in shard:
        begin, end = end, end + tensor.num_bytes
        header[tensor.name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [begin, end]}
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    draw = torch.Generator(device).manual_seed(seed)
    buffer = torch.empty(CHUNK_BYTES, dtype=torch.uint8, pin_memory=device.type == "cuda")
    with path.open("wb", buffering=0) as file:
        _write_all(file, memoryview(len(encoded).to_bytes(8, "little") + encoded))
        for tensor in shard:
            for begin in range(0, tensor.num_bytes, CHUNK_BYTES):
                num_bytes = min(CHUNK_BYTES, tensor.num_bytes - begin)
                buffer[:num_bytes].copy_(_drawn(tensor, num_bytes, draw, device))
                _write_all(file, memoryview(buffer.numpy())[:num_bytes])


def _write_all(file: Any, data: memoryview) -> None:
    """Write every byte; a raw write may take fewer than it was given (Linux: 2 GiB at most)."""
    while data:
        data = data[file.write(data) :]


def _drawn(tensor: Tensor, num_bytes: int, draw: torch.Generator, device: torch.device) -> torch.Tensor:
    """Return the next bytes of a tensor: norms are 1, their biases 0, all else is random."""
    if tensor.dtype == BF16:
        values = torch.empty(num_bytes // 2, dtype=torch.bfloat16, device=device)
        if "norm" in tensor.name:
            values.fill_(1.0 if tensor.name.endswith("weight") else 0.0)
        else:
            values.normal_(0, SPREAD, generator=draw)
        return values.view(torch.uint8)
    low, high = SCALE_BYTES if tensor.name.endswith("_scales") else (0, 256)
    return torch.randint(low, high, (num_bytes,), dtype=torch.uint8, device=device, generator=draw)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("size", choices=PUBLISHED)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True, help="a folder with tokenizer.json")
    parser.add_argument("--layers", type=int, help="write so many layers only")
    parser.add_argument("--device", help="where to draw the weights (default: the GPU if there is one)")
    parser.add_argument("--out", type=Path, help="a JSON file that gets what was written")
    given = parser.parse_args(arguments)
    told = write_checkpoint(given.size, given.folder, given.tokenizer, given.layers, given.device)
    say(f"{given.folder}: {told['bytes'] / 1e9:.2f} GB in {told['seconds']:.1f} s; {told['note']}")
    if given.out:
        write_json_atomic(given.out, told | {"complete": True})


if __name__ == "__main__":
    main()
