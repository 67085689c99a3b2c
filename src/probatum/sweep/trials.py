"""One trial: a study with other training settings, trained, and measured on validation alone."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probatum.data.records import read_predictions, read_written_posts
from probatum.errors import TrainingError
from probatum.manifest import ON_VALIDATION, Manifest, RunFolder
from probatum.metrics.classification import Flags, Floats
from probatum.metrics.selection import Aim
from probatum.metrics.threshold import Cap
from probatum.pipeline import Watcher, run
from probatum.study import AUTO, Study
from probatum.sweep.search import Settings
from probatum.verdict.decision import costs_of, decide_system, group_column
from probatum.verdict.evidence import NO_VALUE

TUNED = "tuned"


def settings_of(study: Study) -> Settings:
    """Return the study's own values of what a sweep tries."""
    training = study.training
    return {
        "rank": training.rank,
        "learning_rate": training.learning_rate,
        "epochs": training.epochs,
        "reweighting": training.reweighting,
    }


def with_settings(study: Study, settings: Settings) -> Study:
    """Return the study with a trial's settings; alpha keeps its ratio to the rank, and so the size of an update."""
    alpha = study.training.alpha * settings["rank"] / study.training.rank
    return study.model_copy(update={"training": study.training.model_copy(update=settings | {"alpha": alpha})})


def name_of(settings: Settings) -> str:
    """Return a trial's folder: the same settings have the same one, whichever sweep asks."""
    rate, epochs = f"{settings['learning_rate']:g}", f"{settings['epochs']:g}"
    return f"rank{settings['rank']}-rate{rate}-epochs{epochs}-{settings['reweighting']}"


@dataclass(frozen=True)
class Measured:
    """A trial on the validation posts.

    Attributes:
        value: what trials are compared by; `None` if training failed.
        facts: for the table of trials and `sweep.json`.
    """

    value: float | None
    facts: dict[str, Any]


def aim_of(study: Study) -> Aim:
    """Return what trials are compared by: what the study's rule asks of a threshold, or F1 at its fixed one."""
    scoring = study.scoring
    cap = scoring.rule.cap
    return Aim(
        costs=costs_of(scoring.rule),
        cap=Cap(cap.at_most, cap.decide) if cap else None,
        threshold=None if scoring.threshold == AUTO else float(scoring.threshold),
        confidence=study.verdict.confidence,
        no_group=NO_VALUE,
    )


def try_settings(study: Study, folder: Path, watcher: Watcher | None) -> Measured:
    """Train with a trial's settings and score validation, from wherever an earlier try of the same was killed.

    Args:
        study: with the trial's settings.
        folder: the trial's run folder.
        watcher: told of every stage.
    """
    try:
        run(study, folder, watcher, only=("training", TUNED + ON_VALIDATION))
    except TrainingError as error:
        return Measured(None, {"name": folder.name, "failed": str(error)})
    finally:
        gc.collect()  # the model of this trial, before the next one plans by the memory that is free
    place = RunFolder(folder.resolve())
    truth, score, groups = scores_of(study, place)
    value, threshold = aim_of(study).reach(truth, score, groups)
    stage = Manifest(place).stage("training")
    training = stage["facts"]
    facts = {
        "name": folder.name,
        "threshold": threshold,
        "steps": training["steps"],
        "validation_loss": training["best_loss"],
        "seconds": stage["seconds"],
    }
    return Measured(value, facts | {"value": value})


def scores_of(study: Study, folder: RunFolder) -> tuple[Flags, Floats, NDArray[np.str_] | None]:
    """Return a trial's validation posts as arrays: truth, calibrated scores, and groups if there are any."""
    posts = read_written_posts(folder.posts("validation"))
    scored = read_predictions(folder.scores(TUNED, "validation"))
    decision = decide_system(
        TUNED, posts, scored, settings=study.scoring, positive=study.task.positive, verdict=study.verdict
    )
    truth = np.array([post.label == study.task.positive for post in posts])
    score = decision.calibration.apply(np.array([row.score for row in scored], dtype=float))
    return truth, score, group_column(posts, study.scoring.rule)
