"""Out-of-fold probabilities: what a model says of posts that it has not learnt from."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

FOLDS = 5
MIN_OF_LABEL = 20  # fewer posts of a label in a fold than four teach nothing about it
FloatArray = NDArray[np.float64]


def crossed(features: Any, labels: Sequence[str] | NDArray[np.str_], seed: int = 0) -> FloatArray | None:
    """Return a logistic regression's probabilities of every label for every post, each from the other folds.

    Args:
        features: matrix [posts, features], dense or sparse, no two rows of it the same post.
        labels: for each row its label.
        seed: of the folds.

    Returns:
        Array [posts, labels] with the labels in sorted order and rows that sum to one; `None` where there is one label
        only, or fewer than `MIN_OF_LABEL` posts of one.
    """
    names, codes, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    if len(names) < 2 or counts.min() < MIN_OF_LABEL:
        return None
    found = np.zeros((len(codes), len(names)))
    for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(codes, codes):
        model = LogisticRegression(C=1.0, max_iter=300, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a coarse model is enough to look at posts with
            found[test] = model.fit(features[train], codes[train]).predict_proba(features[test])
    return found


def auroc(probabilities: FloatArray, labels: Sequence[str] | NDArray[np.str_] | NDArray[np.intp]) -> float:
    """Return the area under the ROC curve; with more than two labels the mean of each against the rest.

    Args:
        probabilities: array [posts, labels] as `crossed` gives it.
        labels: for each row its label, at least two different ones.
    """
    codes = np.unique(np.asarray(labels), return_inverse=True)[1]
    if probabilities.shape[1] == 2:
        return float(roc_auc_score(codes, probabilities[:, 1]))
    return float(np.mean([roc_auc_score(codes == at, column) for at, column in enumerate(probabilities.T)]))
