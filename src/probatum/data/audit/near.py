"""Near-duplicates: posts that are almost another post, in the same file or in another.

How alike two texts are is the Jaccard index of their sets of 5-character shingles, |A ∩ B| / |A ∪ B|, taken of the
normalised texts without punctuation (Broder 1997). Pairs worth comparing are found by MinHash and banding (Leskovec,
Rajaraman and Ullman, Mining of Massive Datasets, chapter 3) and then compared exactly, so that nothing is called alike
that is not.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from datasketch import MinHash
from numpy.typing import NDArray

from probatum.data.audit.findings import FEW_POSTS, MOST_EXAMPLES, Finding, Severity, graded
from probatum.data.audit.held import Held
from probatum.data.audit.repeats import Pair
from probatum.data.records import Post

SHINGLE = 5
ALIKE = 0.7
# A pair with J = 0.7 shares no band with probability (1 - 0.7⁴)³² = 1.5e-4, one with J = 0.2 shares one in 5 %.
BANDS, ROWS = 32, 4
SLACK = 0.15  # of the estimated index, below `ALIKE`: over three standard deviations, √(0.7 · 0.3 / 128) = 0.04
MOST_CANDIDATES = 500  # for each post, so that files written from one template do not take forever
MOST_COMPARED = 20  # of those, exactly
BATCH = 4096  # shingles hashed at once: a post of a megabyte would take gigabytes else


def shingles(text: str) -> set[str]:
    """Return the 5-character pieces of a text; a shorter text is its own only piece."""
    return {text[at : at + SHINGLE] for at in range(max(1, len(text) - SHINGLE + 1))}


def jaccard(text: str, other: str) -> float:
    """Return |A ∩ B| / |A ∪ B| of two texts' shingles, in [0, 1]."""
    left, right = shingles(text), shingles(other)
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared)


def bare(normalised: str) -> str:
    """Return a normalised text's letters and digits, words apart by one space; a text without any as it is."""
    return " ".join(re.findall(r"\w+", normalised)) or normalised


def find_near_duplicates(files: Sequence[Held], pairs: Sequence[Pair]) -> list[Finding]:
    """Find near-duplicates in each file and between the files of each pair.

    A post counts if its text is alike (J at least 0.7) to an earlier one of its file, or to one of the other file.
    Texts that are the same after `normalise_text` are duplicates or an overlap: they are not counted here again.
    """
    everyone = {held.name: held for pair in pairs for held in pair} | {held.name: held for held in files}
    signatures = _signatures({bare(text) for held in everyone.values() for text in held.by_text})
    found = [_within(held, _twins_within(held, signatures)) for held in files]
    indexes = {other.name: _indexed(other, signatures) for _, other in pairs}
    found += [_between(held, other, _twins_between(held, other, indexes[other.name])) for held, other in pairs]
    return [finding for finding in found if finding is not None]


@dataclass(frozen=True, slots=True)
class _Twin:
    post: Post
    twin: Post


Signature = NDArray[np.uint32]


def _signatures(texts: set[str]) -> dict[str, Signature]:
    """Return the MinHash values of every text, by text."""
    empty = MinHash(num_perm=BANDS * ROWS, seed=1, hashfunc=zlib.crc32)
    found = {}
    for text in texts:
        sketch, pieces = empty.copy(), iter(shingles(text))
        while batch := [piece.encode() for piece in islice(pieces, BATCH)]:
            sketch.update_batch(batch)
        found[text] = sketch.hashvalues
    return found


