"""Before the run: what each criterion can show on the posts that there are, and whether it can be settled at all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from probatum.data.records import Post
from probatum.metrics.classification import Flags
from probatum.metrics.clusters import Codes
from probatum.metrics.intervals import critical_value, wilson
from probatum.metrics.paired import RATIOS, margins
from probatum.metrics.planned import Assumed, power_of_ratio, power_to_bound_rate, power_to_show_rate, smallest
from probatum.metrics.power import POWER, showable_rate
from probatum.study import Criterion, VerdictSettings
from probatum.study.criteria import TRAINING_METRICS
from probatum.verdict.clustering import clusters_of
from probatum.verdict.evidence import Evidence
from probatum.verdict.wording import criterion_text, number

ASSUMED = Assumed()


@dataclass(frozen=True)
class Plan:
    """What one criterion can show.

    Attributes:
        text: the criterion as a sentence.
        settles: whether any answers at all would make it pass.
        showable: true value nearest to the limit with which it passes in 80 % of all studies; NaN if there is none.
        words: both as a sentence.
        posts: posts of its slice.
    """

    text: str
    settles: bool
    showable: float
    words: str
    posts: int = 0


@dataclass(frozen=True)
class Counts:
    """The posts that a criterion rests on, each cluster counted as one post: at worst, its posts are all alike.

    Attributes:
        posts: of the slice.
        positives: whose label is the positive one.
        negatives: the others.
    """

    posts: int
    positives: int
    negatives: int


def plan(posts: Sequence[Post], positive: str, settings: VerdictSettings) -> list[Plan]:
    """Return what each criterion on posts can show, in the study's order; facts of training need no posts.

    Args:
        posts: the posts that will decide.
        positive: the positive label.
        settings: criteria and confidence.

    Raises:
        DataError: the column of `verdict.cluster` is in no post.
    """
    clusters = clusters_of(posts, settings.cluster)
    truth = np.array([post.label == positive for post in posts])
    evidence = Evidence(posts, {}, {}, clusters=clusters.codes if clusters else None)
    on_posts = [criterion for criterion in settings.criteria if criterion.metric not in TRAINING_METRICS]
    return [
        replace(_plan(one, truth, evidence, settings.confidence), posts=int(evidence.select(one.slice)[0].sum()))
        for one in on_posts
    ]


def _plan(criterion: Criterion, truth: Flags, evidence: Evidence, confidence: float) -> Plan:
    text = criterion_text(criterion)
    mask, reason = evidence.select(criterion.slice)
    if reason:
        return Plan(text, False, math.nan, f"it cannot be settled: {reason}")
    mine, clusters = truth[mask], evidence.clusters_where(mask)
    counts = Counts(*(_independent(one, clusters) for one in (mine | True, mine, ~mine)))
    if criterion.decided_by == "point":
        return Plan(text, True, math.nan, f"the point decides, on {counts.posts:,} posts")
    if criterion.gain_over or criterion.rise_over:
        return _change(criterion, text, counts, confidence)
    return _level(criterion, text, counts, confidence)


def _independent(chosen: Flags, clusters: Codes | None) -> int:
    """Return how many posts, each for itself, would tell as much if posts of a cluster were all alike: n² / Σ n_c²."""
    n = int(np.count_nonzero(chosen))
    if clusters is None or n == 0:
        return n
    sizes = np.unique(clusters[chosen], return_counts=True)[1]
    return max(math.floor(n**2 / float(sizes @ sizes)), 1)


def _level(criterion: Criterion, text: str, counts: Counts, confidence: float) -> Plan:
    if criterion.within:
        return _between(criterion, text, counts, confidence)
    at_most = criterion.at_most is not None
    limit = criterion.at_most if criterion.at_most is not None else criterion.at_least or 0.0
    trials, kind = _trials(criterion.metric, counts, limit)
    if not trials:
        return Plan(text, False, math.nan, f"it cannot be settled: there are no {kind}")
    as_share = limit / (2 - limit) if criterion.metric == "f1" else limit
    share = showable_rate(as_share, trials, confidence, at_most=at_most)
    if math.isnan(share):
        best = float(wilson(0, trials, confidence)[1])
        best = best if at_most else 1 - best
        return Plan(
            text,
            False,
            math.nan,
            f"it cannot pass: {_too_few(trials, kind, best, as_share if at_most else 1 - as_share, confidence)}",
        )
    value = 2 * share / (1 + share) if criterion.metric == "f1" else share
    end = "at most" if at_most else "at least"
    told = f"{trials:,} {kind} pass it with {POWER:.0%} power where it is truly {end} {number(value)}"
    return Plan(text, True, value, told)


def _too_few(trials: int, kind: str, best: float, room: float, confidence: float) -> str:
    needed = f"; {math.ceil(critical_value(confidence) ** 2 * (1 - room) / room):,} would do" if 0 < room < 1 else ""
    return f"even the best answers on {trials:,} {kind} leave the bound at {number(best)}{needed}"


def _between(criterion: Criterion, text: str, counts: Counts, confidence: float) -> Plan:
    assert criterion.within is not None
    low, high = criterion.within
    middle = (low + high) / 2
    trials, kind = _trials(criterion.metric, counts, middle)
    ends = wilson(round(middle * trials), trials, confidence) if trials else (math.nan, math.nan)
    settles = bool(low <= ends[0] and ends[1] <= high)
    words = f"on {trials:,} {kind} an interval in the middle is {number(float(ends[0]))} to {number(float(ends[1]))}"
    return Plan(text, settles, math.nan, words if settles else f"it cannot pass: {words}")


def _trials(metric: str, counts: Counts, value: float) -> tuple[int, str]:
    """Return how many posts a figure is a share of, and what they are; F1 with as many false calls as misses."""
    match metric:
        case "fpr":
            return counts.negatives, "negative posts"
        case "fnr" | "recall":
            return counts.positives, "positive posts"
        case "precision":
            return counts.positives, "posts called positive (if as many are called so as are so)"
        case "f1":
            return math.floor((2 - value) * counts.positives), "positive posts and false calls"
    return counts.posts, "posts"


def _change(criterion: Criterion, text: str, counts: Counts, confidence: float) -> Plan:
    trials, kind = (counts.posts, "posts") if criterion.metric in RATIOS else _trials(criterion.metric, counts, 0.5)
    sign = -1 if criterion.rise_over else 1
    limit = sign * ((criterion.at_most if criterion.rise_over else criterion.at_least) or 0.0)
    if not trials or (criterion.metric in RATIOS and not counts.positives):
        missing = "positive posts" if trials else kind
        return Plan(text, False, math.nan, f"it cannot be settled: there are no {missing}")
    if criterion.metric in RATIOS:
        shown = _smallest_ratio(criterion, counts, limit, confidence)
    else:
        shown = _smallest_rate(criterion, trials, limit, confidence)
    other = criterion.gain_over or criterion.rise_over
    assumed = f"if {other} is right on {ASSUMED.accuracy:.0%} and the two differ on {ASSUMED.discordance:.0%}"
    if math.isnan(shown):
        return Plan(
            text, False, math.nan, f"{trials:,} {kind} are too few to pass it with {POWER:.0%} power, {assumed}"
        )
    word = "rise of at most" if criterion.rise_over else "gain of at least"
    told = f"{trials:,} {kind} pass it with {POWER:.0%} power at a true {word} {number(sign * shown, sign=True)}"
    return Plan(text, True, sign * shown, f"{told}, {assumed}")


def _smallest_rate(criterion: Criterion, trials: int, limit: float, confidence: float) -> float:
    apart = ASSUMED.discordance
    by_test = criterion.decided_by == "test"
    power = power_to_show_rate if by_test else power_to_bound_rate
    low = 0.0 if by_test else -apart
    return smallest(lambda gain: power(gain, limit, apart, trials, confidence), low, apart)


def _smallest_ratio(criterion: Criterion, counts: Counts, limit: float, confidence: float) -> float:
    share = counts.positives / (counts.positives + counts.negatives)
    by_test = criterion.decided_by == "test"

    def power(gain: float) -> float:
        shares = ASSUMED.shares(share, gain)
        return power_of_ratio(shares, criterion.metric, limit, counts.posts, confidence, by_test=by_test)

    found = smallest(power, 0.0 if by_test else -ASSUMED.most, ASSUMED.most)
    if math.isnan(found):
        return found
    mine, theirs = margins(ASSUMED.shares(share, found))
    return float(mine.value(criterion.metric) - theirs.value(criterion.metric))
