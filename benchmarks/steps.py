"""Score posts and train an adapter on random weights of a published shape, beside the plain way on the same model.

python benchmarks/steps.py 20b|120b TOKEN_COUNTS.json OUT.json
"""

from __future__ import annotations

import json
import random
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F
from transformers import GptOssConfig, GptOssForCausalLM
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssRotaryEmbedding

from probatum.model import kernels
from probatum.model.buffers import RowBuffers, padded_length
from probatum.model.compiled import compile_layers
from probatum.model.kept import only_kept
from probatum.model.mxfp4.experts import Mxfp4Experts
from probatum.model.packing import Row, Suffix, pack_row, split_rows
from probatum.training.graphed import GraphedStep

SIZES = {"20b": (24, 32), "120b": (36, 128)}
PREFIX, TAIL, VOCABULARY = 104, 8, 201_088
POSTS, BATCH = 1009, 8
BEGAN = time.perf_counter()


def say(*words: Any) -> None:
    print(f"[{time.perf_counter() - BEGAN:5.0f} s]", *words, flush=True)


def random_model(layers: int, experts: int) -> Any:
    """Build the published layout with random weights in place on the GPU."""
    config = GptOssConfig(num_hidden_layers=layers, num_local_experts=experts)
    config._attn_implementation = "flex_attention"
    config.output_router_logits = False
    with torch.device("meta"):
        model = GptOssForCausalLM(config)
        for layer in model.model.layers:
            layer.mlp.experts = Mxfp4Experts(config)
    model = model.to(torch.bfloat16).to_empty(device="cuda")
    model.model.rotary_emb = GptOssRotaryEmbedding(config).to("cuda")
    model.config._attn_implementation = "flex_attention"
    torch.manual_seed(0)
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        with torch.no_grad():
            if tensor.dtype == torch.uint8:
                low, high = (118, 121) if name.endswith("_scales") else (0, 256)
                tensor.copy_(torch.randint(low, high, tensor.shape, dtype=torch.uint8, device="cuda"))
            elif "rotary" in name:
                continue
            elif "norm" in name:
                tensor.fill_(1.0)
            else:
                tensor.normal_(0, 0.02)
    return model.requires_grad_(False).eval()


def suffixes(counts: list[int]) -> list[Suffix]:
    draw = random.Random(0)
    word = lambda n: [draw.randrange(VOCABULARY) for _ in range(n)]
    return [Suffix(word(count + TAIL), [word(1)]) for count in counts]


def timed(run: Callable[[], Any], repeats: int) -> float:
    torch.cuda.synchronize()
    began = time.perf_counter()
    for _ in range(repeats):
        run()
    torch.cuda.synchronize()
    return (time.perf_counter() - began) / repeats