class _Index:
    """Posts that can be asked for the one most alike to a text.

    Own buckets instead of datasketch's MinHashLSH: they are read lazily, so that a bucket with half of a file in it
    (posts of one template) costs no more than `MOST_CANDIDATES`.
    """

    def __init__(self, signatures: dict[str, Signature]) -> None:
        self.signatures = signatures
        self.posts: dict[str, Post] = {}
        self.buckets: defaultdict[tuple[int, bytes], list[str]] = defaultdict(list)

    def add(self, text: str, post: Post) -> None:
        """Add a post under its bare text; the first of several with the same one stays."""
        if text in self.posts:
            return
        self.posts[text] = post
        for key in self._keys(text):
            self.buckets[key].append(text)

    def twin(self, text: str) -> Post | None:
        """Return the post most alike to a bare text, if J is at least `ALIKE`."""
        if text in self.posts:
            return self.posts[text]
        compared = [(jaccard(text, other), other) for other in self._likely(text)]
        alike, twin = max(compared, default=(0.0, ""))
        return self.posts[twin] if alike >= ALIKE else None

    def _likely(self, text: str) -> list[str]:
        """Return the candidates whose estimated index is worth the exact one, the highest first."""
        candidates = list(islice(self._candidates(text), MOST_CANDIDATES))
        if not candidates:
            return []
        stacked = np.stack([self.signatures[other] for other in candidates])
        estimates = (stacked == self.signatures[text]).mean(axis=1)
        order = np.argsort(-estimates, kind="stable")[:MOST_COMPARED]
        return [candidates[at] for at in order if estimates[at] >= ALIKE - SLACK]

    def _candidates(self, text: str) -> Iterator[str]:
        """Yield the texts that share a band with a text, each once."""
        buckets = (self.buckets.get(key, ()) for key in self._keys(text))
        seen: set[str] = set()
        for other in chain.from_iterable(buckets):
            if other not in seen:
                seen.add(other)
                yield other

    def _keys(self, text: str) -> Iterator[tuple[int, bytes]]:
        values = self.signatures[text]
        return ((band, values[band * ROWS : (band + 1) * ROWS].tobytes()) for band in range(BANDS))


def _indexed(held: Held, signatures: dict[str, Signature]) -> _Index:
    index = _Index(signatures)
    for text, posts in held.by_text.items():
        index.add(bare(text), posts[0])
    return index


def _twins_within(held: Held, signatures: dict[str, Signature]) -> list[_Twin]:
    index, twins = _Index(signatures), []
    for text, posts in held.by_text.items():
        key = bare(text)
        if (twin := index.twin(key)) is not None:
            twins.append(_Twin(posts[0], twin))
        index.add(key, posts[0])
    return twins


def _twins_between(held: Held, other: Held, index: _Index) -> list[_Twin]:
    twins = []
    for text, posts in held.by_text.items():
        if text not in other.by_text and (twin := index.twin(bare(text))) is not None:
            twins += [_Twin(post, twin) for post in posts]
    return twins


def _within(held: Held, twins: Sequence[_Twin]) -> Finding | None:
    severity = graded(len(twins) / max(1, len(held)), high=0.5, medium=0.1) if len(twins) > FEW_POSTS else "low"
    says = "almost the same text stands in the file already"
    advice = "keep them on one side of a split, and read intervals as narrower than they should be: they vary together"
    return _finding((held, held), twins, severity, (says, advice))


def _between(held: Held, other: Held, twins: Sequence[_Twin]) -> Finding | None:
    share = len(twins) / max(1, min(len(held), len(other)))
    severity = graded(share, high=0.02, medium=0.005) if len(twins) > FEW_POSTS else "low"
    says = f"almost the same text stands in {other.name}"
    advice = "take them out of the file that trains: a model that has seen almost the same is hardly tested by them"
    return _finding((held, other), twins, severity, (says, advice))


def _finding(pair: Pair, twins: Sequence[_Twin], severity: Severity, told: tuple[str, str]) -> Finding | None:
    (held, other), (says, advice) = pair, told
    if not twins:
        return None
    message = f"{held.name}: {len(twins)} of {len(held)} posts: {says}"
    if differ := sum(each.post.label != each.twin.label for each in twins):
        message += f"; {differ} of them with another label"
    shown = twins[:MOST_EXAMPLES]
    return Finding(
        "near_duplicate",
        severity,
        len(twins),
        len(twins) / len(held),
        message,
        tuple(each.post.id for each in shown),
        advice,
        tuple(dict.fromkeys((held.name, other.name))),
        tuple(each.twin.id for each in shown),
    )
