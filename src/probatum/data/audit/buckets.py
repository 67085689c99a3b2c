"""Texts that are probably alike: MinHash signatures, cut into bands, and the buckets that share one.

MinHash: Broder 1997. Banding: Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, chapter 3.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Collection, Container, Iterator, Sequence
from itertools import islice

import numpy as np
from datasketch import MinHash
from numpy.typing import NDArray

SHINGLE = 5
# Two texts with J = 0.6 share no band with probability (1 - 0.6⁴)⁴⁸ = 1.3e-3, with 0.7 2e-6; with 0.2 they do in 7 %.
BANDS, ROWS = 48, 4
MOST_LOOKED_AT = 500  # of a text's buckets, so that files written from one template do not take forever
MOST_RETURNED = 20
BATCH = 4096  # shingles hashed at once: a post of a megabyte would take gigabytes else


def shingles(text: str) -> set[str]:
    """Return the 5-character pieces of a text; a shorter text is its own only piece."""
    return {text[at : at + SHINGLE] for at in range(max(1, len(text) - SHINGLE + 1))}


class Buckets:
    """Texts that can be asked for those probably alike.

    Own buckets instead of datasketch's `MinHashLSH`, which keeps one for every band of every text (1.6 million for
    50,000 texts) and returns the whole of each: here those with one text are dropped, and the rest is read lazily.

    Args:
        texts: different texts.
    """

    def __init__(self, texts: Collection[str]) -> None:
        self.texts = list(texts)
        self.number = {text: at for at, text in enumerate(self.texts)}
        self.signatures_TP = _signatures(self.texts)
        self.buckets_of: defaultdict[int, list[NDArray[np.intp]]] = defaultdict(list)
        for keys_T in _band_keys(self.signatures_TP):
            for members in _groups(keys_T):
                for at in members:
                    self.buckets_of[int(at)].append(members)

    def likely(self, text: str, among: Container[str], least: float) -> list[str]:
        """Return texts whose estimated Jaccard index with a text is high, the highest first.

        Args:
            text: one of the texts.
            among: where to choose from; the text itself is not chosen.
            least: lowest estimate, in [0, 1]; its standard deviation at J is √(J(1 - J)/192), 0.035 at 0.6.
        """
        own = self.number[text]
        near = islice(self._sharing(own), MOST_LOOKED_AT)
        candidates = [at for at in near if at != own and self.texts[at] in among]
        if not candidates:
            return []
        estimates = (self.signatures_TP[candidates] == self.signatures_TP[own]).mean(axis=1)
        order = np.argsort(-estimates, kind="stable")[:MOST_RETURNED]
        return [self.texts[candidates[at]] for at in order if estimates[at] >= least]

    def _sharing(self, own: int) -> Iterator[int]:
        """Yield the numbers of the texts that share a band with one, each once."""
        seen: set[int] = set()
        for members in self.buckets_of.get(own, ()):
            for at in map(int, members):
                if at not in seen:
                    seen.add(at)
                    yield at


def _signatures(texts: Sequence[str]) -> NDArray[np.uint32]:
    """Return the MinHash values of every text, [texts, BANDS · ROWS]."""
    empty = MinHash(num_perm=BANDS * ROWS, seed=1, hashfunc=zlib.crc32)
    found = np.empty((len(texts), BANDS * ROWS), dtype=np.uint32)
    for at, text in enumerate(texts):
        sketch, pieces = empty.copy(), iter(shingles(text))
        while batch := [piece.encode() for piece in islice(pieces, BATCH)]:
            sketch.update_batch(batch)
        found[at] = sketch.hashvalues
    return found


def _band_keys(signatures_TP: NDArray[np.uint32]) -> Iterator[NDArray[np.uint64]]:
    """Yield, band by band, one number for each text; texts with the same values in the band have the same one."""
    for band in range(BANDS):
        keys_T = np.zeros(len(signatures_TP), dtype=np.uint64)
        for row in range(band * ROWS, (band + 1) * ROWS):
            keys_T = (keys_T ^ signatures_TP[:, row]) * np.uint64(0x9E3779B97F4A7C15)  # wraps: Fibonacci hashing
            keys_T ^= keys_T >> np.uint64(32)
        yield keys_T


def _groups(keys_T: NDArray[np.uint64]) -> list[NDArray[np.intp]]:
    """Return the places of equal keys, for keys that stand at least twice."""
    order = np.argsort(keys_T, kind="stable")
    edges = np.flatnonzero(np.diff(keys_T[order])) + 1
    starts, ends = np.append(0, edges), np.append(edges, len(order))
    shared = ends - starts > 1
    return [order[start:end] for start, end in zip(starts[shared], ends[shared], strict=True)]
