"""Whether answers hang on which group a post names: flips and changes of the score when the name is swapped.

Counterfactual fairness of text classifiers (Garg et al. 2019): the same post with another group's name should get the
same answer. Where the name carries meaning (a holiday, a country at war) it should not, so read the swaps themselves.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from probatum.data.records import Post, Prediction
from probatum.metrics.classification import Answers, Flags, Floats
from probatum.metrics.clustered import clustered_mean, p_of_no_mean
from probatum.metrics.clusters import Codes
from probatum.metrics.intervals import Interval
from probatum.metrics.levels import level
from probatum.metrics.multiple import holm
from probatum.metrics.paired import difference
from probatum.study import VerdictSettings
from probatum.verdict.further_results import SwapFigures, SwapPair, Swaps

REFERENCE = "baseline"
FEWEST_POSTS = 5  # with fewer, Student's t gives ends far outside of what a score can change by, or none apart


@dataclass(frozen=True)
class Swapped:
    """Swapped posts and what every system answered, before and after.

    Attributes:
        posts: swapped posts, with the columns `of` (the post's id), `from_group` and `to_group`.
        before: system to its answers about the posts as they were (and maybe others).
        after: system to its answers about the swapped posts.
        possible: swaps that could be made.
    """

    posts: Sequence[Post]
    before: Mapping[str, Sequence[Prediction]]
    after: Mapping[str, Sequence[Prediction]]
    possible: int


@dataclass(frozen=True)
class _Answered:
    """One system: bool[n] flips, and float[n] change of the score (NaN where there is none)."""

    flips: Flags
    change: Floats


def swaps_of(swapped: Swapped, settings: VerdictSettings, clusters: Mapping[str, int] | None = None) -> Swaps | None:
    """Measure how every system's answers hang on the name.

    Args:
        swapped: the posts and the answers.
        settings: confidence level.
        clusters: id of each post as it was to its cluster; `None` where only swaps of one post are one.

    Returns:
        `None` where there is no swap.
    """
    if not swapped.posts:
        return None
    of = [str(post.extra["of"]) for post in swapped.posts]
    answered = {system: _answered(swapped, system, of) for system in swapped.after}
    origins = np.unique(of if clusters is None else [clusters[name] for name in of], return_inverse=True)[1]
    return Swaps(
        n=len(swapped.posts),
        posts=len(set(of)),
        possible=swapped.possible,
        overall={name: _figures(one.flips, np.abs(one.change), origins, settings) for name, one in answered.items()},
        pairs=_pairs(swapped.posts, answered, origins, settings),
        change={
            name: difference(
                _as_answers(one.flips),
                _as_answers(answered[REFERENCE].flips),
                "fnr",
                settings.confidence,
                clusters=origins,
            ).interval
            for name, one in answered.items()
            if REFERENCE in answered and name != REFERENCE
        },
    )


def _pairs(
    posts: Sequence[Post], answered: Mapping[str, _Answered], origins: Codes, settings: VerdictSettings
) -> list[SwapPair]:
    sides = [(str(post.extra["from_group"]), str(post.extra["to_group"])) for post in posts]
    # with the second group's name minus with the first's, whichever of the two stood in the post
    sign = np.array([1.0 if before < after else -1.0 for before, after in sides])
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, side in enumerate(sides):
        places[min(side), max(side)].append(at)
    found = []
    for (first, second), mine in sorted(places.items(), key=lambda item: (-len(item[1]), item[0])):
        systems = {
            name: _figures(one.flips[mine], (sign * one.change)[mine], origins[mine], settings, tested=True)
            for name, one in answered.items()
        }
        found.append(SwapPair(first, second, len(mine), len({str(posts[at].extra["of"]) for at in mine}), systems))
    return _tested_together(found, list(answered))


def _tested_together(pairs: Sequence[SwapPair], systems: Sequence[str]) -> list[SwapPair]:
    """Return the pairs with each system's p-values by Holm."""
    held = {name: holm([pair.systems[name].p_value for pair in pairs]) for name in systems}
    return [
        replace(pair, systems={name: replace(one, p_value=held[name][at]) for name, one in pair.systems.items()})
        for at, pair in enumerate(pairs)
    ]


def _answered(swapped: Swapped, system: str, origins: Sequence[str]) -> _Answered:
    before = {row.id: row for row in swapped.before[system]}
    after = {row.id: row for row in swapped.after[system]}
    pairs = [(before[of], after[post.id]) for of, post in zip(origins, swapped.posts, strict=True)]
    flips = np.array([was.prediction != now.prediction for was, now in pairs])
    return _Answered(flips, np.array([now.score - was.score for was, now in pairs], dtype=float))


def _figures(
    flips: Flags, change: Floats, origins: Codes, settings: VerdictSettings, *, tested: bool = False
) -> SwapFigures:
    known = ~np.isnan(change)
    _, codes = np.unique(origins[known], return_inverse=True)
    sums, counts = np.bincount(codes, change[known]), np.bincount(codes)
    rate = _flip_rate(flips, origins, settings)
    mean = clustered_mean(sums.tolist(), counts.tolist(), settings.confidence)
    if mean.defined and len(counts) < FEWEST_POSTS:
        why = f"fewer than {FEWEST_POSTS} independent posts do not say how far it varies"
        return SwapFigures(int(flips.sum()), rate, mean.without_ends(why), math.nan)
    p_value = p_of_no_mean(mean, len(counts), settings.confidence) if tested else math.nan
    return SwapFigures(int(flips.sum()), rate, mean.within(-1.0 if tested else 0.0, 1.0), p_value)


def _flip_rate(flips: Flags, origins: Codes, settings: VerdictSettings) -> Interval:
    """Return the share of flips, swaps of one post being a cluster."""
    return level(_as_answers(flips), "fnr", settings.confidence, clusters=origins)


def _as_answers(flips: Flags) -> Answers:
    """Return flips as wrong answers about positive posts, so that their rate is a false-negative rate."""
    everything = np.ones_like(flips)
    return Answers(everything, ~flips, everything)


def largest_pair(swaps: Swaps, system: str, confidence: float) -> SwapPair | None:
    """Return the pair of groups whose names change a system's score most, of those that Holm's tests support."""
    supported = [
        pair for pair in swaps.pairs if system in pair.systems and pair.systems[system].p_value < 1 - confidence
    ]
    return max(supported, key=lambda pair: abs(pair.systems[system].change.value), default=None)
