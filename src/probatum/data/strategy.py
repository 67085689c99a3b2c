"""A prompt strategy that puts a post back into the frame in which its file had it."""

from __future__ import annotations

from typing import Any

import yaml

from probatum.data.reading.frames import Frame
from probatum.errors import DataError

PLACE = "{post}"
FILLED_IN = (PLACE, "{labels}")


def strategy_yaml(frame: Frame, file_name: str) -> str:
    """Return the strategy as YAML: `messages` for a chat file, `text` for plain prompts; the post stands as `{post}`.

    Plain prompts that hold `{post}` or `{labels}` themselves are given as `frame`, which nothing is filled into.

    Raises:
        DataError: a chat frame holds `{post}` or `{labels}` itself.
    """
    whole = [frame.prefix, frame.suffix, *(content for _, content in frame.before)]
    taken = [name for name in FILLED_IN if any(name in part for part in whole)]
    description = f"The frame of the prompts in {file_name}."
    if frame.slots:
        description += f" Left out, because they differ between posts: {', '.join(frame.slots)}."
    strategy: dict[str, Any] = {"name": "ready", "description": description}
    prompt = frame.prefix + PLACE + frame.suffix
    if frame.role is not None:
        if taken:
            raise DataError(f"{file_name}: the messages hold {taken[0]} beside the post; replace it by another word")
        turns = (*frame.before, (frame.role, prompt))
        strategy["messages"] = [{"role": role, "content": content} for role, content in turns]
    elif taken:
        strategy["frame"] = [frame.prefix, frame.suffix]
    else:
        strategy["text"] = prompt
    return yaml.safe_dump(strategy, sort_keys=False, allow_unicode=True, width=1000)
