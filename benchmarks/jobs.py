"""What is measured: each job's value, limit and peers, from what the parts of a benchmark found.

A part is one process with one model; its JSON is named `KIND-SIZE`: `checkpoint`, `product`, `peers`, `scale`, `study`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks import limits
from benchmarks.layouts import Config, num_parameters
from benchmarks.limits import Machine
from benchmarks.posts import Prompts

GUIDE, PLAIN = "the guide's loop", "plain transformers + peft"
BATCH, EPOCHS, NUM_TEST = 8, 3, 545
CARD_GB = 79.0
Parts = Mapping[str, dict[str, Any]]
Figures = dict[str, float | None]


@dataclass(frozen=True)
class Job:
    """One line of the table.

    Attributes:
        name: of the job and of its result file.
        kind: how it is measured, a key of `KINDS`.
        size: the model, a key of `layouts.PUBLISHED`.
        must: the value that must be reached.
        aim: the value aimed for.
        elsewhere: peers that cannot run beside it, measured in another run.
    """

    name: str
    kind: str
    size: str
    must: float | None = None
    aim: float | None = None
    elsewhere: Mapping[str, float] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        return KINDS[self.kind].unit

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that it needs."""
        return tuple(f"{part}-{self.size}" for part in KINDS[self.kind].parts)


@dataclass(frozen=True)
class Given:
    """What a job's figures are computed from.

    Attributes:
        parts: what the parts found, by name.
        prompts: the posts in tokens.
        config: the model's.
        size: its name.
    """

    parts: Parts
    prompts: Prompts
    config: Config
    size: str

    def part(self, kind: str) -> dict[str, Any]:
        return self.parts.get(f"{kind}-{self.size}", {})

    @property
    def machine(self) -> Machine | None:
        """What was measured of the machine: in this size's part, else in another's of the same command."""
        own = self.part("product").get("machine")
        found = own or next((part["machine"] for part in self.parts.values() if "machine" in part), None)
        return Machine(**found) if found else None

    def scoring(self, num_posts: int | None = None) -> limits.Work:
        """Count scoring: every label's words but their last token is read, each kept position predicts one."""
        further = sum(len(words) - 1 for words in self.prompts.words.values())
        own = [len(post) + len(self.prompts.tail) + further for post in self.prompts.scored[:num_posts]]
        return limits.forward(self.config, len(self.prompts.prefix), own, len(own) * (1 + further))

    def training_s(self, machine: Machine) -> float:
        """Return the least seconds of an epoch at batch 8."""
        prefix, tail, total = len(self.prompts.prefix), len(self.prompts.tail), 0.0
        for begin in range(0, len(self.prompts.trained), BATCH):
            posts = self.prompts.trained[begin : begin + BATCH]
            answers = [len(self.prompts.answers[label]) for _, label in posts]
            own = [len(post) + tail + length - 1 for (post, _), length in zip(posts, answers, strict=True)]
            total += limits.training_step(self.config, prefix, own, sum(answers)).seconds(machine)
        return total

    def peers(self, job: str) -> Figures:
        """Return what the peers did, in posts a second; `None` where their weights in bf16 do not fit."""
        if self.does_not_fit():
            return {GUIDE: None, PLAIN: None}
        return dict(self.part("peers").get(job, {}))

    def does_not_fit(self) -> str | None:
        """Say why the peers cannot run at all, if so: they need the weights in bf16."""
        if not self.machine or not self.machine.device_bytes:
            return None
        needed, there = 2 * num_parameters(self.config) / 1e9, self.machine.device_bytes / 1e9
        if needed < there:
            return None
        return f"peers: the weights take {needed:.0f} GB in bf16 and the card has {there:.0f} GB"


def training_steps(prompts: Prompts) -> int:
    return EPOCHS * math.ceil(len(prompts.trained) / BATCH)


def _train_rate(given: Given) -> float | None:
    return given.part("product").get("train", {}).get("rate")


def _score_s(given: Given) -> float | None:
    return given.part("product").get("score", {}).get("best_s")


def _score_rate(given: Given) -> float | None:
    seconds = _score_s(given)
    return len(given.prompts.scored) / seconds if seconds else None


def _train_s(given: Given) -> float | None:
    rate = _train_rate(given)
    return training_steps(given.prompts) * BATCH / rate if rate else None


def _times_guide(given: Given) -> float | None:
    rate, guide = _train_rate(given), given.peers("train").get(GUIDE)
    return rate / guide if rate and guide else None


def _scale(given: Given) -> float | None:
    scale = given.part("scale")
    rates = scale.get("rates", {})
    many = rates.get(str(scale.get("gpus")))
    return many / rates["1"] if many and "1" in rates else None


def _limit_train_rate(given: Given, machine: Machine) -> float:
    return len(given.prompts.trained) / given.training_s(machine)


def _limit_times_guide(given: Given, machine: Machine) -> float | None:
    guide = given.peers("train").get(GUIDE)
    return _limit_train_rate(given, machine) / guide if guide else None


def _limit_study(given: Given, machine: Machine) -> float:
    """Weights go to the device once, the test is scored twice, three epochs are trained; the rest is free."""
    weights = given.part("checkpoint").get("bytes", 0) / machine.upload_bytes_s
    scored = given.scoring(NUM_TEST).seconds(machine)
    return weights + 2 * scored + EPOCHS * given.training_s(machine)


def _per_post(rates: Figures, count: int) -> Figures:
    return {name: count / rate if rate else None for name, rate in rates.items()}


