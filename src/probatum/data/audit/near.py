"""Near-duplicates: posts that are almost another post, in the same file or in another.

Two texts are alike if the Jaccard index |A ∩ B| / |A ∪ B| (Broder 1997) of their sets of 5-character shingles is at
least 0.6, and that of their sets of words at least 0.7: in a short post one other word is another statement, however
few its letters ("I hate it", "I hate tea"). Both are taken of the normalised texts without punctuation, links, users.
Pairs worth comparing come from `buckets` and are then compared exactly, so that nothing is called alike that is not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from probatum.data.audit.buckets import Buckets, shingles
from probatum.data.audit.findings import FEW_POSTS, MOST_EXAMPLES, Finding, Severity, graded
from probatum.data.audit.held import Held
from probatum.data.audit.repeats import Pair
from probatum.data.records import Post

ALIKE = 0.6
ALIKE_WORDS = 0.7
SLACK = 0.12  # of the estimated index, below `ALIKE`: over three of its standard deviations
_ADDED = re.compile(r"https?://\S+|www\.\S+|@\w+|<(?:user|url|number)>")  # what retweets and collections put in
# Thai, Lao, Burmese, Khmer, Chinese and Japanese are written without spaces between words
_NO_SPACES = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_NO_SPACES}]|[^\W{_NO_SPACES}]+")


def bare(normalised: str) -> str:
    """Return a normalised text's own letters and digits, words apart by one space; a text without any as it is."""
    return " ".join(re.findall(r"\w+", _ADDED.sub(" ", normalised))) or normalised


def words(text: str) -> set[str]:
    """Return the words of a bare text; in scripts without spaces between words, its characters."""
    return set(_WORD.findall(text)) or {text}


def likeness(text: str, other: str) -> float:
    """Return the Jaccard index of two bare texts' shingles, in [0, 1]; 0 unless they are alike by both."""
    index = jaccard(shingles(text), shingles(other))
    return index if index >= ALIKE and jaccard(words(text), words(other)) >= ALIKE_WORDS else 0.0


def jaccard(left: set[str], right: set[str]) -> float:
    """Return |A ∩ B| / |A ∪ B| of two sets that are not both empty, in [0, 1]."""
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared)


def find_near_duplicates(files: Sequence[Held], pairs: Sequence[Pair]) -> list[Finding]:
    """Find near-duplicates in each file and between the files of each pair.

    A post counts if its text is alike to an earlier one of its file, or to one of the other file.
    Texts that are the same after `normalise_text` are duplicates or an overlap: they are not counted here again.
    """
    everyone = {held.name: held for pair in pairs for held in pair} | {held.name: held for held in files}
    bare_texts = {name: {text: bare(text) for text in held.by_text} for name, held in everyone.items()}
    buckets = Buckets(dict.fromkeys(text for texts in bare_texts.values() for text in texts.values()))
    firsts = {name: _first_posts(held, bare_texts[name]) for name, held in everyone.items()}
    found = [_within(held, _twins_within(held, bare_texts[held.name], buckets)) for held in files]
    found += [
        _between(held, other, _twins_between(held, other, bare_texts[held.name], (firsts[other.name], buckets)))
        for held, other in pairs
    ]
    return [finding for finding in found if finding is not None]


@dataclass(frozen=True, slots=True)
class _Twin:
    post: Post
    twin: Post


def _first_posts(held: Held, bare_texts: Mapping[str, str]) -> dict[str, Post]:
    """Return bare text to the first post that has it."""
    firsts: dict[str, Post] = {}
    for text, posts in held.by_text.items():
        firsts.setdefault(bare_texts[text], posts[0])
    return firsts


def _twin(text: str, posts: Mapping[str, Post], buckets: Buckets) -> Post | None:
    """Return the post most alike to a bare text, if it is alike enough."""
    if text in posts:
        return posts[text]
    compared = [(likeness(text, other), other) for other in buckets.likely(text, posts, ALIKE - SLACK)]
    index, other = max(compared, default=(0.0, ""))
    return posts[other] if index else None


def _twins_within(held: Held, bare_texts: Mapping[str, str], buckets: Buckets) -> list[_Twin]:
    earlier: dict[str, Post] = {}
    twins = []
    for text, posts in held.by_text.items():
        if (twin := _twin(bare_texts[text], earlier, buckets)) is not None:
            twins.append(_Twin(posts[0], twin))
        earlier.setdefault(bare_texts[text], posts[0])
    return twins


def _twins_between(
    held: Held, other: Held, bare_texts: Mapping[str, str], place: tuple[Mapping[str, Post], Buckets]
) -> list[_Twin]:
    twins = []
    for text, posts in held.by_text.items():
        if text not in other.by_text and (twin := _twin(bare_texts[text], *place)) is not None:
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
