"""Label noise: posts whose label a linear model, which has not seen them, confidently contradicts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probatum.data.audit.crossed import FloatArray, auroc, crossed
from probatum.data.audit.findings import FEW_POSTS, Finding, Severity, examples
from probatum.data.audit.held import Held
from probatum.data.features import text_features
from probatum.data.records import Post

MIN_AUROC = 0.65  # a model that knows less contradicts by chance: half of the posts, where it knows nothing
# AUROC without the posts contradicted, from which on they stand out: 0.97 and more with flipped labels in otherwise
# clear collections, 0.91 to 0.94 where the words alone do not tell the labels (docs/decisions.md).
STANDS_OUT = 0.96


@dataclass(frozen=True, slots=True)
class Judged:
    """What the linear model says of every text, from folds without it.

    Attributes:
        posts: the first post of every text that has one label only.
        texts: their normalised texts.
        labels: the sorted labels.
        probabilities: array [posts, labels].
        auroc: how well they rank the posts by their labels.
    """

    posts: list[Post]
    texts: list[str]
    labels: list[str]
    probabilities: FloatArray
    auroc: float


def judge(files: Sequence[Held]) -> Judged | None:
    """Cross-validate the linear model over the texts of all files, each text once.

    Texts with two labels are left out: they are told as conflicts. `None` where the labels are too few to learn from.
    """
    by_text: dict[str, list[Post]] = {}
    for held in files:
        for text, posts in held.by_text.items():
            by_text.setdefault(text, []).extend(posts)
    texts = [text for text, same in by_text.items() if text and len({post.label for post in same}) == 1]
    chosen = [by_text[text][0] for text in texts]
    labels = np.array([post.label for post in chosen])
    if len(np.unique(labels)) < 2:
        return None
    probabilities = crossed(text_features().fit_transform([post.text for post in chosen]), labels)
    if probabilities is None:
        return None
    return Judged(chosen, texts, [str(x) for x in np.unique(labels)], probabilities, auroc(probabilities, labels))


def confident_labels(probabilities: FloatArray, codes: NDArray[np.intp]) -> NDArray[np.intp]:
    r"""Return the label that confident learning holds to be true, -1 where it holds none (Northcutt et al. 2021).

    Post $i$ is counted under the label $j$ with the largest $p_{ij}$ among those with $p_{ij} \ge t_j$, where $t_j$ is
    the mean of $p_{ij}$ over the posts whose given label is $j$. Where that is not its given label, it is an issue.

    Args:
        probabilities: array [posts, labels], out of fold.
        codes: for each post the number of its given label; every label is given at least once.
    """
    num_labels = probabilities.shape[1]
    thresholds = np.array([probabilities[codes == at, at].mean() for at in range(num_labels)])
    confident = probabilities >= thresholds - 1e-6  # a post exactly at the mean, as where all are alike, is in
    guesses = np.where(confident, probabilities, -1.0).argmax(axis=1)
    return np.where(confident.any(axis=1), guesses, -1)


def find_label_noise(judged: Judged | None, files: Sequence[Held]) -> list[Finding]:
    """Find posts whose label is probably wrong, the surest first."""
    if judged is None or judged.auroc < MIN_AUROC:
        return []
    codes = np.array([judged.labels.index(post.label) for post in judged.posts])
    guesses = confident_labels(judged.probabilities, codes)
    wrong = np.flatnonzero((guesses >= 0) & (guesses != codes))
    if not len(wrong):
        return []
    given = judged.probabilities[wrong, codes[wrong]]
    ranked = wrong[np.argsort(given, kind="stable")]
    share = len(wrong) / len(judged.posts)
    moves = "; ".join(_moves(judged, codes[wrong], guesses[wrong]))
    clear = _auroc_without(judged, codes, wrong)
    doubt = "they stand out" if clear >= STANDS_OUT else "many of these may be its mistakes"
    return [
        Finding(
            "label_noise",
            _severity(clear, len(wrong), share),
            len(wrong),
            share,
            f"{len(wrong)} of {len(judged.posts)} texts: a linear model that has not seen them contradicts the label "
            f"({moves}); its AUROC is {judged.auroc:.2f} with them and {clear:.2f} without: {doubt}",
            examples(judged.posts[at] for at in ranked),
            "read the examples, which are the surest; if most are wrong, have all of these labelled again",
            tuple(held.name for held in files),
            details=({"auroc": judged.auroc, "auroc_without": None if math.isnan(clear) else clear},),
        )
    ]


def _auroc_without(judged: Judged, codes: NDArray[np.intp], wrong: NDArray[np.intp]) -> float:
    """Return the AUROC on the posts that the model does not contradict, NaN where those have lost a label."""
    kept = np.setdiff1d(np.arange(len(codes)), wrong)
    if len(np.unique(codes[kept])) < len(judged.labels):
        return math.nan
    return auroc(judged.probabilities[kept], codes[kept])


def _moves(judged: Judged, given: NDArray[np.intp], guessed: NDArray[np.intp]) -> list[str]:
    pairs, counts = np.unique(np.stack([given, guessed]), axis=1, return_counts=True)
    return [
        f"{count} {judged.labels[a]} look {judged.labels[b]}" for (a, b), count in zip(pairs.T, counts, strict=True)
    ][:6]


def _severity(area: float, count: int, share: float) -> Severity:
    """Grade label noise: a model whose own mistakes these may be can only point at them."""
    if not area >= STANDS_OUT or count <= FEW_POSTS:
        return "low"
    return "high" if share >= 0.1 else "medium" if share >= 0.02 else "low"
