"""The files of EleutherAI's lm-evaluation-harness: `results_*.json` and `samples_*.jsonl`, a folder a system."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from probatum.artifacts import write_json_atomic
from probatum.data.records import Post, Prediction, write_jsonl
from probatum.export.finished import Finished
from probatum.metrics.intervals import Interval, critical_value

NAMES = {"accuracy": "acc"}  # what the harness calls a metric, where it differs
LOWER_IS_BETTER = ("fpr", "fnr", "fdr", "unparsed_rate", "brier")
FILTER = "none"


def write_lm_eval(finished: Finished, out: Path) -> list[Path]:
    """Write one folder for each system, as the harness does for each model.

    Its standard errors are half the width of our interval over the normal quantile, since it knows no intervals; the
    intervals themselves stand beside, as `f1_low` and `f1_high`.

    Args:
        finished: the run.
        out: the folder.

    Returns:
        The files.
    """
    stamp = datetime.fromtimestamp(finished.began, UTC).strftime("%Y-%m-%dT%H-%M-%S.%f")
    task = re.sub(r"[^\w-]", "_", finished.study.name)
    files = []
    for system in finished.predictions:
        folder = out / system
        results, samples = folder / f"results_{stamp}.json", folder / f"samples_{task}_{stamp}.jsonl"
        write_json_atomic(results, _results(finished, system, task))
        write_jsonl(samples, (_sample(at, *row, finished) for at, row in enumerate(finished.rows(system))))
        files += [results, samples]
    return files


def _results(finished: Finished, system: str, task: str) -> dict[str, Any]:
    result, study = finished.verdict.systems[system], finished.study
    figures: dict[str, Any] = {"alias": task, "sample_len": result.n}
    for metric, interval in result.metrics.items():
        if interval.defined:
            figures |= _figure(NAMES.get(metric, metric), interval, finished.verdict.confidence)
    names = {NAMES.get(metric, metric): metric not in LOWER_IS_BETTER for metric in result.metrics}
    name = finished.model_name(system)
    return {
        "results": {task: figures},
        "group_subtasks": {task: []},
        "configs": {task: _config(finished, task, names)},
        "versions": {task: finished.manifest["probatum"]},
        "n-shot": {task: 0},
        "higher_is_better": {task: names},
        "n-samples": {task: {"original": result.n, "effective": result.n}},
        "config": {
            "model": "probatum",
            "model_args": {"pretrained": name, **({"peft": "training/adapter"} if system == "tuned" else {})},
            "limit": study.limit,
            "bootstrap_iters": study.verdict.bootstrap_draws,
            "random_seed": study.data.seed,
        },
        "date": finished.began,
        "transformers_version": finished.manifest["versions"]["transformers"],
        "model_source": "probatum",
        "model_name": name,
        "model_name_sanitized": re.sub(r"[\"<>:/|\\?*\[\]]+", "__", name),
        "total_evaluation_time_seconds": str(result.usage.seconds),
    }


def _figure(name: str, interval: Interval, confidence: float) -> Mapping[str, float]:
    known = {f"{name},{FILTER}": interval.value}
    if math.isfinite(interval.low) and math.isfinite(interval.high):
        error = (interval.high - interval.low) / 2 / critical_value(confidence)
        known |= {f"{name}_stderr,{FILTER}": error}
        known |= {f"{name}_low,{FILTER}": interval.low, f"{name}_high,{FILTER}": interval.high}
    return known


def _config(finished: Finished, task: str, names: Mapping[str, bool]) -> dict[str, Any]:
    labels = finished.study.task.labels
    return {
        "task": task,
        "dataset_path": "json",
        "test_split": "test",
        "doc_to_text": finished.study.prompt.strategy,
        "doc_to_target": "label",
        "doc_to_choice": list(labels.values()),
        "output_type": "multiple_choice" if finished.study.scoring.method == "likelihood" else "generate_until",
        "metric_list": [{"metric": name, "higher_is_better": better} for name, better in names.items()],
        "num_fewshot": 0,
        "metadata": {"positive": finished.study.task.positive},
    }


def _sample(at: int, post: Post, told: Prediction, finished: Finished) -> dict[str, Any]:
    """Return one post; the response is the log-probability of the positive label and of the rest together."""
    score = None if math.isnan(told.score) else told.score
    logs = None if score is None else [_log(score), _log(1 - score)]
    doc = post.to_json()
    return {
        "doc_id": at,
        "doc": doc,
        "target": post.label,
        "arguments": {"gen_args_0": {"arg_0": post.text}},
        "resps": [[told.answer if logs is None else logs]],
        "filtered_resps": [told.prediction],
        "filter": FILTER,
        "metrics": ["acc"],
        "doc_hash": _hash(json.dumps(doc, ensure_ascii=False, sort_keys=True, default=str)),
        "prompt_hash": _hash(post.text),
        "target_hash": _hash(post.label),
        "acc": float(told.prediction == post.label),
        "status": told.status.value,
        "score": score,
    }


def _log(probability: float) -> float | None:
    return math.log(probability) if probability > 0 else None


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
