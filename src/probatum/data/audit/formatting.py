"""Format leaks that no single trace shows: a classifier that sees how a text is set, and none of its words.

What it sees is the text with every run of letters as one `a` (small), `A` (capitals) or `Aa`, every run of digits as
`0`, and punctuation, white space and other signs as they are; with a ready prompt, all of the prompt. So two texts with
other words and the same setting are the same to it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer

from probatum.data.audit.crossed import FloatArray, auroc, crossed
from probatum.data.audit.findings import Finding, Severity, examples
from probatum.data.records import Post

LONGEST = 2000
MEDIUM, HIGH = 0.75, 0.9
SAME = 0.05  # of accuracy: a single trace that tells nearly as much is named instead
_RUNS = re.compile(r"(?P<letters>[^\W\d_]+)|(?P<digits>\d+)|\S|\s")


def skeleton(text: str) -> str:
    """Return a text without its words: how it is set, from its beginning and its end (marked ^ and $)."""
    shown = text if len(text) <= LONGEST else text[: LONGEST // 2] + text[-LONGEST // 2 :]
    return "^" + _RUNS.sub(_shape, shown) + "$"


def _shape(run: re.Match[str]) -> str:
    if run["digits"]:
        return "0"
    letters = run["letters"]
    if not letters:
        return run[0]
    return "A" if letters.isupper() else "Aa" if letters[0].isupper() else "a"


def find_formatting(posts: Sequence[Post], known: Sequence[Finding] = ()) -> list[Finding]:
    """Find out whether formatting alone tells the labels of posts, cross-validated over distinct texts.

    Formatting leaks from an AUROC of 0.75 on, and gravely from 0.9 on. Where the sources differ in formatting and in
    their labels, that alone is low: within a source it tells less than 0.75.

    Args:
        posts: the posts of all files together.
        known: leaks found by single traces; what one of them tells already is not told again.
    """
    chosen = list({(post.prompt or post.text): post for post in posts}.values())
    if len({post.label for post in chosen}) < 2:
        return []
    labels = np.array([post.label for post in chosen])
    probabilities = crossed(_features(chosen), labels)
    if probabilities is None or (area := auroc(probabilities, labels)) < MEDIUM:
        return []
    codes = np.unique(labels, return_inverse=True)[1]
    right = probabilities.argmax(axis=1) == codes
    count, base = int(right.sum()), Counter(codes).most_common(1)[0][1] / len(codes)
    within = _within_sources(chosen, probabilities)
    by_source = within is not None and within < MEDIUM
    if any(
        leak.details[0]["where"] in ("text", "frame") and leak.details[0]["accuracy"] >= right.mean() - SAME
        for leak in known
    ):
        return []
    severity: Severity = "low" if by_source else "high" if area >= HIGH else "medium"
    figures = {"where": "text", "auroc": area, "auroc_within_sources": within, "accuracy": float(right.mean())}
    surest = np.argsort(-np.where(right, probabilities.max(axis=1), 0.0), kind="stable")
    return [
        Finding(
            "format_leak",
            severity,
            count,
            count / len(chosen),
            f"text: formatting alone, without a single word, tells the label with AUROC {area:.2f}: it gets {count} of "
            f"{len(chosen)} posts right ({count / len(chosen):.1%}; the commonest label alone {base:.1%})"
            + (f"; mostly because sources differ, within one its AUROC is {within:.2f}" if by_source else ""),
            examples(chosen[at] for at in surest),
            "clean the texts of all labels in the same way before training; until then a high score may mean nothing",
            details=(figures,),
        )
    ]


def _features(posts: Sequence[Post]) -> object:
    """Return which pieces of one to three signs every skeleton has, as a sparse matrix [posts, pieces]."""
    shapes = [skeleton(post.prompt if post.prompt is not None else post.text) for post in posts]
    return (
        CountVectorizer(analyzer="char", ngram_range=(1, 3), lowercase=False, binary=True, min_df=2)
        .fit_transform(shapes)
        .astype(np.float64)
    )


def _within_sources(posts: Sequence[Post], probabilities: FloatArray) -> float | None:
    """Return the mean AUROC within sources, weighted by their posts; `None` where no source has two labels."""
    places: defaultdict[str | None, list[int]] = defaultdict(list)
    for at, post in enumerate(posts):
        places[post.source].append(at)
    if len(places) < 2:
        return None
    areas, sizes = [], []
    for members in places.values():
        labels = np.array([posts[at].label for at in members])
        if len(np.unique(labels)) == probabilities.shape[1]:
            areas.append(auroc(probabilities[members], labels))
            sizes.append(len(members))
    return float(np.average(areas, weights=sizes)) if sizes else None
