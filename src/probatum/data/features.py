"""What a linear model sees of a text: its words and its characters."""

from __future__ import annotations

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import FeatureUnion, make_union

WORDS = r"(?u)\w+|[^\w\s]"  # single characters, signs and emoji are words too: a post may hold nothing else


def text_features() -> FeatureUnion:
    """Return what turns texts into a sparse matrix [texts, features].

    The words 1-2 and the characters 2-5 within words, each block as tf-idf with tf = 1 + log(count), scaled to unit
    length.
    """
    return make_union(
        TfidfVectorizer(ngram_range=(1, 2), token_pattern=WORDS, sublinear_tf=True),
        TfidfVectorizer(ngram_range=(2, 5), analyzer="char_wb", sublinear_tf=True),
    )
