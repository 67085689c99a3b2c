"""The stage that trains the adapter."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from shutil import rmtree

from probatum.artifacts import sha256_file, write_json_atomic, write_text_atomic
from probatum.data.reweighting import describe_weights, post_weights, weight_table
from probatum.manifest import EARLIER_S, Facts
from probatum.model.load import (
    choose_device,
)
from probatum.model.memory import Peak
from probatum.model.packing import Suffix
from probatum.stages.bench import Bench, Report, versions_of
from probatum.stages.score import MODEL_PACKAGES
from probatum.study import Training
from probatum.training.callbacks import seconds_kept
from probatum.training.loop import train
from probatum.training.trainer import Examples


def training_inputs(bench: Bench) -> Facts:
    """What the adapter depends on."""
    return versions_of(*MODEL_PACKAGES) | {
        "train": sha256_file(bench.folder.posts("train")),
        "validation": sha256_file(bench.folder.posts("validation")),
        "model": bench.model_identity(),
        "prompt": bench.renderer.fingerprint(),
        "training": bench.study.training.model_dump(
            mode="json", exclude={"keep_checkpoints", "seeds", "learning_curve", "report_to"}
        ),
    }


def train_adapter(bench: Bench, report: Report, inputs: str) -> Facts:
    """Train the adapter, from its newest checkpoint if this very training was begun before.

    Another training in the folder is hours of work: it moves to `training-HASH`, and comes back when its settings do.
    """
    _make_way(bench.folder.training, inputs)
    bench.crew.order("train", bench.folder.variant)
    earlier_s = seconds_kept(bench.folder.training)
    return train_together(bench, report) | {EARLIER_S: earlier_s}


def train_together(bench: Bench, report: Report) -> Facts:
    """Train the adapter, in every process of the crew with its share of every step's posts."""
    examples, cut = training_examples(bench)
    peak = Peak(choose_device(bench.study.model), bench.plan.training)
    result = train(
        bench.base(report), examples, settled(bench), bench.folder.training, report, crew=bench.crew, gpus=bench.gpus
    )
    notes = [f"{cut} training and validation posts were cut to fit prompt.max_tokens"] if cut else []
    weights = weight_table(bench.posts("train"), bench.study.training.reweighting)
    facts = {"reweighting": [asdict(cell) for cell in weights]} if weights else {}
    told = {name: value for name, value in asdict(result).items() if name != "seconds"}  # the stage's own count
    return told | peak.facts() | facts | {"notes": [*notes, *describe_weights(weights), *result.notes]}


def settled(bench: Bench) -> Training:
    """Return the training's settings as its first start planned them.

    How posts fall into rows decides what dropout draws; a resumed training must stay the same one though other memory
    may be free now.
    """
    path, planned = bench.folder.training / "plan.json", bench.planned.training
    chosen = {name: getattr(planned, name) for name in ("micro_batch_size", "gradient_checkpointing")}
    if not bench.crew.from_leader(path.is_file):
        bench.crew.from_leader(lambda: write_json_atomic(path, chosen))
    return planned.model_copy(update=json.loads(path.read_text(encoding="utf-8")))


def _make_way(training: Path, inputs: str) -> None:
    marker = training / "inputs.txt"
    if training.exists():
        found = marker.read_text(encoding="utf-8") if marker.is_file() else "unknown"
        if found == inputs:
            return
        set_aside = _set_aside(training, found)
        if set_aside.exists():
            rmtree(set_aside)
        training.rename(set_aside)
    if _set_aside(training, inputs).exists():
        _set_aside(training, inputs).rename(training)
    write_text_atomic(marker, inputs)


def _set_aside(training: Path, inputs: str) -> Path:
    return training.with_name(f"{training.name}-{inputs[:8]}")


def training_examples(bench: Bench) -> tuple[Examples, int]:
    """Return the posts as training examples, and how many of them were cut to fit."""
    renderer = bench.renderer
    sides: dict[str, list[Suffix]] = {}
    cut = 0
    for side in ("train", "validation"):
        posts = bench.posts(side)
        rendered = renderer.render_many([post.text for post in posts])
        cut += sum(shown.truncated for shown in rendered)
        weights = post_weights(posts, bench.study.training.reweighting) if side == "train" else None
        sides[side] = [
            Suffix(shown.post_ids + renderer.tail_ids, [renderer.answer_ids(post.label)], weight)
            for post, shown, weight in zip(posts, rendered, weights or [1.0] * len(posts), strict=True)
        ]
    tokens = bench.plan.validation_tokens
    return Examples(renderer.prefix_ids, sides["train"], sides["validation"], tokens), cut
