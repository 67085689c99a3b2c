"""How a run's scores become predictions: quick, and the same whenever it is done."""

from __future__ import annotations

from probatum.artifacts import write_json_atomic
from probatum.data.records import Post, Prediction, read_predictions, write_predictions
from probatum.stages.bench import Bench
from probatum.verdict.decision import NEVER_CHOSEN, Decision, apply_decision, decide_system
from probatum.verdict.results import encode


def decide(bench: Bench, system: str) -> Decision:
    """Choose a system's calibration and threshold as the study asks, and write its predictions.

    Its scores of the test posts, and of the validation posts where the study's rule needs them, lie in the run folder.
    """
    study, folder = bench.study, bench.folder
    posts: list[Post] = []
    scored: list[Prediction] = []
    if study.scoring.needs_validation and system not in NEVER_CHOSEN:
        posts, scored = bench.posts("validation"), read_predictions(folder.scores(system, "validation"))
    positive = study.task.positive
    decision = decide_system(system, posts, scored, settings=study.scoring, positive=positive, verdict=study.verdict)
    write_json_atomic(folder.decision(system), encode(decision))
    sides = ("test", "validation") if scored else ("test",)
    for side in sides:
        rows = read_predictions(folder.scores(system, side))
        write_predictions(folder.predictions(system, side), apply_decision(decision, rows, positive))
    return decision
