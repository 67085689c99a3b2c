"""Measure the product by the calls that `probatum run` makes, and whole runs by its command line.

python -m benchmarks.product rates --checkpoint FOLDER --posts FOLDER --work FOLDER --out FILE.json
python -m benchmarks.product study|scale ...
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import torch
import yaml

from benchmarks import limits
from benchmarks.clock import Clock, say, timed
from benchmarks.profiled import Profiler, profile
from probatum import pipeline
from probatum.artifacts import write_json_atomic
from probatum.manifest import RunFolder
from probatum.scoring.likelihood import score_likelihood
from probatum.stages import Bench, training_examples
from probatum.study import Study
from probatum.training.loop import train

PASSES = 3
WARM_UP_STEPS, STEPS, QUICK_STEPS = 40, 120, 10
SCALE_BATCH = 64
VALIDATION_POSTS = 64  # the whole study measures validation; here it only has to be there
JUDGED = (0, 1, 3)  # exit codes of a run that came to a verdict


def open_bench(given: argparse.Namespace, test: str = "scored") -> Bench:
    """Read the posts of the study, as its data stage does, into a fresh run folder."""
    study = load_study(given, {"data.test": f"data/{test}.jsonl"})
    folder = given.work / f"rates-{given.checkpoint.name}"
    shutil.rmtree(folder, ignore_errors=True)
    pipeline.run(study, folder, only=())  # the data stage alone
    return Bench(study, RunFolder(folder.resolve()))


def load_study(given: argparse.Namespace, overrides: dict[str, Any]) -> Study:
    """Return the benchmark's study with the checkpoint's folder, the device and the settings asked for."""
    own = {"model.name": str(given.checkpoint.resolve()), "model.device": given.device}
    asked = {key: yaml.safe_load(value) for key, value in (pair.split("=", 1) for pair in given.set)}
    return Study.load(given.posts / "study.yaml", own | overrides | asked)


class Part:
    """What one process measured, written after each figure."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.found: dict[str, Any] = {"complete": False}

    def add(self, **facts: Any) -> None:
        self.found |= facts
        write_json_atomic(self.out, self.found)


def measure_rates(given: argparse.Namespace) -> None:
    """Measure the machine, then scoring, then training, and the memory that both took."""
    part, device = Part(given.out), torch.device(given.device)
    part.add(machine=limits.measure(device).to_json(), hardware=hardware())
    say("machine:", {name: f"{value:.3g}" for name, value in part.found["machine"].items()})
    if device.type == "cuda":
        torch.cuda.empty_cache()
        cap_memory(given.memory_limit_gb)
        torch.cuda.reset_peak_memory_stats()
    with MemoryWatch(device) as memory:
        bench = open_bench(given)
        part.add(load_s=timed(lambda: bench.base, device))
        say(f"loaded in {part.found['load_s']:.1f} s")
        if "score" in given.only:
            part.add(score=measure_scoring(bench, device, profiled=given.profile))
        if "train" in given.only:
            part.add(train=measure_training(bench, given))
        part.add(memory=memory.figures() | {"limit_gb": given.memory_limit_gb})
    say("memory:", part.found["memory"])
    part.add(complete=True)


def measure_scoring(bench: Bench, device: torch.device, *, profiled: bool) -> dict[str, Any]:
    """Time `score_likelihood` over all posts: the first, cold pass and the best of three after it."""
    posts = bench.posts("test")
    renderer = bench.renderer
    work = lambda: score_likelihood(bench.base, renderer, posts, bench.study.scoring, lambda _: None)
    cold_s = timed(work, device)
    say(f"cold scoring pass: {cold_s:.2f} s")
    passes_s = [timed(work, device) for _ in range(PASSES)]
    say(f"scored {len(posts)} posts in {', '.join(f'{seconds:.3f}' for seconds in passes_s)} s")
    facts = {"posts": len(posts), "cold_s": cold_s, "passes_s": passes_s, "best_s": min(passes_s)}
    return facts | ({"profile": profile(work, device)} if profiled else {})


def measure_training(bench: Bench, given: argparse.Namespace) -> dict[str, Any]:
    """Run the training loop for some steps and take the pace of its later ones from its own log."""
    warm_up, steps = (QUICK_STEPS, QUICK_STEPS) if given.quick else (WARM_UP_STEPS, STEPS)
    last = warm_up + steps
    examples, _ = training_examples(bench)
    examples = replace(examples, validation=examples.validation[:VALIDATION_POSTS])
    planned = {"max_steps": last + 2, "eval_steps": last + 2}
    settings = bench.study.training.model_copy(update=planned)
    profiler = Profiler(last, torch.device(given.device)) if given.profile else None
    clock = Clock(torch.device(given.device))
    folder = bench.folder.training
    train(bench.base, examples, settings, folder, profiler or (lambda _: None))
    whole_s = clock.seconds()
    pace = pace_of(folder, settings.batch_size, warm_up, last)
    say(f"trained at {pace['rate']:.1f} posts/s (mean {pace['mean_rate']:.1f}), {whole_s:.1f} s with warm-up")
    return pace | {"whole_s": whole_s} | ({"profile": profiler.found} if profiler else {})


def pace_of(folder: Path, batch: int, warm_up: int, last: int) -> dict[str, Any]:
    """Return posts a second between the rows of a training's log, from the end of the warm-up on.

    Returns:
        `rate` is the median over the stretches between two rows, `mean_rate` that over all of them.
    """
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if "loss" in row and warm_up <= row["step"] <= last]
    stretches = [
        batch * (after["step"] - before["step"]) / (after["time"] - before["time"]) for before, after in pairwise(rows)
    ]
    seconds = rows[-1]["time"] - rows[0]["time"]
    steps = rows[-1]["step"] - rows[0]["step"]
    return {"rate": median(stretches), "mean_rate": batch * steps / seconds, "steps": steps, "batch": batch}


