"""The demo: a study on generated posts and the built-in toy model, written out so that it can be read and changed."""

from __future__ import annotations

from pathlib import Path

from probatum.artifacts import write_text_atomic
from probatum.data.demo import demo_posts
from probatum.data.records import write_posts

STUDY = """\
# Generated posts, and a toy model that comes with Probatum: every stage is the real one, only the scale is small.
name: demo
task:
  positive: hate
  labels: {hate: hate, not_hate: not hate}
data:
  train: data/train.jsonl
  validation: data/validation.jsonl
  test: data/test.jsonl
prompt: baseline
model: {name: builtin}
training:
  rank: 16
  alpha: 32
  dropout: 0.05
  epochs: 1
  batch_size: 16
  micro_batch_size: 16
  learning_rate: 3.0e-3
  warmup_steps: 10
  eval_steps: 25
  gradient_checkpointing: false
systems: [majority, linear, baseline, tuned]
swaps: {most: 100}
verdict:
  criteria:
    - {metric: f1, system: tuned, at_least: 0.620}
    - {metric: f1, gain_over: baseline, at_least: 0.005}
    - {metric: f1, gain_over: linear, at_least: 0}
    - {metric: fpr, system: tuned, slice: {group: lgbtq}, at_most: 0.35}
    - {metric: fnr, slice: {group: lgbtq}, rise_over: baseline, at_most: 0.05}
    - {metric: training, completed: true}
    - {metric: validation_loss, falls: true}
"""
SIZES = {"train": 1600, "validation": 200, "test": 1009}


def write_demo(folder: Path) -> Path:
    """Write the demo's posts and study; the same bytes every time, but a study that is there already is kept.

    Args:
        folder: gets `study.yaml`, so that it can be edited and the demo run again, and `data/`.

    Returns:
        The study file.
    """
    for side, posts in demo_posts(seed=0).items():
        write_posts(folder / "data" / f"{side}.jsonl", posts[: SIZES[side]])
    study = folder / "study.yaml"
    if not study.exists():
        write_text_atomic(study, STUDY)
    return study
