"""Traces in what stands around the posts of ready prompts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from probatum.data.audit.traces import Trace, contains, frequent, marks, shorten


def frame_traces(frames: Sequence[str], min_count: int) -> list[Trace]:
    """Return the traces in what stands around the posts: the variants of the frame, and its single lines.

    Args:
        frames: for each post, its prompt with the post taken out.
        min_count: fewest posts that must share a variant or a line.
    """
    variants = Counter(frames)
    usual = variants.most_common(1)[0][0]
    traces = [
        Trace(
            "frame", f"differs from the usual one: {_difference(variant, usual)}", marks(frames, variant.__eq__), True
        )
        for variant, _ in frequent(variants, min_count, len(frames))
        if variant != usual
    ]
    lines = Counter(line for frame in frames for line in set(frame.split("\n")))
    for line, _ in frequent(lines, min_count, len(frames)):
        holds = marks(frames, contains(rf"(?m)^{re.escape(line)}$"))
        traces.append(Trace("frame", f"has the line {shorten(line)}", holds, strict=True))
    return traces


def outside_of(prompts: Sequence[str], texts: Sequence[str]) -> list[str]:
    """Return each prompt with its post taken out.

    Where a post's text stands at several places of its prompt, the place is meant that leaves the frame that most
    prompts have.
    """
    candidates = [list(_cuts(prompt, text)) for prompt, text in zip(prompts, texts, strict=True)]
    votes = Counter(frame for frames in candidates for frame in set(frames))
    return [max(frames, key=lambda frame: votes[frame]) if frames else "" for frames in candidates]


def _cuts(prompt: str, text: str, most: int = 20) -> Iterable[str]:
    at = prompt.find(text)
    while at >= 0 and most:
        yield f"{prompt[:at]}{{post}}{prompt[at + len(text) :]}"
        at, most = prompt.find(text, at + 1), most - 1


def _difference(variant: str, usual: str) -> str:
    """Return the piece of a variant that differs, for a message."""
    start = next((at for at, (a, b) in enumerate(zip(variant, usual, strict=False)) if a != b), None)
    if start is None:
        start = min(len(variant), len(usual))
    begin = max(0, start - 10)
    return f"{shorten(variant[begin : begin + 40])} instead of {shorten(usual[begin : begin + 40])}"
