"""Generated posts for the demo, with no slur and no real person in them.

The words and frames stand in `demo_grammar`. The true label follows from who says what about whom, so a model that
counts words stays well below one that reads.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from probatum.data import demo_grammar as grammar
from probatum.data.records import Post

GROUP_SHARES = {"lgbtq": 0.49, "mexican": 0.23, "middle_east": 0.28}
SOURCE_SHARES = {"forum": 0.6, "stream": 0.4}
HATE_SHARE = 0.47
_Key = TypeVar("_Key", str, bool)
_SLOT = re.compile(r"\{(\w+)(?::(\w+))?\}")
_MIN_WORDS, _MAX_WORDS = 8, 30


@dataclass(frozen=True, slots=True)
class Draft:
    """A generated post with what its construction says about it.

    Attributes:
        text: the post.
        group: the community that it is about.
        construction: its key in `demo_grammar.CONSTRUCTIONS`.
    """

    text: str
    group: str
    construction: str

    @property
    def hate(self) -> bool:
        """Whether the author speaks against the group."""
        return grammar.CONSTRUCTIONS[self.construction].hate


def normalise(text: str) -> str:
    """Return the text's letters and digits in lower case, single spaces between words: equal for near-copies."""
    return " ".join(re.findall(r"\w+", text.casefold()))


def demo_posts(seed: int = 0, train: int = 3083, validation: int = 545, test: int = 1009) -> dict[str, list[Post]]:
    """Generate the demo's posts.

    Group and label shares are the same in every split, to rounding: 49 % lgbtq, 23 % mexican, 28 % middle_east, and
    47 % hate within each. No two posts of any split have the same normalised text.

    Args:
        seed: seed of every draw; the same seed gives the same posts.
        train: number of training posts.
        validation: number of validation posts.
        test: number of test posts.

    Returns:
        `train`, `validation` and `test`, each a list of posts in random order with the extra column `construction`.
    """
    draw = random.Random(f"probatum demo {seed}")
    seen: set[str] = set()
    return {
        split: _posts(split, size, draw, seen)
        for split, size in (("train", train), ("validation", validation), ("test", test))
    }


def draft(draw: random.Random, group: str, hate: bool) -> Draft:
    """Compose one post about a group.

    Args:
        draw: where every random choice comes from.
        group: a key of `demo_grammar.GROUPS`.
        hate: whether the author speaks against the group.

    Returns:
        A post of 8 to 30 words.
    """
    names = [name for name, construction in grammar.CONSTRUCTIONS.items() if construction.hate == hate]
    weights = [grammar.CONSTRUCTIONS[name].weight for name in names]
    name = draw.choices(names, weights)[0]
    while True:
        text = _sentence(draw, group, draw.choice(grammar.CONSTRUCTIONS[name].frames))
        if _MIN_WORDS <= len(text.split()) <= _MAX_WORDS:
            return Draft(text, group, name)


def _posts(split: str, size: int, draw: random.Random, seen: set[str]) -> list[Post]:
    wanted = [
        (group, hate)
        for group, of_group in _quotas(GROUP_SHARES, size).items()
        for hate, count in _quotas({True: HATE_SHARE, False: 1 - HATE_SHARE}, of_group).items()
        for _ in range(count)
    ]
    draw.shuffle(wanted)
    posts = []
    for number, (group, hate) in enumerate(wanted):
        made = next(new for new in _drafts(draw, group, hate) if normalise(new.text) not in seen)
        seen.add(normalise(made.text))
        posts.append(
            Post(
                id=f"demo-{split}-{number:04d}",
                text=made.text,
                label="hate" if hate else "not_hate",
                group=group,
                source=draw.choices(list(SOURCE_SHARES), list(SOURCE_SHARES.values()))[0],
                extra={"construction": made.construction},
            )
        )
    return posts


def _drafts(draw: random.Random, group: str, hate: bool) -> Iterator[Draft]:
    while True:
        yield draft(draw, group, hate)


def _quotas(shares: Mapping[_Key, float], size: int) -> dict[_Key, int]:
    """Split a whole number by shares, the largest remainders rounded up."""
    exact = {key: share * size for key, share in shares.items()}
    counts = {key: int(value) for key, value in exact.items()}
    for key in sorted(exact, key=lambda key: counts[key] - exact[key])[: size - sum(counts.values())]:
        counts[key] += 1
    return counts


def _sentence(draw: random.Random, group: str, frame: str) -> str:
    """Fill a frame's slots and set it between an opener and a tail, in one of several people's ways of writing."""
    fill = _filler(draw, group)
    opener, core, tail = (
        _SLOT.sub(fill, part) for part in (draw.choice(grammar.OPENERS), frame, draw.choice(grammar.TAILS))
    )
    joint = "" if not opener else " " if opener.endswith(" and") else draw.choice((", ", ": ", " "))
    parts = [opener + joint + core, tail] if draw.random() < 0.7 else [tail, opener + joint + core]
    parts = [part for part in parts if part]
    casing = draw.choice((str, str.lower, _capitalised))
    end = draw.choice(grammar.ENDS)
    return draw.choice((". ", ", ")).join(casing(part) for part in parts) + end


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _filler(draw: random.Random, group: str) -> Callable[[re.Match[str]], str]:
    """Return what replaces a slot; a slot met again gets the same words, a new one words not used yet."""
    filled: dict[str, str] = {}
    slur = draw.choice(grammar.PLACEHOLDERS[group])
    words = grammar.WORDS | {"G": grammar.GROUPS[group]}
    base, past, participle, rest = draw.choice(grammar.ACTS)

    def fill(slot: re.Match[str]) -> str:
        name, whom = slot.group(1), slot.group(2)
        if name == "S1":
            return slur
        if name == "S":
            return slur + "s"
        if name == "done":
            return f"{participle} {_SLOT.sub(fill, rest)}"
        if whom:
            verb = {"do": base, "did": past}[name]
            obj = _word(whom)
            return f"{verb} at {obj} in {_word('place')}" if base == "spit" else f"{verb} {obj} {_SLOT.sub(fill, rest)}"
        return _word(name)

    def _word(name: str) -> str:
        if name not in filled:
            kind = name.rstrip("0123456789")
            filled[name] = draw.choice([word for word in words[kind] if word not in filled.values()])
        return filled[name]

    return fill
