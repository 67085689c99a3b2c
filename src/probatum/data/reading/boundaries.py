"""Where a common beginning or end of prompts can be cut without taking a piece of a post with it."""

from __future__ import annotations

import re
from collections.abc import Callable

_HEADING = re.compile(r"^[#>*\s]*[A-Za-z][\w /-]{0,40}:[*_]{0,2}[ \t]*")
_MIRROR = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’", "«": "»", "[": "]", "(": ")", "{": "}"}
_MIRROR |= {"```": "```", '"""': '"""', "<<": ">>"}
SENTENCE = 3
LONGEST_TAG = 60
_TAG = re.compile(r"<(\w+)>\s*$")


def heading_of(line: str) -> str:
    """Return the heading that a line begins with (`Text: `), empty where there is none."""
    match = _HEADING.match(line)
    return match[0] if match else ""


def heading_at_end(text: str) -> str:
    """Return the name of the heading that is the whole last line of a text (`persona` for `Persona: `), or empty."""
    line = text.rpartition("\n")[2]
    return line.strip(" \t#>*_:").lower().replace(" ", "_") if line and heading_of(line) == line else ""


def cut_prefix(common: str, enough: bool) -> tuple[str, str]:
    """Cut a common beginning back to a safe place.

    Args:
        common: what all prompts begin with.
        enough: whether there are so many different prompts that several words do not begin all posts by chance. Then
            white space is safe too, if it lies at least `SENTENCE` words behind the last line or heading.

    Returns:
        The beginning, and the quote, bracket or tag that it ends with.
    """
    strict, loose = _cut_prefix(common, _is_safe_end), _cut_prefix(common, lambda piece: piece[-1:].isspace())
    is_sentence = len(loose[0][len(strict[0]) :].split()) >= SENTENCE
    return loose if enough and is_sentence else strict


def _cut_prefix(common: str, is_safe: Callable[[str], bool]) -> tuple[str, str]:
    for end in range(len(common), 0, -1):
        piece = common[:end]
        opener = _opener_at_end(piece)
        if is_safe(piece.removesuffix(opener)):
            return piece, opener
    return "", ""


def cut_suffix(common: str, opener: str, enough: bool, before_marker: bool) -> tuple[str, bool]:
    """Cut a common end to where the posts can safely be said to have ended.

    Args:
        common: what all prompts end with (before the marker, if there is one).
        opener: the quote, bracket or tag before the post, whose mirror image is looked for.
        enough: as in `cut_prefix`.
        before_marker: whether a marker follows, so that white space alone is frame.

    Returns:
        The end, and whether it closes the opener.
    """

    def is_strict(piece: str) -> bool:
        return piece.startswith("\n") or (before_marker and not piece.strip())

    for closer in dict.fromkeys((_mirror(opener) if opener else "", "")):
        strict = _cut_suffix(common, closer, is_strict)
        loose = _cut_suffix(common, closer, lambda piece: piece[:1].isspace())
        is_sentence = len(loose[: len(loose) - len(strict)].split()) >= SENTENCE
        chosen = loose if enough and is_sentence else strict
        if chosen or not closer:
            return chosen, bool(closer) or not opener
    raise AssertionError("the last closer is empty")


def _cut_suffix(common: str, closer: str, is_safe: Callable[[str], bool]) -> str:
    """Return the longest end that begins with the closer and then safely, or with the closer and nothing else."""
    for start in range(len(common)):
        rest = common[start:].removeprefix(closer)
        if common[start:].startswith(closer) and (is_safe(rest) if rest else bool(closer)):
            return common[start:]
    return ""


def _mirror(opener: str) -> str:
    tag = _TAG.match(opener)
    return f"{opener[len(opener.rstrip()) :]}</{tag[1]}>" if tag else _MIRROR[opener]


def _opener_at_end(prefix: str) -> str:
    if tag := _TAG.search(prefix[-LONGEST_TAG:]):
        return tag[0]
    return next((mark for mark in sorted(_MIRROR, key=len, reverse=True) if prefix.endswith(mark)), "")


def _is_safe_end(piece: str) -> bool:
    line = piece.rpartition("\n")[2]
    return not line or heading_of(line) == line
