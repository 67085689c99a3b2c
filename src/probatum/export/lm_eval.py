"""The files of EleutherAI's lm-evaluation-harness: `results_*.json` and `samples_*.jsonl`, a folder a system.

Its own readers take them: `lm_eval.utils` finds the files and prints the results, and `scripts/zeno_visualize.py` reads
every post (version 0.4.13).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from probatum.artifacts import write_json_atomic
from probatum.data.records import Post, Prediction, write_jsonl
from probatum.export.finished import Finished
from probatum.metrics.intervals import Interval, critical_value

NAMES = {"accuracy": "acc"}  # what the harness calls a metric, where it differs
LOWER_IS_BETTER = ("fpr", "fnr", "fdr", "unparsed_rate", "brier")
NEITHER = ("flag_rate",)
FILTER = "none"


def write_lm_eval(finished: Finished, out: Path) -> list[Path]:
    """Write one folder for each system, as the harness does for each model.

    Its standard errors are half the width of our interval over the normal quantile, since it knows no intervals; the
    intervals themselves stand beside, as `f1_low` and `f1_high`. A post's prompt is its text: the run keeps no other.

    Args:
        finished: the run.
        out: the folder.

    Returns:
        The files.
    """
    stamp = datetime.fromtimestamp(finished.began, UTC).strftime("%Y-%m-%dT%H-%M-%S.%f")
    files = []
    for system in finished.predictions:
        folder = out / system
        results, samples = folder / f"results_{stamp}.json", folder / f"samples_{finished.study.name}_{stamp}.jsonl"
        rows = [_sample(at, *row, finished) for at, row in enumerate(finished.rows(system))]
        write_json_atomic(results, _results(finished, system, rows))
        write_jsonl(samples, rows)
        files += [results, samples]
    return files


def _results(finished: Finished, system: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    result, study, task = finished.verdict.systems[system], finished.study, finished.study.name
    figures: dict[str, Any] = {"name": task, "alias": task, "sample_len": result.n}
    for metric, interval in result.metrics.items():
        if interval.defined:
            figures |= _figure(NAMES.get(metric, metric), interval, finished.verdict.confidence)
    better = {NAMES.get(metric, metric): _is_better(metric) for metric in result.metrics}
    name = finished.model_name(system)
    adapter = {"peft": "training/adapter"} if system == "tuned" else {}
    return {
        "results": {task: figures},
        "group_subtasks": {task: []},
        "configs": {task: _config(finished)},
        "versions": {task: finished.manifest["probatum"]},
        "n-shot": {task: 0},
        "higher_is_better": {task: better},
        "n-samples": {task: {"original": result.n, "effective": result.n}},
        "config": {
            "model": "probatum",
            "model_args": {"pretrained": study.model.name if adapter else name, **adapter},
            "limit": study.limit,
            "bootstrap_iters": study.verdict.bootstrap_draws,
            "random_seed": study.data.seed,
        },
        "date": finished.began,
        "transformers_version": finished.manifest["versions"]["transformers"],
        "task_hashes": {task: _hash("".join(r["doc_hash"] + r["prompt_hash"] + r["target_hash"] for r in rows))},
        "model_source": "probatum",
        "model_name": name,
        "model_name_sanitized": re.sub(r"[\"<>:/|\\?*\[\]]+", "__", name),
        "total_evaluation_time_seconds": str(result.usage.seconds),
    }


def _is_better(metric: str) -> bool | None:
    """Whether more of it is better; `None` where neither is."""
    return None if metric in NEITHER else metric not in LOWER_IS_BETTER


def _figure(name: str, interval: Interval, confidence: float) -> Mapping[str, float]:
    known = {f"{name},{FILTER}": interval.value}
    if math.isfinite(interval.low) and math.isfinite(interval.high):
        known |= {f"{name}_stderr,{FILTER}": standard_error(interval, confidence)}
        known |= {f"{name}_low,{FILTER}": interval.low, f"{name}_high,{FILTER}": interval.high}
    return known


def standard_error(interval: Interval, confidence: float) -> float:
    """Return half the width of an interval over the normal quantile, for formats that know no intervals."""
    return (interval.high - interval.low) / 2 / critical_value(confidence)


def _config(finished: Finished) -> dict[str, Any]:
    """Return the task as the harness would describe it; its metrics are those that every sample has."""
    study = finished.study
    return {
        "task": study.name,
        "dataset_path": "json",
        "test_split": "test",
        "doc_to_text": "{{text}}",
        "doc_to_target": "label",
        "doc_to_choice": list(study.task.labels.values()),
        "output_type": "multiple_choice" if _has_choices(finished) else "generate_until",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
        "num_fewshot": 0,
        "metadata": {"positive": study.task.positive, "prompt": study.prompt.strategy},
    }


def _has_choices(finished: Finished) -> bool:
    """Whether a score gives the probability of every label: it was one of two."""
    return finished.study.scoring.method == "likelihood" and len(finished.study.task.labels) == 2


def _sample(at: int, post: Post, told: Prediction, finished: Finished) -> dict[str, Any]:
    doc, target = post.to_json(), finished.study.task.labels[post.label]
    arguments, responses = (_choices if _has_choices(finished) else _generated)(post, told, finished)
    return {
        "doc_id": at,
        "doc": doc,
        "target": target,
        "arguments": {f"gen_args_{number}": argument for number, argument in enumerate(arguments)},
        "resps": [[response] for response in responses],
        "filtered_resps": responses,
        "filter": FILTER,
        "metrics": ["acc"],
        "doc_hash": _hash(json.dumps(doc, indent=2, default=str, ensure_ascii=False)),
        "prompt_hash": _hash(post.text),
        "target_hash": _hash(target),
        "acc": float(told.prediction == post.label),
        "status": told.status.value,
        "score": None if math.isnan(told.score) else told.score,
        "prediction": told.prediction,
    }


Requests = tuple[list[dict[str, str]], list[Any]]  # what was asked, and what came back, in the same order


def _choices(post: Post, told: Prediction, finished: Finished) -> Requests:
    """Return a request for each label's words, with its log-probability and whether it is the likeliest, as text."""
    task = finished.study.task
    arguments = [{"arg_0": post.text, "arg_1": f" {words}"} for words in task.labels.values()]
    shares = [told.score if label == task.positive else 1 - told.score for label in task.labels]
    return arguments, [[str(_log(share)), str(share == max(shares))] for share in shares]


def _generated(post: Post, told: Prediction, finished: Finished) -> Requests:
    """Return one request with the answer, or the words of the label that was chosen without one."""
    words = finished.study.task.labels.get(told.prediction or "", "")
    return [{"arg_0": post.text, "arg_1": "{}"}], [told.answer or words]


def _log(probability: float) -> float:
    return math.log(probability) if probability > 0 else -math.inf if probability == 0 else math.nan


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
