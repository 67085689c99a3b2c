"""Scores made into better probabilities without changing their order: by temperature, or by isotonic regression."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression

from probatum.metrics.classification import Flags, Floats

Method = Literal["none", "temperature", "isotonic"]
METHODS: tuple[Method, ...] = get_args(Method)
FOLDS = 5
LOWEST, HIGHEST = 1e-300, 1 - 2**-53  # scores of 0 and 1 have no logit
TEMPERATURES = (0.02, 50.0)
KNOWS_LITTLE = 20.0  # a temperature above it puts every score near 0.5


@dataclass(frozen=True)
class Recalibration:
    """What is done to every score.

    Attributes:
        method: none, temperature or isotonic.
        temperature: T in σ(logit(s) / T); above 1 it makes scores less sure.
        knots: scores of the isotonic step function's corners, rising; lines in between.
        values: what they become.
    """

    method: Method = "none"
    temperature: float = 1.0
    knots: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def apply(self, score: Floats) -> Floats:
        """Return float[n], the scores made better; NaN stays NaN."""
        if self.method == "temperature":
            scaled: Floats = expit(_logit(score) / self.temperature)
            return np.where(np.isnan(score), math.nan, scaled)
        if self.method == "isotonic":
            return np.where(np.isnan(score), math.nan, np.interp(score, self.knots, self.values))
        return score


def fit(method: Method, truth: Flags, score: Floats) -> Recalibration:
    """Fit one method on posts that neither trained nor will test.

    Temperature: the T that minimises the log loss of σ(logit(s) / T) (Guo et al. 2017, with two labels). It keeps every
    order, and calls at 0.5. Isotonic: the rising step function nearest to the labels in mean square (Zadrozny and Elkan
    2002), kept within 1/(n+2) of 0 and 1 so that no post is called certain; it may make scores equal, which moves
    AUROC a little.

    Args:
        method: which.
        truth: bool[n], the true label is the positive one.
        score: float[n] in [0, 1]; posts without a score (NaN) take no part.
    """
    known = ~np.isnan(score)
    truth, score = truth[known], score[known]
    if method == "temperature":
        return Recalibration(method, temperature=_best_temperature(truth, score))
    if method == "isotonic":
        edge = 1 / (len(score) + 2)
        found = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip").fit(score, truth.astype(float))
        return Recalibration(method, knots=found.X_thresholds_.tolist(), values=found.y_thresholds_.tolist())
    return Recalibration()


def _best_temperature(truth: Flags, score: Floats) -> float:
    z = _logit(score)
    low, high = np.log(TEMPERATURES)
    found = minimize_scalar(lambda log_t: _loss_of_logit(truth, z / math.exp(log_t)), bounds=(low, high))
    return float(math.exp(found.x))


def log_loss(truth: Flags, score: Floats) -> float:
    """Return the mean of -log P(true label) in nats over posts with a score; NaN without any."""
    known = ~np.isnan(score)
    return _loss_of_logit(truth[known], _logit(score[known])) if known.any() else math.nan


def _loss_of_logit(truth: Flags, z: Floats) -> float:
    return float(np.logaddexp(0, np.where(truth, -z, z)).mean())


def _logit(score: Floats) -> Floats:
    z: Floats = logit(np.clip(score, LOWEST, HIGHEST))
    return z


@dataclass(frozen=True)
class Chosen:
    """A recalibration that cross-validation chose.

    Attributes:
        fitted: the chosen method, fitted on all posts.
        losses: method to its mean held-out log loss, in nats; empty where there were too few posts to try.
        held_out: float[n], every post's score by the chosen method, fitted on the other folds.
        reason: why there was nothing to choose; `None` if there was.
    """

    fitted: Recalibration
    losses: dict[str, float]
    held_out: Floats
    reason: str | None = None


def choose(truth: Flags, score: Floats, methods: tuple[Method, ...] = METHODS, *, seed: int = 0) -> Chosen:
    """Choose a method by its log loss on posts held out, in five folds stratified by label; of equals the simplest.

    Args:
        truth: bool[n], the true label is the positive one.
        score: float[n] in [0, 1]; posts without a score take no part.
        methods: which to choose among.
        seed: of the folds.

    Returns:
        The choice; no change, with a reason, where either label has fewer posts with a score than there are folds.
    """
    known = ~np.isnan(score)
    counts = (np.count_nonzero(truth & known), np.count_nonzero(~truth & known))
    if min(counts) < FOLDS:
        label = "positive" if counts[0] <= counts[1] else "negative"
        return Chosen(Recalibration(), {}, score, f"only {min(counts)} {label} posts have a score")
    fold = _folds(truth, known, seed)
    held_out = {method: _held_out(method, truth, score, fold) for method in methods}
    losses: dict[str, float] = {method: log_loss(truth, scores) for method, scores in held_out.items()}
    best = min(methods, key=lambda method: losses[method])
    return Chosen(fit(best, truth, score), losses, held_out[best])


def _folds(truth: Flags, known: Flags, seed: int) -> np.ndarray:
    """Deal each label's posts into folds of equal size, at random; int[n], -1 without a score."""
    fold = np.full(len(truth), -1)
    random = np.random.default_rng(seed)
    for label in (truth & known, ~truth & known):
        fold[random.permutation(np.flatnonzero(label))] = np.arange(np.count_nonzero(label)) % FOLDS
    return fold


def _held_out(method: Method, truth: Flags, score: Floats, fold: np.ndarray) -> Floats:
    result = score.copy()
    for number in range(FOLDS):
        others, mine = (fold >= 0) & (fold != number), fold == number
        result[mine] = fit(method, truth[others], score[others]).apply(score[mine])
    return result
