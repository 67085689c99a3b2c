"""The constant frame around the posts of a file of ready prompts, inferred from the prompts themselves.

The frame is the longest common beginning and end of the prompts, cut back so that no piece of a post is swallowed: to a
line or a heading (`Text: `), or, where there are at least `ENOUGH` different prompts, to white space. A quote or
bracket counts as frame only where its mirror image stands on the other side. A line of the frame may hold a slot: a
heading with one of a few values (`Persona: ARAB`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from probatum.data.reading.boundaries import cut_prefix, cut_suffix, heading_at_end, heading_of

ENOUGH = 20
MOST_SLOT_VALUES = 50
POSTS_PER_SLOT_VALUE = 5
MAJORITY = 0.9


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around every post of a file.

    Attributes:
        prefix_parts: the text before the post; between two parts there is a slot.
        suffix_parts: the text after it; between two parts there is a slot.
        before: in chat files, the messages before the one with the post, as (role, content).
        role: in chat files, the role of the message with the post.
    """

    prefix_parts: tuple[str, ...] = ("",)
    suffix_parts: tuple[str, ...] = ("",)
    before: tuple[tuple[str, str], ...] = ()
    role: str | None = None

    @property
    def prefix(self) -> str:
        """The text before the post, without the lines that hold a slot."""
        return _without_slots(self.prefix_parts)

    @property
    def suffix(self) -> str:
        """The text after the post, without the lines that hold a slot."""
        return _without_slots(self.suffix_parts)

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of the slots, from their headings."""
        return tuple(heading_at_end(part) for part in (*self.prefix_parts[:-1], *self.suffix_parts[:-1]))

    def cut(self, prompt: str) -> tuple[str, dict[str, str]] | None:
        """Return the post inside a prompt and the values of the slots; `None` where the prompt has another frame."""
        before, after = (_pattern(parts) for parts in (self.prefix_parts, self.suffix_parts))
        match = re.compile(f"{before}(?P<post>.*){after}", re.DOTALL).fullmatch(prompt)
        if match is None:
            return None
        values = [value for index, value in enumerate(match.groups(), 1) if index != match.re.groupindex["post"]]
        return match["post"], dict(zip(self.slots, values, strict=True))


def _pattern(parts: Sequence[str]) -> str:
    return r"([^\n]*)".join(re.escape(part) for part in parts)


def _without_slots(parts: Sequence[str]) -> str:
    lines = [part.split("\n") for part in parts]
    for left, right in pairwise(lines):
        del left[-1], right[0]
    return "\n".join(line for piece in lines for line in piece)


def infer_frame(prompts: Sequence[str], marker: str = "") -> Frame:
    """Infer the frame of a file's prompts.

    Args:
        prompts: the prompts, without their answers.
        marker: the text before which a post always ends, if it stands at the end of the prompts.

    Returns:
        The frame. With one prompt, or only equal ones, nothing is known about it: both sides are empty (up to the
        marker, which is never part of a post). A few prompts with a frame of their own do not hide that of the others.
    """
    distinct = sorted(set(prompts))
    tail = marker if marker and all(prompt.endswith(marker) for prompt in distinct) else ""
    bodies = [prompt.removesuffix(tail) for prompt in distinct]
    prefix, suffix = _sides(bodies, bool(tail))
    if not prefix and (most := _majority(bodies)):
        bodies = most
        prefix, suffix = _sides(bodies, bool(tail))
    middles = [body[len(prefix) : len(body) - len(suffix)] for body in bodies]
    parts = [prefix]
    while found := _leading_slot(parts[-1], middles, bool(tail)):
        between, inner, middles = found
        parts.append(between)
        suffix = inner + suffix
    heading = _trailing_slot(middles)
    return Frame(tuple(parts), (heading, suffix + tail) if heading else (suffix + tail,))


def _sides(bodies: Sequence[str], before_marker: bool) -> tuple[str, str]:
    """Return what all bodies begin and end with, cut back to where a post can safely be said to begin and end."""
    bodies = list(set(bodies))
    if len(bodies) < 2:
        return "", ""
    enough = len(bodies) >= ENOUGH
    room = min(map(len, bodies))
    prefix, opener = cut_prefix(_common_beginning(bodies), enough)
    suffix = _common_beginning([body[::-1] for body in bodies])[: room - len(prefix)][::-1]
    suffix, closed = cut_suffix(suffix, opener, enough, before_marker)
    return prefix if closed else prefix.removesuffix(opener), suffix


def _common_beginning(texts: Collection[str]) -> str:
    first, last = min(texts), max(texts)  # every other text lies between them, so it shares what these two share
    length = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[:length]


def _majority(bodies: Sequence[str]) -> list[str]:
    """Return the bodies that share a heading or a line at their beginning, if nearly all do."""
    need = math.ceil(MAJORITY * len(bodies))
    if len(bodies) < ENOUGH or need == len(bodies):
        return []
    windows = ((bodies[at], bodies[at + need - 1]) for at in range(len(bodies) - need + 1))
    common = max((_common_beginning(pair) for pair in windows), key=len)
    prefix, _ = cut_prefix(common, enough=False)
    return [body for body in bodies if body.startswith(prefix)] if prefix else []


def _leading_slot(part: str, middles: Sequence[str], before_marker: bool) -> tuple[str, str, list[str]] | None:
    """Find a slot on the line before the post: a heading, one of few values, and the same text after each.

    Returns:
        What stands between the slot and the posts, what stands after them, and what is left between the two.
    """
    lines = [middle.partition("\n") for middle in middles]
    if not heading_at_end(part) or not _few({line for line, *_ in lines}, middles):
        return None
    rests = [newline + rest for _, newline, rest in lines]
    between, suffix = _sides(rests, before_marker)
    if len(between) < 2:
        return None
    return between, suffix, [rest[len(between) : len(rest) - len(suffix)] for rest in rests]


def _trailing_slot(middles: Sequence[str]) -> str:
    """Return the heading of a slot on the last line after the post, the line break before it included."""
    lines = [middle.rpartition("\n") for middle in middles]
    if not all(newline for _, newline, _ in lines) or not _few({last for *_, last in lines}, middles):
        return ""
    heading = heading_of(_common_beginning([last for *_, last in lines]))
    return "\n" + heading if heading else ""


def _few(values: set[str], posts: Sequence[str]) -> bool:
    return len(values) <= min(MOST_SLOT_VALUES, len(posts) // POSTS_PER_SLOT_VALUE)
