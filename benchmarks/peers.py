"""Measure the peers of one model: the guide's loops, and plain transformers with peft, on the same posts.

python -m benchmarks.peers --checkpoint FOLDER --posts FOLDER --out FILE.json
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks import guide, plain
from benchmarks.clock import Clock, say
from benchmarks.jobs import GUIDE, PLAIN
from benchmarks.posts import GUIDE_TOKENS, Prompts
from probatum.artifacts import write_json_atomic
from probatum.model.notices import quiet

GUIDE_POSTS, PLAIN_STEPS = 20, 30
WARM_UP_POSTS, WARM_UP_STEPS = 2, 10
ATTENTIONS = {"cuda": ("flex_attention", "sdpa", "eager"), "cpu": ("sdpa", "eager")}  # fastest first


def load_bf16(folder: Path, device: torch.device) -> Any:
    """Load a checkpoint as transformers does for training: experts in MXFP4 dequantised to bf16."""
    from transformers import AutoConfig, AutoModelForCausalLM, Mxfp4Config

    config = AutoConfig.from_pretrained(str(folder))
    packed = getattr(config, "quantization_config", None) is not None
    extra = {"quantization_config": Mxfp4Config(dequantize=True)} if packed else {}
    model = AutoModelForCausalLM.from_pretrained(
        str(folder), dtype=torch.bfloat16, device_map={"": device}, use_safetensors=True, **extra
    )
    return model.requires_grad_(requires_grad=False).eval()


class Measured:
    """What was measured, written after each figure; a failure is kept as a note and the rest goes on."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.found: dict[str, Any] = {"score": {}, "train": {}, "notes": [], "complete": False}

    def attempt(self, job: str, peer: str, work: Callable[[], float]) -> bool:
        """Measure one figure; returns whether it could be."""
        try:
            self.found[job][peer] = work()
            say(f"{peer}, {job}: {self.found[job][peer]:.2f} posts/s")
        except Exception as error:  # whatever a peer fails of is a finding about it
            first_line = (str(error).strip().splitlines() or [""])[0]
            self.note(f"{peer}, {job}: {type(error).__name__}: {first_line[:200]}")
        self.save()
        done = peer in self.found[job]
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return done

    def note(self, text: str) -> None:
        say(text)
        self.found["notes"].append(text)

    def save(self) -> None:
        write_json_atomic(self.out, self.found)


def measure(checkpoint: Path, posts: Path, out: Path, device: torch.device, *, quick: bool = False) -> dict[str, Any]:
    """Measure every peer.

    Args:
        checkpoint: the model's folder.
        posts: the folder that `benchmarks.posts` wrote.
        out: where the figures go.
        device: where to run.
        quick: a few steps only, to see that everything runs.
    """
    given = Prompts.read(posts)
    measured = Measured(out)
    clock = Clock(device)
    with quiet():
        model = load_bf16(checkpoint, device)
    say(f"loaded and dequantised in {clock.seconds():.1f} s")
    measure_guide(measured, model, given, quick=quick)
    for attention in ATTENTIONS[device.type]:
        measure_plain(measured, model, given, attention, quick=quick)
    measured.found["complete"] = True
    measured.save()
    return measured.found


def measure_guide(measured: Measured, model: Any, given: Prompts, *, quick: bool) -> None:
    prompts = given.guide_scored[: WARM_UP_POSTS + (2 if quick else GUIDE_POSTS)]
    measured.attempt("score", GUIDE, lambda: guide.inference_rate(model, prompts, given.pad, WARM_UP_POSTS))
    lengths = {"length": 128, "steps": 1, "warm_up": 1} if quick else {"length": GUIDE_TOKENS}
    with tempfile.TemporaryDirectory() as folder:
        train = lambda: guide.training_rate(model, given.guide_trained, Path(folder), given.pad, **lengths)
        measured.attempt("train", GUIDE, train)


def measure_plain(measured: Measured, model: Any, given: Prompts, attention: str, *, quick: bool) -> None:
    """Measure what of plain transformers + peft is not measured yet, with one kind of attention."""
    prompts = [given.whole(post) for post in given.scored[: 8 if quick else None]]
    words = [words[0] for words in given.words.values()]
    steps = (1, 2) if quick else (WARM_UP_STEPS, PLAIN_STEPS)
    examples = [
        (given.whole(post), given.answers[label]) for post, label in given.trained[: plain.TRAINING_BATCH * sum(steps)]
    ]

    def score() -> float:
        plain.prepare_model(model, attention)
        return plain.scoring_rate(model, prompts, words, given.pad)

    def train() -> float:
        plain.prepare_model(model, attention)
        return plain.training_rate(model, examples, given.pad, warm_up=steps[0])

    for job, work, batch in (("score", score, plain.SCORING_BATCH), ("train", train, plain.TRAINING_BATCH)):
        if PLAIN not in measured.found[job] and measured.attempt(job, PLAIN, work):
            measured.note(f"{PLAIN}, {job}: {attention}, grouped_mm, batches of {batch}")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--posts", type=Path, required=True, help="the folder that benchmarks.posts wrote")
    parser.add_argument("--out", type=Path, required=True, help="a JSON file")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--quick", action="store_true", help="a few steps, to see that everything runs")
    given = parser.parse_args(arguments)
    measure(given.checkpoint, given.posts, given.out, torch.device(given.device), quick=given.quick)


if __name__ == "__main__":
    main()