def _over_guide(rates: Figures) -> Figures:
    guide, plain = rates.get(GUIDE), rates.get(PLAIN)
    return {PLAIN: plain / guide} if guide and plain else {}


@dataclass(frozen=True)
class Kind:
    """How jobs of a kind are measured.

    Attributes:
        unit: of value, limit and peers.
        more_is_better: whether a higher value is the better one.
        parts: the kinds of parts that it needs, the first of them for its value.
        value: the value, `None` while it is not there.
        limit: the value that no version can better on this machine.
        peers: the peers' values in the same unit.
        how_limited: how the limit was computed, in words.
        piece: what of the product's part stands behind it: `score`, `train` or `memory`.
    """

    unit: str
    more_is_better: bool
    parts: tuple[str, ...]
    value: Callable[[Given], float | None]
    limit: Callable[[Given, Machine], float | None]
    peers: Callable[[Given], Figures]
    how_limited: str
    piece: str = ""


_COUNTED = "larger of weight bytes over measured copy rate and operations over measured bf16 product rate"
_RATES = ("checkpoint", "product", "peers")
KINDS = {
    "score-rate": Kind(
        "posts/s", True, _RATES, _score_rate,
        lambda given, machine: len(given.prompts.scored) / given.scoring().seconds(machine),
        lambda given: given.peers("score"), f"one row of all posts; {_COUNTED}", "score",
    ),
    "train-rate": Kind(
        "posts/s", True, _RATES, _train_rate, _limit_train_rate,
        lambda given: given.peers("train"), f"summed over batches of {BATCH}: {_COUNTED}", "train",
    ),
    "times-guide": Kind(
        "times", True, _RATES, _times_guide, _limit_times_guide,
        lambda given: _over_guide(given.peers("train")), "the limit of the rate over the guide's measured rate",
        "train",
    ),
    "score-s": Kind(
        "s", False, _RATES, _score_s, lambda given, machine: given.scoring().seconds(machine),
        lambda given: _per_post(given.peers("score"), len(given.prompts.scored)), f"one row of all posts; {_COUNTED}",
        "score",
    ),
    "train-s": Kind(
        "s", False, _RATES, _train_s, lambda given, machine: EPOCHS * given.training_s(machine),
        lambda given: _per_post(given.peers("train"), training_steps(given.prompts) * BATCH),
        f"summed over batches of {BATCH} and {EPOCHS} epochs: {_COUNTED}", "train",
    ),
    "memory-gb": Kind(
        "GB", False, ("checkpoint", "product"), lambda given: given.part("product").get("memory", {}).get("peak_gb"),
        lambda given, machine: CARD_GB, lambda given: {"bf16 weights alone": 2 * num_parameters(given.config) / 1e9},
        "what one 80 GB card leaves to a process", "memory",
    ),
    "scale": Kind(
        "times", True, ("checkpoint", "scale"), _scale, lambda given, machine: given.part("scale").get("gpus"),
        lambda given: {}, "the number of GPUs",
    ),
    "study-s": Kind(
        "s", False, ("checkpoint", "product", "study"), lambda given: given.part("study").get("seconds"),
        _limit_study, lambda given: {},
        f"weights over measured upload rate, then scoring twice and training: {_COUNTED}",
    ),
}  # fmt: skip
VLLM, PROTOTYPE, CLAIMED = "vLLM 0.24, another run", "prototype, another run", "the guide's claim, another machine"
JOBS = (
    Job("score-20b", "score-rate", "20b", 2500, 4000, {PROTOTYPE: 1012, VLLM: 1543}),
    Job("train-20b-b8", "train-rate", "20b", 200, 300, {PROTOTYPE: 37}),
    Job("train-20b-times-guide", "times-guide", "20b", 18, 26, {PROTOTYPE: 3.3}),
    Job("score-120b-1009-s", "score-s", "120b", 0.75, 0.5, {PROTOTYPE: 1.47, VLLM: 0.956}),
    Job("train-120b-b8-s", "train-s", "120b", 150, 90, {PROTOTYPE: 456}),
    Job("memory-120b-gb", "memory-gb", "120b", CARD_GB, CARD_GB, {PROTOTYPE: 75}),
    Job("study-120b-s", "study-s", "120b", 360, 180, {CLAIMED: 4 * 3600}),
    Job("scale-4gpu", "scale", "20b", 3.4, 3.8),
)
MORE_JOBS = (
    Job("scale-2gpu", "scale", "20b"),
    Job("score-phi", "score-rate", "phi"),
    Job("train-phi-b8", "train-rate", "phi"),
    Job("score-llama-8b", "score-rate", "llama-8b"),
    Job("train-llama-8b-b8", "train-rate", "llama-8b"),
)
TINY_JOBS = tuple(Job(f"{kind}-tiny", kind, "tiny") for kind in KINDS if kind != "scale")
BY_NAME = {job.name: job for job in (*JOBS, *MORE_JOBS, *TINY_JOBS)}


def parts_of(jobs: Iterable[Job]) -> list[str]:
    """Return the parts that jobs need, each once, one model after the other."""
    wanted = list(dict.fromkeys(part for job in jobs for part in job.parts))
    sizes = list(dict.fromkeys(part.split("-", 1)[1] for part in wanted))
    order = ("checkpoint", "product", "peers", "scale", "study")
    return [f"{kind}-{size}" for size in sizes for kind in order if f"{kind}-{size}" in wanted]