def cap_memory(limit_gb: float | None) -> None:
    """Let PyTorch take no more of the card than a smaller one has, this process's CUDA context included."""
    if limit_gb is None:
        return
    torch.zeros(1, device="cuda")
    free, total = torch.cuda.mem_get_info()
    context = total - free - torch.cuda.memory_reserved()
    torch.cuda.set_per_process_memory_fraction((limit_gb * 1e9 - context) / total)


class MemoryWatch(threading.Thread):
    """Lets `nvidia-smi` look at the card every second: from outside, as asking CUDA could spoil a capture."""

    COMMAND = ("nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "-i", "0")

    def __init__(self, device: torch.device) -> None:
        super().__init__(daemon=True)
        self.device, self.ended = device, threading.Event()
        self.shown_gb: float | None = None

    def __enter__(self) -> MemoryWatch:
        if self.device.type == "cuda" and shutil.which(self.COMMAND[0]):
            self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        if self.ident is not None:
            self.join()

    def run(self) -> None:
        while not self.ended.wait(1.0):
            shown = subprocess.run(self.COMMAND, capture_output=True, text=True, check=False).stdout.strip()
            if shown.isdigit():
                self.shown_gb = max(self.shown_gb or 0.0, int(shown) * 2**20 / 1e9)

    def figures(self) -> dict[str, float | None]:
        """Return the peaks so far in GB: PyTorch's reserved memory with the CUDA context, and what the card showed."""
        if self.device.type != "cuda":
            return {"peak_gb": peak_host_gb(), "shown_gb": None}
        free, total = torch.cuda.mem_get_info(self.device)
        context = total - free - torch.cuda.memory_reserved(self.device)
        peak = torch.cuda.max_memory_reserved(self.device) + context
        return {"peak_gb": peak / 1e9, "shown_gb": self.shown_gb, "context_gb": context / 1e9}


def peak_host_gb() -> float:
    """Return the most main memory that this process has held."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def hardware() -> str:
    """Name the GPUs, or the lack of any, and the processor's cores."""
    cores = f"{len(os.sched_getaffinity(0))} CPU cores"
    if not torch.cuda.is_available():
        return f"no GPU, {cores}"
    memory = torch.cuda.mem_get_info()[1] / 2**30
    return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()} ({memory:.0f} GiB), {cores}"


def measure_study(given: argparse.Namespace) -> None:
    """Time `probatum run` on the whole study, from its start to its report."""
    part = Part(given.out)
    seconds, folder = _probatum("run", given, load_study(given, {}), "study")
    stages = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["stages"]
    part.add(seconds=seconds, stages_s={name: stage["seconds"] for name, stage in stages.items()}, complete=True)
    say(f"whole study in {seconds:.1f} s:", part.found["stages_s"])


def measure_scale(given: argparse.Namespace) -> None:
    """Time training on one GPU and on several, at the same batch, by `probatum train`."""
    part = Part(given.out)
    warm_up, steps = (QUICK_STEPS, QUICK_STEPS) if given.quick else (WARM_UP_STEPS // 2, STEPS // 2)
    last = warm_up + steps
    rates = {}
    for gpus in sorted({1, given.gpus}):
        micro = SCALE_BATCH // gpus
        planned = {"batch_size": SCALE_BATCH, "micro_batch_size": micro, "max_steps": last, "eval_steps": last}
        study = load_study(given, {f"training.{name}": value for name, value in planned.items()})
        _, folder = _probatum("train", given, study, f"scale-{gpus}", ["--gpus", str(gpus)] if gpus > 1 else [])
        rates[str(gpus)] = pace_of(folder / "training", SCALE_BATCH, warm_up, last)["rate"]
        say(f"{gpus} GPUs: {rates[str(gpus)]:.1f} posts/s")
        part.add(rates=rates, gpus=given.gpus, hardware=hardware())
    part.add(complete=True)


def _probatum(
    verb: str, given: argparse.Namespace, study: Study, name: str, flags: Sequence[str] = ()
) -> tuple[float, Path]:
    """Run a verb of the command line in a fresh folder; returns its seconds and the run folder.

    Raises:
        SystemExit: it came to no verdict.
    """
    folder = given.work / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "study.yaml").write_text(study.to_yaml(), encoding="utf-8")
    limit = ["--memory-limit", f"{given.memory_limit_gb:g}GB"] if given.memory_limit_gb else []
    command = [sys.executable, "-m", "probatum", verb, str(folder / "study.yaml"), "--out", str(folder / "run")]
    began = time.perf_counter()
    done = subprocess.run([*command, *flags, *limit], check=False)
    seconds = time.perf_counter() - began
    if done.returncode not in JUDGED:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
    return seconds, folder / "run"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    work = {"rates": measure_rates, "study": measure_study, "scale": measure_scale}
    parser.add_argument("what", choices=work)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--posts", type=Path, required=True, help="the folder that benchmarks.posts wrote")
    parser.add_argument("--work", type=Path, required=True, help="gets the run folders")
    parser.add_argument("--out", type=Path, required=True, help="a JSON file")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--only", nargs="+", default=["score", "train"], choices=["score", "train"])
    parser.add_argument("--memory-limit-gb", type=float, help="hold within so many GB (10^9 bytes)")
    parser.add_argument("--gpus", type=int, default=1, help="for scale: how many GPUs against one")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="settings of the study")
    parser.add_argument("--profile", action="store_true", help="profile a scoring pass and a training step too")
    parser.add_argument("--quick", action="store_true", help="a few steps, to see that everything runs")
    given = parser.parse_args(arguments)
    work[given.what](given)


if __name__ == "__main__":
    main()
