"""What a machine can move and multiply, measured; and what a job has to move and multiply, counted.

A job's limit is the larger of its bytes over the measured rate of copying and its operations over the measured rate of
bf16 products: no version of it runs faster on that machine. Counted are products with weights and attention scores that
are seen, once; not counted are norms, routing, sorting, the adapter, the optimiser and all reading of activations.

T tokens of a row · K positions whose logits are wanted
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from benchmarks.clock import Clock
from benchmarks.layouts import Config, head_dim

MXFP4_BYTES = 17 / 32  # four bits a weight, and a byte of scale for 32
GPU_COPY_BYTES, CPU_COPY_BYTES = 8 << 30, 64 << 20
GPU_PRODUCT, CPU_PRODUCT = 8192, 512
REPEATS = 10


@dataclass(frozen=True)
class Machine:
    """What was measured of a machine.

    Attributes:
        copy_bytes_s: device memory, bytes read and written a second.
        matmul_flops_s: bf16 products of random matrices, operations a second.
        upload_bytes_s: pinned host memory to the device, bytes a second.
        device_bytes: the device's memory.
    """

    copy_bytes_s: float
    matmul_flops_s: float
    upload_bytes_s: float
    device_bytes: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def measure(device: torch.device) -> Machine:
    """Measure a machine; takes a few seconds and, on a GPU, 9 GB."""
    on_gpu = device.type == "cuda"
    source = torch.empty((GPU_COPY_BYTES if on_gpu else CPU_COPY_BYTES) // 2, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copy_s = _median(lambda: target.copy_(source), device)
    host = torch.empty(len(source) // 8, dtype=torch.uint8, pin_memory=on_gpu)
    upload_s = _median(lambda: target[: len(host)].copy_(host), device)
    side = GPU_PRODUCT if on_gpu else CPU_PRODUCT
    left, right = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    matmul_s = _median(lambda: left @ right, device)
    total = torch.cuda.mem_get_info(device)[1] if on_gpu else 0
    return Machine(2 * len(source) / copy_s, 2 * side**3 / matmul_s, len(host) / upload_s, total)


def _median(work: Callable[[], Any], device: torch.device) -> float:
    times = []
    for _ in range(REPEATS + 2):
        clock = Clock(device)
        work()
        times.append(clock.seconds())
    return sorted(times[2:])[REPEATS // 2]


@dataclass(frozen=True)
class Work:
    """What a job has to do.

    Attributes:
        num_bytes: weights that must be read from the device's memory.
        flops: operations of products.
    """

    num_bytes: float
    flops: float

    def seconds(self, machine: Machine) -> float:
        """Return the least seconds that it takes."""
        return max(self.num_bytes / machine.copy_bytes_s, self.flops / machine.matmul_flops_s)


@dataclass(frozen=True)
class Layer:
    """The weights of one layer, by what reads them.

    Attributes:
        keys: parameters of the products that make keys and values.
        others: parameters of the other products of attention and of the router.
        expert: parameters of one expert, or of the whole feed-forward layer.
        num_experts: how many there are.
        num_chosen: how many a token goes through.
        expert_bytes: bytes of a parameter of an expert.
    """

    keys: int
    others: int
    expert: int
    num_experts: int
    num_chosen: int
    expert_bytes: float

    def num_bytes(self, num_tokens: float) -> float:
        """Return the bytes that are read for so many tokens, each of which draws its experts evenly."""
        drawn = 1 - (1 - self.num_chosen / self.num_experts) ** num_tokens
        return 2 * (self.keys + self.others) + drawn * self.num_experts * self.expert * self.expert_bytes


def layer_of(config: Config) -> Layer:
    hidden = config["hidden_size"]
    experts = config.get("num_local_experts", 1)
    queries = config["num_attention_heads"] * head_dim(config)
    return Layer(
        keys=2 * hidden * config["num_key_value_heads"] * head_dim(config),
        others=2 * hidden * queries + (hidden * experts if experts > 1 else 0),
        expert=3 * hidden * config["intermediate_size"],
        num_experts=experts,
        num_chosen=config.get("num_experts_per_tok", 1),
        expert_bytes=MXFP4_BYTES if "quantization_config" in config else 2,
    )


def forward(config: Config, prefix: int, suffixes: Sequence[int], num_kept: int) -> Work:
    """Count one pass over a row of posts behind a shared prefix.

    Only the kept positions need the last layer, but for its keys and values, and the head.

    Args:
        config: as published.
        prefix: tokens of the shared prefix, computed once.
        suffixes: tokens of each post's own part.
        num_kept: K.
    """
    layer, layers = layer_of(config), config["num_hidden_layers"]
    tokens = prefix + sum(suffixes)
    per_token = layer.others + layer.num_chosen * layer.expert
    head = config["hidden_size"] * config["vocab_size"]
    products = layers * tokens * layer.keys + ((layers - 1) * tokens + num_kept) * per_token + num_kept * head
    scores = config["num_attention_heads"] * head_dim(config) * _seen(config, prefix, suffixes)
    weights = layers * layer.num_bytes(tokens) + 2 * head
    return Work(weights, 2 * products + 4 * scores)


def training_step(config: Config, prefix: int, suffixes: Sequence[int], num_kept: int) -> Work:
    """Count a step that trains an adapter: the pass, and the gradient of its activations; weights are read twice.

    The gradient of the first layer's input, which nobody needs, is counted all the same: a 24th to a 36th too much.
    """
    once = forward(config, prefix, suffixes, num_kept)
    return Work(2 * once.num_bytes, 2 * once.flops)


def _seen(config: Config, prefix: int, suffixes: Sequence[int]) -> float:
    """Return how many keys the queries of a row see, over all layers but the last."""
    kinds = (config.get("layer_types") or ["full_attention"] * config["num_hidden_layers"])[:-1]
    counts = {
        kind: _seen_in_a_layer(prefix, suffixes, config["sliding_window"] if kind == "sliding_attention" else None)
        for kind in set(kinds)
    }
    return sum(counts[kind] for kind in kinds)


def _seen_in_a_layer(prefix: int, suffixes: Sequence[int], window: int | None) -> int:
    most = window or prefix + max(suffixes, default=0)
    upto = lambda length: sum(min(position + 1, most) for position in range(length))
    return upto(prefix) + sum(upto(prefix + length) - upto(prefix) for length in suffixes)