def buffers_for(row: Row, model: Any) -> RowBuffers:
    kept = -(-len(row.keep_K) // 8) * 8
    return RowBuffers(padded_length(len(row.input_ids_T)), kept, model.config.get_text_config(), torch.device("cuda"))


def scorer(model: Any, posts: list[Suffix], tokens_per_row: int) -> Callable[[], torch.Tensor]:
    groups = list(split_rows(prefix_ids(), posts, tokens_per_row))
    held: dict[tuple[int, int], RowBuffers] = {}

    @torch.no_grad()
    def run() -> torch.Tensor:
        found = []
        for group in groups:
            row = pack_row(prefix_ids(), group)
            shape = (padded_length(len(row.input_ids_T)), -(-len(row.keep_K) // 64) * 64)
            if shape not in held:
                held[shape] = RowBuffers(*shape, model.config.get_text_config(), torch.device("cuda"))
            held[shape].fill(row)
            with only_kept(model, held[shape].keep_long_K, shape[0]):
                logits_KV = model(**held[shape].inputs()).logits[0, : len(row.keep_K)]
            found.append(logits_KV.float().log_softmax(-1)[:, :2])
        return torch.cat(found)

    return run


def prefix_ids() -> list[int]:
    return list(range(1000, 1000 + PREFIX))


def profile(run: Callable[[], Any], title: str, rows: int = 24) -> list[dict]:
    run()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profiler:
        run()
        torch.cuda.synchronize()
    events = sorted(profiler.key_averages(), key=lambda e: -e.self_device_time_total)
    total = sum(e.self_device_time_total for e in events)
    say(f"profile of {title}: {total / 1e3:.2f} ms on the device, {sum(e.count for e in events)} kernels")
    table = [{"kernel": e.key[:90], "ms": e.self_device_time_total / 1e3, "count": e.count} for e in events[:rows]]
    for line in table:
        print(f"    {line['ms']:8.3f} ms {line['count']:5d}x {line['kernel']}")
    return table


def attach(model: Any, dropout: float = 0.1) -> Any:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    targets = ["q_proj", "k_proj", "v_proj", "o_proj"]
    settings = LoraConfig(r=32, lora_alpha=64, lora_dropout=dropout, target_modules=targets, task_type="CAUSAL_LM")
    return get_peft_model(model, settings)


def training_rows(posts: list[Suffix], batch: int) -> list[Row]:
    return [pack_row(prefix_ids(), posts[i : i + batch]) for i in range(0, len(posts) - batch + 1, batch)]


def labels_of(row: Row) -> torch.Tensor:
    return torch.zeros_like(row.keep_K).index_copy(0, row.target_at_N, row.target_id_N)


def check(experts: int, posts: list[Suffix]) -> None:
    """Hold the fast step to the reference step on four layers of full width."""
    model = attach(random_model(4, experts), dropout=0.0)
    model.train()
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.02)
    row = training_rows(posts, BATCH)[0]
    parameters = [p for p in model.parameters() if p.requires_grad]
    flat = lambda tensors: torch.cat([t.float().flatten() for t in tensors])

    def plain() -> tuple[float, torch.Tensor]:
        buffers = buffers_for(row, model)
        buffers.fill(row, labels_of(row))
        logits = model(**buffers.inputs()).logits[0, :BATCH].float()
        loss = F.cross_entropy(logits, buffers.labels_K[:BATCH].long(), reduction="mean")
        return loss.item(), flat(torch.autograd.grad(loss, parameters))

    installed = kernels.installed
    kernels.installed = lambda: False
    reference = plain()
    kernels.installed = installed
    fast = plain()
    compile_layers(model)
    step = GraphedStep(model, BATCH)
    loss = step(row, labels_of(row), BATCH).item()
    graphed = flat([p.grad for p in parameters])
    distance = lambda a, b: ((a - b).norm() / b.norm()).item()
    say(
        f"check: loss reference {reference[0]:.5f}, kernels {fast[0]:.5f}, compiled and graphed {loss:.5f}; "
        f"gradient off by {distance(fast[1], reference[1]):.4f} and {distance(graphed, reference[1]):.4f}"
    )


def attempt(stage: Callable[..., Any], *arguments: Any) -> Any:
    """Run a stage; a failure is shown and the next stage goes on."""
    try:
        return stage(*arguments)
    except Exception:
        say("FAILED", stage.__name__, traceback.format_exc()[-1500:])
        return None


def stop_compiling(model: Any) -> None:
    for module in model.modules():
        module._compiled_call_impl = None


def scoring(model: Any, posts: list[Suffix], results: dict[str, Any], kind: str, lengths: tuple[int, ...]) -> None:
    for tokens in lengths:
        run = scorer(model, posts, tokens)
        run()
        say(f"first pass of {kind} scoring done")
        seconds = timed(run, 3)
        results[f"score_{kind}_{tokens}"] = POSTS / seconds
        say(f"score {kind}, rows of {tokens}: {seconds:.3f} s, {POSTS / seconds:.0f} posts/s")
    results[f"score_{kind}_profile"] = profile(run, f"scoring, {kind}", 16)


class Trainer:
    """The benchmark's own loop: clipping and a fused AdamW."""

    def __init__(self, tuned: Any) -> None:
        self.tuned = tuned
        self.parameters = [p for p in tuned.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(self.parameters, lr=1e-5, fused=True)

    def finish(self) -> None:
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0, foreach=True)
        self.optimiser.step()
        self.optimiser.zero_grad()

    def eager(self, row: Row) -> None:
        buffers = buffers_for(row, self.tuned)
        buffers.fill(row, labels_of(row))
        logits = self.tuned(**buffers.inputs()).logits[0].float()
        F.cross_entropy(logits, buffers.labels_K.long(), ignore_index=-100).backward()
        self.finish()


def training_eager(trainer: Trainer, rows: list[Row], results: dict[str, Any]) -> None:
    trainer.eager(rows[0])
    trainer.eager(rows[1])
    seconds = timed(lambda: [trainer.eager(row) for row in rows[:6]], 1) / 6
    results["train_eager"] = BATCH / seconds
    say(f"train eager: {seconds * 1e3:.1f} ms a step, {BATCH / seconds:.0f} posts/s")


def training_graphed(
    trainer: Trainer, rows: list[Row], wanted: tuple[int, ...], results: dict[str, Any], kind: str
) -> None:
    graphed = GraphedStep(trainer.tuned, BATCH)

    def step(row: Row) -> None:
        graphed(row, labels_of(row), BATCH)
        trainer.finish()

    for length in wanted:
        step(next(row for row in rows if padded_length(len(row.input_ids_T)) == length))
        say(f"captured length {length}")
    torch.cuda.reset_peak_memory_stats()
    rows = [row for row in rows if padded_length(len(row.input_ids_T)) in wanted]
    seconds = timed(lambda: [step(row) for row in rows], 2) / len(rows)
    peak = torch.cuda.max_memory_allocated() / 1e9
    results |= {f"train_{kind}": BATCH / seconds, f"train_{kind}_peak_gb": peak}
    say(f"train {kind}: {seconds * 1e3:.1f} ms a step, {BATCH / seconds:.0f} posts/s, {peak:.1f} GB")
    results[f"train_{kind}_profile"] = profile(lambda: step(rows[0]), f"a training step, {kind}", 40)


def main() -> None:
    size, counts_file, out = sys.argv[1:4]
    layers, experts = SIZES[size]
    counts = json.loads(Path(counts_file).read_text())
    random.Random(0).shuffle(counts)
    posts = suffixes(counts[:POSTS])
    results: dict[str, Any] = {"size": size, "gpu": torch.cuda.get_device_name(), "torch": torch.__version__}
    save = lambda: Path(out).write_text(json.dumps(results, indent=1))
    if size == "20b":
        attempt(check, experts, posts)
        torch.cuda.empty_cache()
    model = random_model(layers, experts)
    say(f"{size}: {torch.cuda.memory_allocated() / 1e9:.1f} GB of weights")
    attempt(scoring, model, posts, results, "eager", (16_384, 32_768))
    save()
    compile_layers(model)
    attempt(scoring, model, posts, results, "compiled", (32_768,))
    save()
    stop_compiling(model)
    torch.cuda.empty_cache()
    trainer = Trainer(attach(model).train())
    rows = training_rows(posts, BATCH)
    wanted = (384, 512) if size == "20b" else (384,)
    attempt(training_eager, trainer, rows, results)
    attempt(training_graphed, trainer, rows, wanted, results, "graphed")
    save()
    compile_layers(trainer.tuned)
    attempt(training_graphed, trainer, rows, wanted, results, "compiled_graphed")
    save()


if __name__ == "__main__":
    main()
