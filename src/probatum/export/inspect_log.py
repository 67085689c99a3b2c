"""An Inspect log for each system, through inspect_ai's own API, for `inspect view`."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from probatum.data.records import Post, Prediction
from probatum.errors import InputError
from probatum.export.finished import Finished
from probatum.export.lm_eval import standard_error

SCORER = "probatum"


def write_inspect(finished: Finished, out: Path) -> list[Path]:
    """Write one `.eval` file for each system.

    Args:
        finished: the run.
        out: the folder.

    Returns:
        The files.

    Raises:
        InputError: inspect_ai is not installed.
    """
    try:
        from inspect_ai.log import write_eval_log
    except ImportError as error:
        raise InputError(
            "--format inspect needs inspect_ai, which is not installed; pip install 'probatum[inspect]'"
        ) from error
    out.mkdir(parents=True, exist_ok=True)
    files = []
    for system in finished.predictions:
        path = out / f"{finished.study.name}_{system}.eval"
        write_eval_log(_log(finished, system), str(path))
        files.append(path)
    return files


def _log(finished: Finished, system: str) -> Any:
    from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSpec, EvalStats
    from inspect_ai.model import ModelUsage

    study, model = finished.study, f"{SCORER}/{finished.model_name(system)}"
    began, ended = (datetime.fromtimestamp(at, UTC).isoformat() for at in finished.scored(system))
    ids = [post.id for post in finished.posts]
    tokens = finished.verdict.systems[system].usage.tokens
    spec = EvalSpec(
        created=began,
        run_id=f"{study.name}-{finished.began:.0f}",
        task_id=f"{study.name}-{system}",
        task=study.name,
        tags=[system],
        dataset=EvalDataset(name="test", samples=len(ids), sample_ids=list(ids), shuffled=False),
        model=model,
        model_args={"system": system},
        config=EvalConfig(limit=study.limit),
        packages={"probatum": finished.manifest["probatum"]},
        metadata={"verdict": finished.verdict.outcome, "sentence": finished.verdict.sentence},
    )
    samples = [_sample(post, told, finished, model) for post, told in finished.rows(system)]
    usage = {model: ModelUsage(input_tokens=tokens, total_tokens=tokens)} if tokens else {}
    stats = EvalStats(started_at=began, completed_at=ended, model_usage=usage)
    return EvalLog(status="success", eval=spec, results=_results(finished, system), samples=samples, stats=stats)


def _results(finished: Finished, system: str) -> Any:
    from inspect_ai.log import EvalMetric, EvalResults, EvalScore

    result = finished.verdict.systems[system]
    metrics = {
        name: EvalMetric(name=name, value=interval.value, metadata={"low": interval.low, "high": interval.high})
        for name, interval in result.metrics.items()
        if interval.defined
    }
    error = standard_error(result.metrics["accuracy"], finished.verdict.confidence)
    metrics["stderr"] = EvalMetric(name="stderr", value=error)  # beside accuracy, the first, which Inspect shows
    score = EvalScore(name=SCORER, scorer=SCORER, metrics=metrics)
    return EvalResults(total_samples=result.n, completed_samples=result.n, scores=[score])


def _sample(post: Post, told: Prediction, finished: Finished, model: str) -> Any:
    from inspect_ai.log import EvalSample
    from inspect_ai.model import ChatMessageUser, ModelOutput
    from inspect_ai.scorer import CORRECT, INCORRECT, Score

    score = Score(
        value=CORRECT if told.prediction == post.label else INCORRECT,
        answer=told.prediction,
        metadata={"score": None if math.isnan(told.score) else told.score, "status": told.status.value},
    )
    return EvalSample(
        id=post.id,
        epoch=1,
        input=post.text,
        target=post.label,
        messages=[ChatMessageUser(content=post.text)],
        output=ModelOutput.from_content(model, told.answer or told.prediction or ""),
        choices=list(finished.study.task.labels.values()),
        scores={SCORER: score},
        metadata={"group": post.group, "source": post.source, "answer": told.answer, "truncated": told.truncated},
    )
