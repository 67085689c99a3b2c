"""Runs of predictions, made up on the spot."""

import math
from pathlib import Path

from probatum.data.labels import LabelSet
from probatum.data.predicted.runs import PredictedRun
from probatum.data.records import Prediction, Status

LABELS = LabelSet("hate", {"hate": "hate", "not_hate": "not hate"})
WORDS = {"1": "hate", "0": "not_hate", "?": None}


def make_run(name, truth, answers, *, ids=None, texts=None, scores=None, groups=None):
    """Build a run from strings such as "1100" (truth) and "10?0" (answers); texts are "post 0", "post 1", …"""
    count = len(truth)
    texts = [f"post {at}" for at in range(count)] if texts is None else texts
    rows = [
        Prediction(
            id=f"{name}-{at}",
            label=WORDS[truth[at]],
            group=groups[at] if groups else None,
            source=None,
            score=scores[at] if scores else math.nan,
            prediction=WORDS[answers[at]],
            status=Status.UNPARSED if answers[at] == "?" else Status.OK,
        )
        for at in range(count)
    ]
    unparsed = {"unknown": answers.count("?")} if "?" in answers else {}
    return PredictedRun(name, Path(f"{name}.csv"), rows, ids or [None] * count, texts, scores is not None, unparsed)
