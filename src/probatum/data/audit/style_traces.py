"""Traces of writing: how a text is set, which its author may have chosen, or whoever cleaned the file."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from probatum.data.audit.traces import Says, Trace, contains, frequent, marks, shorten

_WORD = re.compile(r"[^\W\d_]{3,}")
_STYLE: Mapping[str, Says] = {
    "begins with a capital letter": lambda text: text.lstrip()[:1].isupper(),
    "begins with a small letter": lambda text: text.lstrip()[:1].islower(),
    "begins with RT": contains(r"\A\s*RT\b"),
    "ends with a punctuation mark": lambda text: text.rstrip()[-1:] in tuple(".!?…。！？"),
    "has a capital letter": lambda text: text != text.lower(),
    "has a word in capitals": lambda text: any(map(str.isupper, _WORD.findall(text))),
    "is written in capitals alone": str.isupper,
    "has a digit": contains(r"\d"),
    "has a link": contains(r"https?://|\bwww\."),
    "has a user's name after @": contains(r"(?<!\w)@\w"),
    "has a hashtag": contains(r"(?<!\w)#\w"),
    "has an emoji": contains("[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f]"),
    "has a straight double quote": contains('"'),
    "has a straight single quote": contains("'"),
    "has a typographic quote": contains("[\u2018-\u201f«»]"),
    "has a long dash": contains("[\u2013\u2014]"),
    "has three dots": contains(r"\.\.\."),
    "has an ellipsis that is one character": contains("…"),
    "has punctuation marks in a row": contains(r"[!?.,]{2}"),
    "has a tab": contains(r"\t"),
    "has a character outside ASCII": lambda text: not text.isascii(),
    "has accents that stand apart from their letters (not in Unicode's form NFC)": (
        lambda text: not unicodedata.is_normalized("NFC", text)
    ),
    "has full-width or mathematical letters": contains("[\uff01-\uff5e\U0001d400-\U0001d7ff]"),
}


def style_traces(texts: Sequence[str], min_count: int) -> list[Trace]:
    """Return the traces of how the texts are set, at their edges, inside, and in their length.

    Args:
        texts: the texts.
        min_count: fewest posts that must share a first or last character, or be on one side of a length.
    """
    traces = [Trace("text", says, marks(texts, holds), False, style=True) for says, holds in _STYLE.items()]
    traces += _edge_traces(texts, "begins with", min_count, lambda text: text.lstrip()[:1])
    traces += _edge_traces(texts, "ends with", min_count, lambda text: text.rstrip()[-1:])
    return traces + _length_traces(texts)


def _edge_traces(texts: Sequence[str], says: str, min_count: int, edge: Callable[[str], str]) -> list[Trace]:
    """Return which texts have which sign, no letter and no digit, at an edge."""
    edges = [edge(text) for text in texts]
    counts = Counter(sign for sign in edges if sign and not sign.isalnum())
    return [
        Trace("text", f"{says} {shorten(sign)}", marks(edges, sign.__eq__), False, style=True)
        for sign, _ in frequent(counts, min_count, len(texts))
    ]


def _length_traces(texts: Sequence[str]) -> list[Trace]:
    """Return which texts are longer than each tenth of them."""
    lengths = np.array([len(text) for text in texts])
    cuts = np.unique(np.quantile(lengths, np.arange(1, 10) / 10, method="lower")) if texts else lengths
    return [
        Trace("text", f"has more than {cut:,} characters", lengths > cut, False, style=True) for cut in cuts.tolist()
    ]
