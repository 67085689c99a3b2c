"""Why the figures may be as they are: causes in the order in which to look into them, each with one command.

A threshold that costs far more than it gives comes first, for nothing need be trained to mend it. Then overfitting,
because everything else is measured on what training left; then labels that follow another rule than the model's, a
threshold that validation would move, too few posts, and answers without a label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from probatum.data.records import Post, Prediction
from probatum.metrics.classification import Answers, Flags, Floats
from probatum.metrics.clusters import Codes
from probatum.metrics.intervals import Interval
from probatum.metrics.levels import level
from probatum.metrics.paired import difference
from probatum.study import VerdictSettings
from probatum.verdict.clustering import clusters_of
from probatum.verdict.decision import Effect
from probatum.verdict.evidence import Evidence, TrainingSummary, describe_slice, line_up
from probatum.verdict.further_results import Cause, CurvePoint, Diagnosis
from probatum.verdict.training_advice import overfitting
from probatum.verdict.wording import number

FEWEST_ERRORS = 10  # fewer say nothing about a slice
MOST_SHARE = 0.5  # of the errors of one kind, that one slice must explain
MORE_THAN_ITS_SHARE = 0.2  # by which its share of the errors must be above its share of the posts
MOST_SLICES = 12
NOTABLE_GAIN = 0.01  # of F1, by another threshold or more posts
STATED = ("convention", "ready")  # strategies that another one cannot put right


@dataclass(frozen=True)
class CurveAnswers:
    """Answers about the validation posts of a system trained on so many posts."""

    n: int
    predictions: Sequence[Prediction]


@dataclass(frozen=True)
class Clues:
    """What causes are looked for in, beside the test.

    Attributes:
        validation: the validation posts.
        scores: the tuned system's answers about them; `None` where there are none.
        curves: system to share of the training posts to its answers.
        threshold: that scores were held against.
        strategy: name of the prompt's strategy.
        method: how an answer became a score.
    """

    validation: Sequence[Post] = ()
    scores: Sequence[Prediction] | None = None
    curves: Mapping[str, Mapping[float, CurveAnswers]] = field(default_factory=dict)
    threshold: float = 0.5
    strategy: str = ""
    method: str = "likelihood"


def diagnose(
    evidence: Evidence,
    training: TrainingSummary | None,
    clues: Clues,
    settings: VerdictSettings,
    positive: str,
    *,
    effects: Mapping[str, Effect] | None = None,
) -> Diagnosis:
    """Look for causes in the judged system: tuned, or the last one.

    Args:
        evidence: posts and answers.
        training: how training went, if there was any.
        clues: what is known beside the test.
        settings: confidence level and bootstrap.
        positive: the positive label.
        effects: system to what its threshold changed on the test posts.
    """
    system = "tuned" if "tuned" in evidence.answers else list(evidence.answers)[-1]
    curve = learning_curve(clues, settings, positive)
    f1 = level(evidence.answers[system], "f1", settings.confidence, clusters=evidence.clusters)
    found = [
        costly_threshold(system, f1, (effects or {}).get(system)),
        overfitting(training),
        convention(evidence, system, clues, settings),
        better_threshold(clues, settings, positive),
        too_little_data(clues, curve, settings, positive),
        unparsed(evidence.answers[system], system, clues),
    ]
    return Diagnosis([cause for cause in found if cause is not None], curve)


def costly_threshold(system: str, judged: Interval, effect: Effect | None) -> Cause | None:
    """Return the chosen threshold as a cause if F1 on test is far lower with it than at 0.5.

    Args:
        system: the judged one.
        judged: its F1 on test.
        effect: what its threshold changed; `None` where that is not known.
    """
    at_half = effect.at_half.get("f1") if effect else None
    if effect is None or at_half is None or not effect.chosen or not at_half.low > judged.high:
        return None
    kept = ", and validation could not keep the cap anyway" if effect.meets_cap is False else ""
    return Cause(
        "threshold",
        f"the threshold {number(effect.threshold)} ({effect.rule}) costs {system} F1 on test: {number(judged.value)}, "
        f"where 0.5 gives {number(at_half.value)}{kept}",
        "judge at 0.5" + ("" if effect.meets_cap is None else ", or set a cap that costs less") + "; no training is "
        "needed for it",
        "probatum run STUDY --set scoring.threshold=0.5",
        {"threshold": effect.threshold, "f1": judged.value, "f1_at_half": at_half.value},
    )


@dataclass(frozen=True)
class _Slice:
    """Errors of one kind in one slice: their rate among its posts, and among the others that could have them."""

    kind: str
    column: str
    value: str
    inside: Interval
    outside: Interval

    @property
    def errors(self) -> int:
        """In the slice."""
        return _errors(self.inside)

    @property
    def n(self) -> int:
        """Posts of the slice that could have them."""
        return self.inside.n

    @property
    def all_errors(self) -> int:
        """In and out of the slice."""
        return self.errors + _errors(self.outside)

    @property
    def all_n(self) -> int:
        """Posts that could have them."""
        return self.inside.n + self.outside.n

    @property
    def excess(self) -> float:
        """Its share of the errors minus its share of the posts."""
        return self.errors / self.all_errors - self.n / self.all_n

    @property
    def stands_out(self) -> bool:
        """Whether it explains most errors, and more of them than chance gives a slice of its size."""
        if self.all_errors < FEWEST_ERRORS or self.errors < MOST_SHARE * self.all_errors:
            return False
        return self.excess >= MORE_THAN_ITS_SHARE and self.inside.low > self.outside.high


def convention(evidence: Evidence, system: str, clues: Clues, settings: VerdictSettings) -> Cause | None:
    """Return a convention mismatch if one slice explains most false positives or most false negatives."""
    found = [one for one in _slices(evidence, system, settings.confidence) if one.stands_out]
    if not found:
        return None
    worst = max(found, key=lambda one: one.excess)
    truth = "negative" if worst.kind == "false positives" else "positive"
    states = clues.strategy not in STATED
    advice = (
        "its labels may follow another rule than the prompt's; try the prompt that states one"
        if states
        else "its labels may follow another rule than the prompt's; look into the labels of that slice"
    )
    where = describe_slice({worst.column: worst.value})
    return Cause(
        "convention",
        f"{worst.errors:,} of {worst.all_errors:,} {worst.kind} of {system} are among the {worst.n:,} {truth} posts "
        f"with {where}, out of {worst.all_n:,} {truth} ones",
        advice,
        "probatum run STUDY --set prompt.strategy=convention" if states else "probatum audit TRAIN",
        {name: float(getattr(worst, name)) for name in ("errors", "n", "all_errors", "all_n")},
    )


def _errors(rate: Interval) -> int:
    return round(rate.value * rate.n) if rate.defined else 0


def _slices(evidence: Evidence, system: str, confidence: float) -> list[_Slice]:
    answers = evidence.answers[system]
    kinds = {"false positives": ("fpr", ~answers.truth), "false negatives": ("fnr", answers.truth)}

    def rate(metric: str, mask: Flags) -> Interval:
        return level(answers.where(mask), metric, confidence, clusters=evidence.clusters_where(mask))

    return [
        _Slice(kind, column, str(value), rate(metric, values == value), rate(metric, values != value))
        for column in evidence.columns
        if evidence.has_few_values(column, MOST_SLICES)
        for values in [evidence.column(column)]
        for kind, (metric, posts) in kinds.items()
        for value in np.unique(values[posts])
    ]


def better_threshold(clues: Clues, settings: VerdictSettings, positive: str) -> Cause | None:
    """Return another threshold if validation supports one: its F1 there is higher, by a paired test.

    The gain is measured on the posts that chose the threshold, so it is what may be hoped for at most.
    """
    if not clues.scores:
        return None
    evidence, clusters = line_up(clues.validation, {"tuned": clues.scores}, positive), _clusters(clues, settings)
    answers = evidence.answers["tuned"]
    scores = np.array([row.score for row in evidence.predictions["tuned"]], dtype=float)
    if np.isnan(scores).any():
        return None
    best = best_threshold(answers.truth, scores)
    at = [replace(answers, flagged=scores >= threshold) for threshold in (best, clues.threshold)]
    gain = _f1_change(at[0], at[1], clusters, settings)
    if not gain.defined or gain.value < NOTABLE_GAIN or gain.low <= 0:
        return None
    return Cause(
        "threshold",
        f"on validation a threshold of {best:g} gives F1 {number(gain.value, sign=True)} over {clues.threshold:g} "
        f"({number(gain.low, sign=True)} to {number(gain.high, sign=True)})",
        "let validation choose each system's threshold; test decides whether it holds",
        "probatum run STUDY --set scoring.threshold=auto",
        {"threshold": best, "gain": gain.value, "low": gain.low, "high": gain.high},
    )


def best_threshold(truth: Flags, scores: Floats) -> float:
    """Return the threshold, to three decimals, with the highest F1; of those that tie the one nearest to 0.5.

    Args:
        truth: bool[n].
        scores: float[n] in [0, 1].
    """
    candidates = np.unique(np.round(np.concatenate([scores, scores + 0.001, [0.5]]), 3))
    called = np.array([scores >= one for one in candidates])
    true_positives = (called & truth).sum(axis=1)
    f1 = 2 * true_positives / np.maximum(called.sum(axis=1) + truth.sum(), 1)
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    return float(min(candidates[best], key=lambda one: abs(one - 0.5)))


def learning_curve(clues: Clues, settings: VerdictSettings, positive: str) -> list[CurvePoint]:
    """Return F1 on the validation posts by share of the training posts, each held against the share before."""
    points, clusters = [], _clusters(clues, settings)
    for system, by_share in clues.curves.items():
        before: Answers | None = None
        for share, answered in sorted(by_share.items()):
            answers = line_up(clues.validation, {system: answered.predictions}, positive).answers[system]
            f1 = level(answers, "f1", settings.confidence, clusters=clusters)
            first = Interval.undefined("there is no smaller share")
            change = first if before is None else _f1_change(answers, before, clusters, settings)
            points.append(CurvePoint(system, share, answered.n, f1, change))
            before = answers
    return points


def too_little_data(
    clues: Clues, curve: Sequence[CurvePoint], settings: VerdictSettings, positive: str
) -> Cause | None:
    """Return too little data if F1 rose with more posts up to the last: from ¼ to all for sure, and still at the end.

    Of the tuned system where its curve was measured, else of the linear one, which says less of it.
    """
    system = "tuned" if "tuned" in clues.curves else "linear"
    points = [point for point in curve if point.system == system]
    if len(points) < 3 or not points[-1].change.defined:
        return None
    smallest, largest = clues.curves[system][points[0].share], clues.curves[system][points[-1].share]
    rows = {"all": largest.predictions, "some": smallest.predictions}
    answers = line_up(clues.validation, rows, positive).answers
    rise = _f1_change(answers["all"], answers["some"], _clusters(clues, settings), settings)
    if not rise.low > 0 or points[-1].change.value < NOTABLE_GAIN:
        return None
    told = ", ".join(f"{number(point.f1.value)} on {point.n:,} posts" for point in points)
    measured = system == "tuned"
    return Cause(
        "too_little_data",
        f"F1 of {system} on validation still rises with the training posts: {told}",
        "label more training posts; the audit says which groups and labels have few"
        if measured
        else "see whether the tuned system's rises too, before labelling more posts",
        "probatum audit TRAIN" if measured else "probatum run STUDY --learning-curve",
        {f"f1_{point.share:g}": point.f1.value for point in points},
    )


def unparsed(answers: Answers, system: str, clues: Clues) -> Cause | None:
    """Return the prompt as a cause if answers held no label."""
    count = int(np.count_nonzero(~answers.parsed))
    if not count or (clues.method == "likelihood" and clues.strategy):
        return None
    return Cause(
        "prompt",
        f"{count:,} of {len(answers.parsed):,} answers of {system} held no label and count as wrong",
        "score the label words instead of parsing answers (scoring.method: likelihood)",
        "probatum run STUDY --method likelihood",
        {"unparsed": float(count), "n": float(len(answers.parsed))},
    )


def _clusters(clues: Clues, settings: VerdictSettings) -> Codes | None:
    """Return the clusters of the validation posts: by text alone where they lack the study's column."""
    found = clusters_of(clues.validation, settings.cluster, needed=False) if clues.validation else None
    return found.codes if found else None


def _f1_change(system: Answers, other: Answers, clusters: Codes | None, settings: VerdictSettings) -> Interval:
    draws, seed = settings.bootstrap_draws, settings.seed
    return difference(system, other, "f1", settings.confidence, clusters=clusters, draws=draws, seed=seed).interval
