"""The constant frame around the posts of a file of ready prompts, inferred from the prompts themselves.

The frame is the longest common beginning and end of all prompts, cut back so that no piece of a post is swallowed:
to a line or a heading (`Text: `), or, where there are at least `ENOUGH` different prompts, to white space. A quote or
bracket is taken into the frame only where its mirror image stands on the other side.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

ENOUGH = 20
_HEADING = re.compile(r"^[#>*\s]*[A-Za-z][\w /-]{0,40}:[ \t]*")
_PAIRS = {'"': '"', "'": "'", "`": "`", "“": "”", "«": "»", "[": "]", "(": ")", "{": "}", "```": "```", '"""': '"""'}
_TAG = re.compile(r"<(\w+)>\s*$")


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around every post of a file.

    Attributes:
        prefix: the text before the post.
        suffix: the text after it.
        before: in chat files, the messages before the one with the post, as (role, content).
        role: in chat files, the role of the message with the post.
    """

    prefix: str
    suffix: str
    before: tuple[tuple[str, str], ...] = ()
    role: str | None = None

    def cut(self, prompt: str) -> str | None:
        """Return the post inside a prompt, `None` where the prompt has another frame."""
        fits = prompt.startswith(self.prefix) and prompt.endswith(self.suffix)
        if not fits or len(prompt) < len(self.prefix) + len(self.suffix):
            return None
        return prompt[len(self.prefix) : len(prompt) - len(self.suffix)]


def infer_frame(prompts: Sequence[str], marker: str = "") -> Frame:
    """Infer the frame of a file's prompts.

    Args:
        prompts: the prompts, without their answers.
        marker: the text before which a post always ends, if it stands at the end of the prompts.

    Returns:
        The frame. With one prompt, or only equal ones, nothing is known about it: both sides are empty (up to the
        marker, which is never part of a post).
    """
    distinct = sorted(set(prompts))
    tail = marker if marker and all(prompt.endswith(marker) for prompt in distinct) else ""
    bodies = [prompt.removesuffix(tail) for prompt in distinct]
    if len(bodies) < 2:
        return Frame("", tail)
    weak = len(bodies) >= ENOUGH
    prefix = _common_beginning(bodies)
    suffix = _common_beginning([body[::-1] for body in bodies])[::-1]
    room = min(map(len, bodies))
    prefix, opener = _cut_prefix(prefix[:room], weak)
    suffix = _cut_suffix(suffix[len(suffix) - max(0, min(len(suffix), room - len(prefix))) :], opener, weak, bool(tail))
    if opener and not suffix.startswith(_mirror(opener)):
        prefix = prefix.removesuffix(opener)
    return Frame(prefix, suffix + tail)


def _common_beginning(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)  # every other text lies between them, so it shares what these two share
    length = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[:length]


def _mirror(opener: str) -> str:
    tag = _TAG.match(opener)
    return f"</{tag[1]}>" if tag else _PAIRS[opener.strip()]


def _opener_at_end(prefix: str) -> str:
    if tag := _TAG.search(prefix):
        return tag[0]
    return next((mark for mark in sorted(_PAIRS, key=len, reverse=True) if prefix.endswith(mark)), "")


def _cut_prefix(common: str, weak: bool) -> tuple[str, str]:
    """Return the prefix cut back to a safe place, and the quote or bracket that it ends with."""
    for end in range(len(common), -1, -1):
        piece = common[:end]
        opener = _opener_at_end(piece)
        if _is_safe_end(piece.removesuffix(opener), weak):
            return piece, opener
    return "", ""


def _is_safe_end(piece: str, weak: bool) -> bool:
    if not piece or piece.endswith("\n"):
        return True
    if weak and piece[-1].isspace():
        return True
    heading = _HEADING.match(piece.rpartition("\n")[2])
    return heading is not None and heading.end() == len(piece.rpartition("\n")[2])


def _cut_suffix(common: str, opener: str, weak: bool, before_marker: bool) -> str:
    """Return the suffix cut to where a post can safely be said to have ended."""
    closer = _mirror(opener) if opener else ""
    for start in range(len(common) + 1):
        piece = common[start:]
        rest = piece.removeprefix(closer) if closer else piece
        if closer and rest == piece:
            continue
        if not rest or rest.startswith("\n") or (weak and rest[0].isspace()):
            return piece
        if before_marker and not rest.strip():
            return piece
    return _cut_suffix(common, "", weak, before_marker) if closer else ""
