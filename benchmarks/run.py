"""Measure jobs beside their peers and limits, keep one result a job, and print one table.

python -m benchmarks.posts .gpu/bench --unified unified_train.json --tokenizer TOKENIZER   # once, on any machine
python -m benchmarks.run                                                                   # on the GPU
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks import checkpoint, peers, product
from benchmarks.card import visible
from benchmarks.checkpoint import vocabulary_of
from benchmarks.clock import Clock, say
from benchmarks.jobs import BY_NAME, CARD_GB, JOBS, KINDS, TINY_JOBS, Given, Job, parts_of
from benchmarks.layouts import config_of
from benchmarks.posts import Prompts
from benchmarks.record import ROOT, commit_of, read_results, record, table_of
from probatum.artifacts import write_json_atomic

LARGE = "120b"  # measured within one 80 GB card
CPU = torch.device("cpu")  # this process leaves the GPU to its parts


class Benchmark:
    """Runs parts one after the other, each in a process of its own, and records what they found.

    Args:
        given: the command line.
        jobs: what is wanted.
    """

    def __init__(self, given: argparse.Namespace, jobs: list[Job]) -> None:
        self.given, self.jobs = given, jobs
        self.prompts = Prompts.read(given.posts)
        self.vocabulary = vocabulary_of(given.posts / "tokenizer")
        self.parts = given.work / "parts"
        self.parts.mkdir(parents=True, exist_ok=True)
        self.failed: list[str] = []

    def run(self, seconds_gone: Callable[[], float]) -> None:
        """Do every part that the jobs need; what fails is told and left out."""
        wanted = self._pending()
        for number, part in enumerate(wanted):
            if seconds_gone() > self.given.budget_s:
                say(f"{self.given.budget_s:g} s are over; not begun: {', '.join(wanted[number:])}; go on with --resume")
                break
            self._do(part)
            self.record()
            size = part.split("-", 1)[1]
            if not self.given.keep and not any(later.endswith(f"-{size}") for later in wanted[number + 1 :]):
                shutil.rmtree(self._checkpoint(size), ignore_errors=True)

    def _pending(self) -> list[str]:
        """Return the parts to do: with `--resume` not those that are done, nor checkpoints that no other part needs."""
        wanted = parts_of(self.jobs)
        if not self.given.resume:
            for part in wanted:
                self._found(part).unlink(missing_ok=True)
            return wanted
        found = self._read()
        measured = [part for part in wanted if not part.startswith("checkpoint")]
        open_parts = [part for part in measured if not found.get(part, {}).get("complete")]
        sizes = {part.split("-", 1)[1] for part in open_parts}
        return [part for part in wanted if part in open_parts or part in {f"checkpoint-{size}" for size in sizes}]

    def _do(self, part: str) -> None:
        kind, size = part.split("-", 1)
        say(f"--- {part}")
        took = Clock(CPU)
        if kind == "peers" and self._about(size).does_not_fit():
            write_json_atomic(self._found(part), {"complete": True})
        elif not self._launch(kind, size):
            self.failed.append(part)
        say(f"--- {part}: {took.seconds():.1f} s{', FAILED' if part in self.failed else ''}")

    def _launch(self, kind: str, size: str) -> bool:
        module, arguments = self._command(kind, size)
        if self.given.here:
            try:
                module.main(arguments)
            except (Exception, SystemExit):
                traceback.print_exc()
                return False
            return True
        command = [sys.executable, "-m", module.__name__, *arguments]
        gpus = self.given.gpus if kind == "scale" else 1
        return subprocess.run(command, env=os.environ | visible(gpus), check=False).returncode == 0

    def _command(self, kind: str, size: str) -> tuple[Any, list[str]]:
        given, folder, out = self.given, str(self._checkpoint(size)), str(self._found(f"{kind}-{size}"))
        if kind == "checkpoint":
            tokenizer = str(given.posts / "tokenizer")
            return checkpoint, [size, folder, "--tokenizer", tokenizer, "--device", given.device, "--out", out]
        common = ["--checkpoint", folder, "--posts", str(given.posts), "--device", given.device, "--out", out]
        common += ["--quick"] * given.quick
        if kind == "peers":
            return peers, common
        what = "rates" if kind == "product" else kind
        flags = ["--work", str(given.work / "runs"), "--gpus", str(given.gpus), "--set", *given.set]
        flags += ["--profile"] * given.profile
        if size == LARGE and given.memory_limit_gb:
            flags += ["--memory-limit-gb", str(given.memory_limit_gb)]
        if kind == "product":
            flags += ["--only", *self._wanted(size)]
        return product, [what, *common, *flags]

    def _wanted(self, size: str) -> list[str]:
        """Return what the product's part has to measure; memory wants both."""
        pieces = {KINDS[job.kind].piece for job in self.jobs if job.size == size}
        if "memory" in pieces:
            return ["score", "train"]
        return sorted(pieces & {"score", "train"}) or ["score"]

    def record(self) -> None:
        """Write the result of every job whose value is there."""
        found = self._read()
        for job in self.jobs:
            if any(found.get(part) for part in job.parts[1:]):
                record(job, self._about(job.size, found), self.given.results, self.given.commit)

    def _about(self, size: str, found: dict[str, Any] | None = None) -> Given:
        return Given(found or self._read(), self.prompts, config_of(size, self.vocabulary), size)

    def _checkpoint(self, size: str) -> Path:
        return self.given.work / "checkpoints" / size

    def _found(self, part: str) -> Path:
        return self.parts / f"{part}.json"

    def _read(self) -> dict[str, Any]:
        return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(self.parts.glob("*.json"))}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--jobs", nargs="+", metavar="JOB", choices=BY_NAME, help=f"of {', '.join(BY_NAME)} (default: the first eight)")
    add("--size", default="published", choices=["published", "tiny"], help="tiny: every kind of job on a tiny model")
    add("--posts", type=Path, default=ROOT / ".gpu" / "bench", help="the folder that benchmarks.posts wrote")
    add("--work", type=Path, default=Path(tempfile.gettempdir()) / "probatum-bench", help="for checkpoints and runs")
    add("--results", type=Path, default=ROOT / "benchmarks" / "results", help="gets one JSON file a job")
    add("--device", default="cuda", choices=["cuda", "cpu"])
    add("--gpus", type=int, default=1, help="for the scale job of so many; the others are left out")
    add("--memory-limit-gb", type=float, default=CARD_GB, help="for 120b; 0 lifts it")
    add("--budget-s", type=float, default=float("inf"), help="begin no part after so many seconds")
    add("--resume", action="store_true", help="keep parts that an earlier command with this --work finished")
    add("--keep", action="store_true", help="keep checkpoints for the next command")
    add("--set", nargs="*", default=[], metavar="KEY=VALUE", help="settings of the study")
    add("--profile", action="store_true", help="profile a scoring pass and a training step too")
    add("--commit", default=commit_of(), help="what the results say was measured (default: this working tree)")
    add("--here", action="store_true", help="no processes of their own for the parts, to find faults")
    add("--quick", action="store_true", help="a few steps of each, to see that everything runs")
    add("--table", action="store_true", help="only print the table of the results that are kept")
    given = parser.parse_args(arguments)
    clock, benchmark = Clock(CPU), None
    if not given.table:
        jobs = TINY_JOBS if given.size == "tiny" else tuple(BY_NAME[name] for name in given.jobs or ()) or JOBS
        benchmark = Benchmark(
            given, [job for job in jobs if job.kind != "scale" or job.name == f"scale-{given.gpus}gpu"]
        )
        benchmark.run(clock.seconds)
    Console(width=150).print(table_of(read_results(given.results)))
    if benchmark and benchmark.failed:
        say(f"failed: {', '.join(benchmark.failed)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
