"""A prompt strategy that puts a post back into the frame in which its file had it."""

from __future__ import annotations

from typing import Any

import yaml

from probatum.data.frames import Frame
from probatum.errors import DataError

PLACE = "{post}"


def strategy_yaml(frame: Frame, file_name: str) -> str:
    """Return the strategy as YAML: `messages` for a chat file, `text` for plain prompts; the post stands as `{post}`.

    Raises:
        DataError: the frame itself holds `{post}`, which would stand for a post.
    """
    whole = [frame.prefix, frame.suffix, *(content for _, content in frame.before)]
    if any(PLACE in part for part in whole):
        raise DataError(f"{file_name}: the prompts hold {PLACE} outside of the post; replace it by another word")
    strategy: dict[str, Any] = {"name": "ready", "description": f"The frame of the prompts in {file_name}."}
    prompt = frame.prefix + PLACE + frame.suffix
    if frame.role is None:
        strategy["text"] = prompt
    else:
        strategy["messages"] = [
            {"role": role, "content": content} for role, content in (*frame.before, (frame.role, prompt))
        ]
    return yaml.safe_dump(strategy, sort_keys=False, allow_unicode=True, width=1000)
