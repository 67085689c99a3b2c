"""The run folder and its manifest: what each stage was given, what it left, and whether it is still good."""

from __future__ import annotations

import json
import os
import platform
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probatum import __version__
from probatum.artifacts import sha256_file, sha256_json, write_json_atomic
from probatum.errors import StageError

Facts = dict[str, Any]
EARLIER_S = "earlier_s"  # wall seconds of earlier sittings whose work a stage went on from
ON_VALIDATION = "_validation"  # a stage that scores validation posts is its system's name with this behind it


@dataclass(frozen=True)
class RunFolder:
    """The names of everything in a run folder.

    Attributes:
        path: the folder.
        variant: of a further training, such as another seed's, the folder below it that its own files are in.
    """

    path: Path
    variant: str = ""

    @property
    def study(self) -> Path:
        """The study as it was resolved, every default written out."""
        return self.path / "study.yaml"

    @property
    def manifest(self) -> Path:
        """Versions, hardware, and the state of every stage."""
        return self.path / "manifest.json"

    @property
    def progress(self) -> Path:
        """Where the running stage stands."""
        return self.path / "progress.json"

    @property
    def training(self) -> Path:
        """Adapter, checkpoints and logs."""
        return self.path / self.variant / "training"

    @property
    def adapter(self) -> Path:
        """The trained adapter in PEFT's format."""
        return self.training / "adapter"

    @property
    def verdict(self) -> Path:
        """The verdict for programs."""
        return self.path / "verdict.json"

    @property
    def report(self) -> Path:
        """The verdict for people."""
        return self.path / "report.md"

    @property
    def card(self) -> Path:
        """The model card."""
        return self.path / "MODEL_CARD.md"

    @property
    def page(self) -> Path:
        """The verdict for people, to look into."""
        return self.path / "report.html"

    @property
    def context(self) -> Path:
        """What ran where, how long and at what cost, as the reports show it."""
        return self.path / "context.json"

    @property
    def training_log(self) -> Path:
        """What training logged, step by step."""
        return self.training / "log.jsonl"

    @property
    def audit(self) -> Path:
        """What the audit of the posts found."""
        return self.path / "data" / "audit.json"

    @property
    def skipped(self) -> Path:
        """The records that could not be read, under `on_error: skip`."""
        return self.path / "data" / "skipped.jsonl"

    def posts(self, side: str) -> Path:
        """The posts of train, validation or test, as they were used."""
        own = self.path / self.variant / "data" / f"{side}.jsonl"
        return own if own.is_file() else self.path / "data" / f"{side}.jsonl"

    def predictions(self, system: str, side: str = "test") -> Path:
        """A system's predictions of the test posts, or of the validation posts; made from the scores at any time."""
        return self.answers(system, "predictions" if side == "test" else f"{side}_predictions")

    def scores(self, system: str, side: str = "test") -> Path:
        """A system's predictions as they were scored, before calibration and at a threshold of 0.5."""
        return self.answers(system, "scores" if side == "test" else f"{side}_scores")

    def decision(self, system: str) -> Path:
        """How a system's scores became labels: calibration, threshold, and the frontier behind it."""
        return self.answers(system, "decision").with_suffix(".json")

    def answers(self, system: str, what: str) -> Path:
        """A system's scores of further posts: `behaviour`, `swaps` and so on; only `tuned` differs between variants."""
        return self.path / (self.variant if system == "tuned" else "") / system / f"{what}.jsonl"

    def metrics(self, system: str) -> Path:
        """A system's metrics on the test posts."""
        return self.path / system / "metrics.json"


class Manifest:
    """`manifest.json`: read at the start, written at each change.

    A stage is good while its inputs' hash is the one it was done with and its outputs are still the files it left.

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.content: dict[str, Any] = {"stages": {}}
        if folder.manifest.is_file():
            try:
                self.content = json.loads(folder.manifest.read_text(encoding="utf-8"))
            except json.JSONDecodeError as error:
                raise StageError(
                    f"{folder.manifest}: not JSON ({error.msg}); move the run folder away to start afresh"
                ) from error
            if not isinstance(self.content, dict) or not isinstance(self.content.get("stages"), dict):
                raise StageError(f"{folder.manifest}: no manifest of a run; move the run folder away to start afresh")

    def describe(self, **facts: Any) -> None:
        """Record facts about the whole run: versions, hardware, the process that works on it."""
        self.content.update(
            probatum=__version__,
            process={"pid": os.getpid(), "host": socket.gethostname(), "started": time.time()},
            **facts,
        )
        self.save()

    def save(self) -> None:
        """Write the manifest, atomically."""
        write_json_atomic(self.folder.manifest, self.content)

    def stage(self, name: str) -> dict[str, Any]:
        """Return what is recorded about a stage, empty if nothing is."""
        return self.content["stages"].get(name, {})

    def is_done(self, name: str, inputs: str, outputs: Sequence[Path]) -> bool:
        """Whether a stage was done with these inputs and its outputs are unchanged."""
        record = self.stage(name)
        return (
            record.get("state") == "done"
            and record.get("inputs") == inputs
            and record.get("outputs") == self._hashes(outputs)
        )

    def do(
        self, name: str, given: Mapping[str, Any], outputs: Sequence[Path], work: Callable[[str], Facts]
    ) -> tuple[Facts, bool]:
        """Do a stage unless it is done.

        Args:
            name: the stage.
            given: everything that its outcome depends on.
            outputs: the files that it leaves.
            work: does it; told the hash of what it was given, by which it can know its own half-done work again. Where
                it went on from such work, its facts hold the wall seconds of that under `EARLIER_S`, which are counted.

        Returns:
            The stage's facts, and whether they were already there.
        """
        inputs = sha256_json(given)
        if self.is_done(name, inputs, outputs):
            return self.stage(name)["facts"], True
        record = {"state": "running", "inputs": inputs, "started": time.time()}
        self.content["stages"][name] = record
        self.save()
        began = time.monotonic()
        try:
            facts = work(inputs)
        except BaseException as error:
            stopped = isinstance(error, KeyboardInterrupt)
            record |= {"state": "stopped" if stopped else "failed", "error": f"{type(error).__name__}: {error}"}
            self.save()
            raise
        seconds = round(time.monotonic() - began + facts.get(EARLIER_S, 0.0), 3)
        record |= {"state": "done", "seconds": seconds, "outputs": self._hashes(outputs), "facts": facts}
        self.save()
        return facts, False

    def _hashes(self, outputs: Sequence[Path]) -> dict[str, str | None]:
        return {
            path.relative_to(self.folder.path).as_posix(): sha256_file(path) if path.is_file() else None
            for path in outputs
        }


def versions() -> dict[str, str]:
    """Return the versions of what the numbers depend on, without importing any of it."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version(), "probatum": __version__}
    for package in ("torch", "transformers", "peft", "accelerate", "tokenizers", "scikit-learn", "numpy", "scipy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def hardware() -> dict[str, Any]:
    """Return processor, cores, memory and GPUs; the GPUs only if PyTorch is loaded already."""
    import sys

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None
    facts: dict[str, Any] = {
        "processor": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1) if memory else None,
        "gpus": [],
    }
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        facts["gpus"] = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return facts
