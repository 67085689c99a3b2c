"""Files whose rows are whole prompts with their answers: plain text with a marker, or chat messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from probatum.data.faults import FieldError
from probatum.data.frames import Frame, infer_frame

MESSAGES = "messages"


@dataclass(frozen=True, slots=True)
class ReadyPrompt:
    """One prompt and the answer that followed it.

    Attributes:
        content: the part that holds the post: the plain prompt, or the last message before the answer.
        answer: what followed, as it came; `None` where nothing did.
        before: in chat files, the messages before `content`, as (role, content).
        role: in chat files, the role of the message `content`.
    """

    content: str
    answer: str | None
    before: tuple[tuple[str, str], ...] = ()
    role: str | None = None

    def whole(self) -> str:
        """Return the whole prompt as one text, messages apart by an empty line."""
        return "\n\n".join([*(content for _, content in self.before), self.content])


def split_marked(text: str, marker: str, field: str) -> ReadyPrompt:
    """Split a ready prompt after its last marker.

    Raises:
        FieldError: the marker is not in it.
    """
    head, found, tail = text.rpartition(marker)
    if not found:
        raise FieldError(field, f"no marker {marker!r} where the other prompts have one")
    return ReadyPrompt(head + marker, tail if tail.strip() else None)


def split_chat(messages: Any) -> ReadyPrompt:
    """Split a conversation before its last message, if that is the assistant's.

    Raises:
        FieldError: it is not a list of messages with role and content, or holds no prompt.
    """
    if not isinstance(messages, list) or not messages:
        raise FieldError(MESSAGES, "expected a list of {role, content} messages")
    turns = [_turn(number, message) for number, message in enumerate(messages, 1)]
    answers = [index for index, (role, _) in enumerate(turns) if role == "assistant"]
    answer = None
    if answers and answers[-1] == len(turns) - 1:
        answer = turns.pop()[1]
        if not answer.strip():
            raise FieldError(MESSAGES, "the assistant's last message is empty")
    elif answers:
        raise FieldError(MESSAGES, "a message follows the assistant's last one: the prompt has no answer")
    if not turns:
        raise FieldError(MESSAGES, "no prompt before the assistant's message")
    (role, content), before = turns[-1], tuple(turns[:-1])
    return ReadyPrompt(content, answer, before, role)


def _turn(number: int, message: Any) -> tuple[str, str]:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise FieldError(MESSAGES, f"message {number} is not an object with a role and content")
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(_part(number, part) for part in content)
    if not isinstance(content, str):
        raise FieldError(MESSAGES, f"message {number} has no text content")
    return message["role"], content


def _part(number: int, part: Any) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        return str(part["text"])
    kind = part.get("type") if isinstance(part, dict) else type(part).__name__
    raise FieldError(MESSAGES, f"message {number} has a part that is not text ({kind})")


def frame_of(prompts: Sequence[ReadyPrompt], marker: str = "") -> Frame:
    """Infer the frame of a file: around the post, and the most frequent messages before it."""
    frame = infer_frame([prompt.content for prompt in prompts], marker)
    (before, role), _ = Counter((prompt.before, prompt.role) for prompt in prompts).most_common(1)[0]
    return replace(frame, before=before, role=role)
