"""Check and measure the kernels for experts: every cut of the fused products beside dequantise and grouped_mm.

python benchmarks/kernels.py OUT.json
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import sys
from functools import partial
from pathlib import Path

import torch
from torch.nn import functional as F
from triton.testing import do_bench

from probatum.model.kernels import experts as kernel_experts  # noqa: F401  # registers the operator
from probatum.model.kernels import grouped, rows
from probatum.model.kernels.dequantise import dequantise
from probatum.model.kernels.grouped import Tile
from probatum.model.mxfp4 import layout

HIDDEN, GATE_UP, CHOSEN = 2880, 5760, 4
CASES = [(128, 360), (128, 1100), (128, 2300), (32, 360), (32, 1100)]
OUTPUTS = {"forward": (64, 128), "backward": (32, 64)}


def row_tiles(mean_rows: float) -> tuple[int, ...]:
    return (16, 32) if mean_rows <= 16 else (32, 64) if mean_rows <= 64 else (64, 128)


def cuts(direction: str, mean_rows: float) -> list[Tile]:
    tiles = []
    for num_rows, outputs, words, swap in itertools.product(
        row_tiles(mean_rows), OUTPUTS[direction], (32, 64), (True, False)
    ):
        depths = ((4, 3), (4, 5)) if num_rows <= 32 else ((4, 3), (8, 3))
        tiles += [Tile(num_rows, outputs, words, swap, warps, stages) for warps, stages in depths]
    return tiles


def random_layer(num_experts: int, outputs: int = GATE_UP, inputs: int = HIDDEN) -> tuple[torch.Tensor, torch.Tensor]:
    shape = (num_experts, outputs, inputs // 32)
    blocks = torch.randint(0, 256, (*shape, 16), dtype=torch.uint8, device="cuda")
    return blocks, torch.randint(118, 124, shape, dtype=torch.uint8, device="cuda")


def routing(num_experts: int, tokens: int) -> torch.Tensor:
    logits = torch.randn(tokens, num_experts, device="cuda")
    return logits.topk(CHOSEN).indices


def planes(x: torch.Tensor) -> torch.Tensor:
    return x.view(len(x), -1, 4).transpose(1, 2).reshape(x.shape).contiguous()


def unplanes(x: torch.Tensor) -> torch.Tensor:
    return x.view(len(x), 4, -1).transpose(1, 2).reshape(x.shape)


def error(ours: torch.Tensor, reference: torch.Tensor) -> float:
    return ((ours.float() - reference.float()).norm() / reference.float().norm()).item()


def compile_some(work: list[tuple[str, int, Tile]]) -> None:
    """Fill the compiler's cache."""
    torch.cuda.init()
    for direction, num_experts, tile in work:
        x = torch.randn(2, HIDDEN if direction == "forward" else GATE_UP, device="cuda", dtype=torch.bfloat16)
        blocks, scales = (
            torch.empty((num_experts, GATE_UP, HIDDEN // 32, *end), dtype=torch.uint8, device="cuda")
            for end in ((16,), ())
        )
        ends = torch.zeros(num_experts, dtype=torch.int32, device="cuda")
        try:
            getattr(grouped, direction)(x, blocks, scales, ends, tile)
        except Exception as problem:
            print("does not run:", direction, tile, str(problem)[:100], flush=True)


def check_dequantise() -> None:
    blocks = torch.randint(0, 256, (255, 64, 3, 16), dtype=torch.uint8, device="cuda")
    scales = torch.arange(255, dtype=torch.uint8, device="cuda")[:, None, None].expand(255, 64, 3).contiguous()
    ours, theirs = dequantise(blocks, scales), layout.dequantise(blocks.cpu(), scales.cpu(), torch.bfloat16)
    same = torch.equal(ours.cpu().view(torch.int16), theirs.view(torch.int16))
    close = torch.equal(ours.cpu()[3:], theirs[3:])
    print(f"dequantise: bit-equal for all scale bytes 0..254: {same}; for 3..254: {close}")
    if not same:
        from transformers.integrations.mxfp4 import convert_moe_packed_tensors

        hub = convert_moe_packed_tensors(blocks, scales, dtype=torch.bfloat16).transpose(1, 2)
        print("  against transformers on the GPU:", torch.equal(ours, hub), torch.equal(ours[3:], hub[3:]))


def measure(direction: str, num_experts: int, tokens: int) -> dict:
    blocks, scales = random_layer(num_experts)
    _, _, _, ends = rows.sort(routing(num_experts, tokens), num_experts)
    num_rows, forward = tokens * CHOSEN, direction == "forward"
    x = torch.randn(num_rows, HIDDEN if forward else GATE_UP, device="cuda", dtype=torch.bfloat16)
    weight = dequantise(blocks, scales)
    seen = weight.transpose(-2, -1) if forward else weight
    expected = F.grouped_mm(x, seen, offs=ends)
    flops, num_bytes = 2 * num_rows * HIDDEN * GATE_UP, blocks.numel() + scales.numel()
    row = {
        "direction": direction,
        "experts": num_experts,
        "tokens": tokens,
        "limit_ms": max(num_bytes / 4.3e12, flops / 7.88e14) * 1e3,
        "grouped_mm_ms": do_bench(lambda: F.grouped_mm(x, seen, offs=ends), warmup=10, rep=40, return_mode="median"),
        "dequantise_ms": do_bench(lambda: dequantise(blocks, scales, weight), warmup=10, rep=40, return_mode="median"),
    }
    given = planes(x) if forward else x
    results = []
    for tile in cuts(direction, num_rows / num_experts):
        product = getattr(grouped, direction)
        try:
            y = product(given, blocks, scales, ends, tile)
            y.fill_(float("nan"))
            y = product(given, blocks, scales, ends, tile)
            wrong = error(y if forward else unplanes(y), expected)
            if not wrong < 1e-2:
                print("wrong:", direction, num_experts, tokens, tile, wrong, flush=True)
                continue
            ms = do_bench(partial(product, given, blocks, scales, ends, tile), warmup=3, rep=12, return_mode="median")
        except Exception as problem:
            print("fails:", direction, tile, str(problem)[:100], flush=True)
            continue
        results.append((ms, wrong, tile))
    results.sort(key=lambda r: r[0])
    row["best"] = [(round(ms, 4), wrong, str(tile)) for ms, wrong, tile in results[:6]]
    print(
        f"{direction:8s} E={num_experts:3d} tokens={tokens:5d} limit {row['limit_ms']:.3f} "
        f"grouped_mm {row['grouped_mm_ms']:.3f} + dequantise {row['dequantise_ms']:.3f}; "
        f"fused {results[0][0]:.3f}  {results[0][2]}",
        flush=True,
    )
    for ms, _, tile in results[1:4]:
        print(f"      {ms:.3f} {tile}", flush=True)
    return row


def measure_layer(num_experts: int, tokens: int) -> dict:
    """Time all of a layer's experts in a CUDA graph, forward and with backward."""
    gate_up, down = random_layer(num_experts), random_layer(num_experts, HIDDEN, HIDDEN)
    bias = lambda n: torch.randn(num_experts, n, device="cuda", dtype=torch.bfloat16)
    weights = (*gate_up, bias(GATE_UP), *down, bias(HIDDEN), 7.0, 1.702)
    hidden = torch.randn(tokens, HIDDEN, device="cuda", dtype=torch.bfloat16, requires_grad=True)
    chosen = routing(num_experts, tokens)
    mix = torch.rand(tokens, CHOSEN, device="cuda", dtype=torch.bfloat16, requires_grad=True)
    grad = torch.randn(tokens, HIDDEN, device="cuda", dtype=torch.bfloat16)

    def forward() -> torch.Tensor:
        return torch.ops.probatum.experts(hidden, chosen, mix, *weights)[0]

    def both() -> None:
        torch.autograd.grad(forward(), (hidden, mix), grad)

    def no_grad() -> None:
        with torch.no_grad():
            forward()

    times = {}
    for name, fn in (("forward", no_grad), ("forward_backward", both)):
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            for _ in range(2):
                fn()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            fn()
        times[name] = do_bench(graph.replay, warmup=10, rep=60, return_mode="median")
    print(f"layer E={num_experts} tokens={tokens}: {times}", flush=True)
    return {"experts": num_experts, "tokens": tokens} | times


def main() -> None:
    torch.manual_seed(0)
    check_dequantise()
    work = sorted(
        {(d, e, tile) for d in OUTPUTS for e, tokens in CASES for tile in cuts(d, tokens * CHOSEN / e)}, key=str
    )
    parts = [work[i::14] for i in range(14)]
    with multiprocessing.get_context("spawn").Pool(14) as pool:
        pool.map(compile_some, parts)
    print(len(work), "cuts compiled", flush=True)
    results = {"products": [measure(d, e, t) for e, t in CASES for d in OUTPUTS], "layers": []}
    Path(sys.argv[1]).write_text(json.dumps(results, indent=1))
    for num_experts in (32, 128):
        results["layers"] += [measure_layer(num_experts, tokens) for tokens in (384, 31_500)]
        torch.cuda.empty_cache()
    Path(sys.argv[1]).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
