"""Fisher's exact test against scipy, and the association against counting by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from probatum.data.audit.association import associate, fisher_p

counts = st.integers(0, 60)


@given(counts, counts, counts, counts)
@settings(max_examples=200, deadline=None)
def test_fisher_against_scipy(hits, misses, others, rest):
    expected = fisher_exact([[hits, misses], [others, rest]], alternative="greater").pvalue
    assert fisher_p(hits, hits + misses, hits + others, hits + misses + others + rest) == pytest.approx(
        expected, abs=1e-9
    )


def test_fisher_of_many_posts_is_quick_and_tiny():
    assert 0.0 <= fisher_p(60_000, 60_000, 100_000, 250_000) < 1e-300


def test_association():
    holds = np.array([True] * 4 + [False] * 6)
    found = associate(holds, ["a", "a", "a", "b", "b", "b", "b", "b", "b", "b"])
    assert (found.label, found.present, found.count, found.share) == ("b", False, 6, 0.6)
    assert (found.purity, found.base, found.gain) == (1.0, 0.7, 1.0)


def test_presence_comes_before_absence():
    assert associate(np.array([True, False]), ["a", "b"]).present


def test_one_label_or_nothing_to_compare():
    assert associate(np.array([True, False]), ["a", "a"]) is None
    assert associate(np.array([True, True]), ["a", "b"]) is None
    assert associate(np.array([True, False, False]), ["a", "b", "b"], min_count=3) is None
