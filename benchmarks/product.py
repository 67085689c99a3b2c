"""Measure the product by the calls that `probatum run` makes, and whole runs by its command line.

python -m benchmarks.product rates --checkpoint FOLDER --posts FOLDER --work FOLDER --out FILE.json
python -m benchmarks.product study|scale|growth ...
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import torch
import yaml

from benchmarks import limits
from benchmarks.card import MemoryWatch, hardware, visible
from benchmarks.clock import say, timed
from benchmarks.profiled import Profiler, profile
from probatum import pipeline
from probatum.artifacts import write_json_atomic
from probatum.data.records import Post
from probatum.manifest import RunFolder
from probatum.scoring.likelihood import score_likelihood
from probatum.stages import Bench, training_examples
from probatum.study import Study
from probatum.training.callbacks import TrainingProgress
from probatum.training.loop import train

PASSES = 3
WARM_UP_STEPS, STEPS, QUICK_STEPS = 40, 120, 10
SCALE_BATCH = 64
VALIDATION_POSTS = 64  # the whole study measures validation; here it only has to be there
JUDGED = (0, 1, 3)  # exit codes of a run that came to a verdict


def quietly(_: Any) -> None:
    """Report to nobody."""


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
    if given.memory_limit_gb:
        own["model.memory_limit"] = f"{given.memory_limit_gb:g}GB"
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
        torch.cuda.reset_peak_memory_stats()
    with MemoryWatch(device) as memory:
        bench = open_bench(given)
        part.add(load_s=timed(lambda: bench.base(quietly), device))
        say(f"loaded in {part.found['load_s']:.1f} s")
        if "score" in given.only:
            part.add(score=measure_scoring(bench, device, profiled=given.profile))
        if "train" in given.only:
            part.add(train=measure_training(bench, given))
        predicted = {"scoring_gb": bench.plan.scoring / 1e9, "training_gb": bench.plan.training / 1e9}
        part.add(memory=memory.figures() | {"limit_gb": given.memory_limit_gb, "predicted": predicted})
    say("memory:", part.found["memory"])
    part.add(complete=True)


def measure_scoring(bench: Bench, device: torch.device, *, profiled: bool) -> dict[str, Any]:
    """Time `score_likelihood` over all posts: the first, cold pass and the best of three after it."""
    posts = bench.posts("test")
    renderer = bench.renderer
    work = lambda: score_likelihood(bench.base(quietly), renderer, posts, bench.planned.scoring, quietly)
    cold_s = timed(work, device)
    say(f"cold scoring pass: {cold_s:.2f} s")
    passes_s = [timed(work, device) for _ in range(PASSES)]
    say(f"scored {len(posts)} posts in {', '.join(f'{seconds:.3f}' for seconds in passes_s)} s")
    facts = {"posts": len(posts), "cold_s": cold_s, "passes_s": passes_s, "best_s": min(passes_s)}
    return facts | ({"profile": profile(work, device)} if profiled else {})


def measure_training(bench: Bench, given: argparse.Namespace) -> dict[str, Any]:
    """Run the training loop for some steps and take the pace of its later ones from its own log."""
    warm_up, steps = (QUICK_STEPS, QUICK_STEPS) if given.quick else (WARM_UP_STEPS, STEPS)
    profiler = Profiler(warm_up + steps, torch.device(given.device)) if given.profile else None
    batch = bench.planned.training.batch_size
    pace = training_pace(bench, bench.folder.training, batch, warm_up=warm_up, steps=steps, report=profiler or quietly)
    return pace | ({"profile": profiler.found} if profiler else {})


def training_pace(
    bench: Bench, folder: Path, batch: int, *, warm_up: int, steps: int, report: Callable[[TrainingProgress], None]
) -> dict[str, Any]:
    """Train into a folder; returns what `pace_of` does, and the seconds of all of it."""
    last = warm_up + steps
    examples, _ = training_examples(bench)
    examples = replace(examples, validation=examples.validation[:VALIDATION_POSTS])
    planned = {"batch_size": batch, "micro_batch_size": batch, "max_steps": last + 2, "eval_steps": last + 2}
    settings = bench.planned.training.model_copy(update=planned)
    whole_s = timed(lambda: train(bench.base(quietly), examples, settings, folder, report), bench.base(quietly).device)
    pace = pace_of(folder, batch, warm_up, last)
    say(f"batch {batch}: {pace['rate']:.1f} posts/s (mean {pace['mean_rate']:.1f}); {whole_s:.1f} s with warm-up")
    return pace | {"whole_s": whole_s}


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


def measure_growth(given: argparse.Namespace) -> None:
    """Measure how time grows with the number of posts, with their length and with the batch."""
    part, device = Part(given.out), torch.device(given.device)
    part.add(hardware=hardware())
    bench = open_bench(given)
    posts = bench.posts("test")
    counts = (8, 16) if given.quick else (64, 128, 256, 512, len(posts))
    part.add(posts=[grown(bench, posts[:count], device) for count in counts])
    some = posts[: counts[0] if given.quick else 256]
    repeats = (1, 4) if given.quick else (1, 2, 4, 8)
    longer = [[replace(post, text=" ".join([post.text] * times)) for post in some] for times in repeats]
    part.add(lengths=[grown(bench, these, device) for these in longer])
    warm_up, steps = (QUICK_STEPS, QUICK_STEPS) if given.quick else (WARM_UP_STEPS, STEPS // 2)
    batches: list[dict[str, Any]] = []
    for batch in (2, 4) if given.quick else (4, 8, 16, 32, 64):
        folder = bench.folder.path / f"batch-{batch}"
        batches.append(training_pace(bench, folder, batch, warm_up=warm_up, steps=steps, report=quietly))
        part.add(batches=batches)
    part.add(complete=True)


def grown(bench: Bench, posts: Sequence[Post], device: torch.device) -> dict[str, Any]:
    """Time scoring of some posts, the better of two passes after one that warms up."""
    renderer = bench.renderer
    work = lambda: score_likelihood(bench.base(quietly), renderer, posts, bench.planned.scoring, quietly)
    tokens = sum(len(shown.post_ids) for shown in renderer.render_many([post.text for post in posts]))
    work()
    seconds = min(timed(work, device) for _ in range(2))
    say(f"{len(posts)} posts of {tokens / len(posts):.0f} tokens: {seconds:.3f} s")
    return {"posts": len(posts), "tokens_per_post": tokens / len(posts), "seconds": seconds}


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
        _, folder = _probatum("train", given, study, f"scale-{gpus}", gpus)
        rates[str(gpus)] = pace_of(folder / "training", SCALE_BATCH, warm_up, last)["rate"]
        say(f"{gpus} GPUs: {rates[str(gpus)]:.1f} posts/s")
        part.add(rates=rates, gpus=given.gpus, hardware=hardware())
    part.add(machine=limits.measure(torch.device(given.device)).to_json(), complete=True)


def _probatum(verb: str, given: argparse.Namespace, study: Study, name: str, gpus: int = 1) -> tuple[float, Path]:
    """Run a verb of the command line in a fresh folder, on so many GPUs; returns its seconds and the run folder.

    Raises:
        SystemExit: it came to no verdict.
    """
    folder = given.work / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "study.yaml").write_text(study.to_yaml(), encoding="utf-8")
    flags = ["--memory-limit", f"{given.memory_limit_gb:g}GB"] if given.memory_limit_gb else []
    flags += ["--gpus", str(gpus)] if gpus > 1 else []
    command = [sys.executable, "-m", "probatum", verb, str(folder / "study.yaml"), "--out", str(folder / "run")]
    began = time.perf_counter()
    done = subprocess.run([*command, *flags], env=os.environ | visible(gpus), check=False)
    seconds = time.perf_counter() - began
    if done.returncode not in JUDGED:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}")
    return seconds, folder / "run"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    work = {"rates": measure_rates, "study": measure_study, "scale": measure_scale, "growth": measure_growth}
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
