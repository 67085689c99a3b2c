"""Swap the names of groups in posts: whole words, in the same form, with article and capitals put right."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from probatum.data.records import Post
from probatum.data.swaps.terms import FORMS, Term

PEOPLE = (
    "people", "person", "persons", "man", "men", "woman", "women", "guy", "guys", "girl", "girls", "boy", "boys", "kid",
    "kids", "child", "children", "family", "families", "couple", "couples", "community", "communities", "folk", "folks",
    "student", "students", "teacher", "teachers", "worker", "workers", "neighbour", "neighbours", "neighbor",
    "neighbors", "friend", "friends", "parent", "parents", "mother", "mothers", "father", "fathers", "youth",
    "teenager", "teenagers", "immigrant", "immigrants",
)  # fmt: skip
BEFORE_PEOPLE = re.compile(rf"\s+(?:{'|'.join(PEOPLE)})(?!\w)", re.IGNORECASE)
ARTICLE = re.compile(r"(?<![\w'’-])(an?)(\s+)$", re.IGNORECASE)
SOUNDS_LIKE_A_CONSONANT = re.compile(r"eu|uk|uni|us[ae]|one", re.IGNORECASE)  # a European, a Ukrainian
SENTENCE_START = re.compile(r"(?:^|[.!?\n])[\s\"'“‘(]*$")


@dataclass(frozen=True, slots=True)
class Mention:
    """One name in a text.

    Attributes:
        start: where it begins.
        end: behind its last character.
        forms: the forms that it may be; one where the next word tells.
        people: whether people, women, families and the like follow.
    """

    start: int
    end: int
    forms: tuple[str, ...]
    people: bool


@dataclass(frozen=True)
class SwapSet:
    """Swapped posts.

    Attributes:
        posts: with the columns `of`, `original`, `from_group`, `to_group`, `from_term`, `to_term`.
        possible: how many there could be.
    """

    posts: list[Post]
    possible: int


def make_swaps(posts: Sequence[Post], terms: Sequence[Term], most: int, seed: int) -> SwapSet:
    """Swap the group that a post names for each other group, with one of its names drawn.

    All mentions of the group change together. Left alone are a post that uses several names of a group, and a group
    that the post names already: its swap would say something else.

    Args:
        posts: what people wrote.
        terms: the names.
        most: at most so many swaps, drawn from all.
        seed: of drawing names and swaps; the same posts, terms and seed give the same swaps.
    """
    finder = Finder(terms)
    rng = random.Random(seed)
    found = [swap for post in posts for swap in _swaps_of(post, finder, rng)]
    drawn = sorted(rng.sample(range(len(found)), min(most, len(found))))
    return SwapSet([found[at] for at in drawn], len(found))


class Finder:
    """Finds the names of groups in a text.

    Args:
        terms: the names.
    """

    def __init__(self, terms: Sequence[Term]) -> None:
        self.terms = terms
        self.owner: dict[str, tuple[Term, tuple[str, ...]]] = {}
        for term in terms:
            for word in {word.casefold() for form in FORMS if (word := term.form(form))}:
                forms = tuple(form for form in FORMS if (term.form(form) or "").casefold() == word)
                self.owner[word] = (term, forms)
        words = sorted(self.owner, key=len, reverse=True)
        spaced = (r"\s+".join(map(re.escape, word.split())) for word in words)
        # no part of a longer word, a hashtag, an address or a compound such as Mexican-American
        self.pattern = re.compile(rf"(?<![\w#@/-])(?:{'|'.join(spaced)})(?![\w/@-]|\.\w)", re.IGNORECASE)

    def mentions(self, text: str) -> dict[Term, list[Mention]]:
        """Return every term that a text names, with its mentions in order."""
        found: dict[Term, list[Mention]] = {}
        for match in self.pattern.finditer(text):
            term, forms = self.owner[" ".join(match[0].casefold().split())]
            people = BEFORE_PEOPLE.match(text, match.end()) is not None
            if term.people and not people:
                continue
            if people and "adjective" in forms:
                forms = ("adjective",)
            found.setdefault(term, []).append(Mention(*match.span(), forms, people))
        return found


def _swaps_of(post: Post, finder: Finder, rng: random.Random) -> Iterator[Post]:
    found = finder.mentions(post.text)
    named = [term.group for term in found]
    for term, mentions in found.items():
        if named.count(term.group) > 1:
            continue
        fitting: dict[str, list[Term]] = {}
        for other in finder.terms:
            if other.group not in named and all(word_for(other, mention) for mention in mentions):
                fitting.setdefault(other.group, []).append(other)
        for group, others in fitting.items():
            yield _swapped(post, term, rng.choice(others), mentions, group)


def word_for(term: Term, mention: Mention) -> str | None:
    """Return the word of a term that fits in the place of a mention, `None` where none does.

    Where a mention may be an adjective or a noun, the term must have one word for both.
    """
    words = {term.form(form) for form in mention.forms}
    return words.pop() if len(words) == 1 and (mention.people or not term.people) else None


def _swapped(post: Post, term: Term, other: Term, mentions: Sequence[Mention], group: str) -> Post:
    extra = {
        "of": post.id, "original": post.text, "from_group": term.group, "to_group": group,
        "from_term": post.text[mentions[0].start : mentions[0].end], "to_term": word_for(other, mentions[0]),
    }  # fmt: skip
    text = swapped_text(post.text, [(mention, word_for(other, mention) or "") for mention in mentions])
    return Post(f"{post.id}~{term.group}~{group}", text, post.label, group, post.source, extra)


def swapped_text(text: str, changes: Sequence[tuple[Mention, str]]) -> str:
    """Return a text with words in the place of mentions, from left to right."""
    parts, at = [], 0
    lower = not any(character.isupper() for character in text)
    for mention, word in changes:
        before = text[at : mention.start]
        cased = _cased(word, text, mention, lower=lower)
        parts += [_with_article(before, cased), cased]
        at = mention.end
    return "".join([*parts, text[at:]])


def _cased(word: str, text: str, mention: Mention, *, lower: bool) -> str:
    """Write a word as the one that it replaces: a post in small letters, a shout, or the start of a sentence."""
    old = text[mention.start : mention.end]
    if lower or (old.islower() and word != word.casefold() and _is_casual(text)):
        return word.lower()
    if old.isupper() and len(old) > 1:
        return word.upper()
    starts = old[0].isupper() and SENTENCE_START.search(text[: mention.start]) is not None
    return word[0].upper() + word[1:] if starts else word


def _is_casual(text: str) -> bool:
    """Whether a text hardly uses capitals: not even its first letter is one."""
    letters = [character for character in text if character.isalpha()]
    return bool(letters) and not letters[0].isupper()


def _with_article(before: str, word: str) -> str:
    """Return the text in front of a word with `a` or `an` as the word wants it, in capitals in front of a shout."""
    match = ARTICLE.search(before)
    if match is None:
        return before
    vowel = word[0].lower() in "aeiou" and not SOUNDS_LIKE_A_CONSONANT.match(word)
    shouted = match[1].isupper() and word.isupper() and len(word) > 1
    article = match[1][0] + (("N" if shouted else "n") if vowel else "")
    return before[: match.start()] + article + match[2]
