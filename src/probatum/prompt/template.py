"""Chat templates: what stands before the post, between post and answer, and after the answer.

The template is rendered here, and not by `apply_chat_template`, because the date that it sees must be frozen:
transformers 5.17 takes another `strftime_now`, 5.23 turns it into the string "<function>". The sandbox and its filters
are those of transformers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from probatum.errors import PromptError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

POST_MARK = "ProbatumPostGoesHere"
ANSWER_MARK = "ProbatumAnswerGoesHere"

Chat = list[dict[str, str]]


@dataclass(frozen=True)
class Frame:
    """The text around a post and its answer.

    Attributes:
        before: everything before the post.
        after: everything from the post up to the answer.
        end: what follows the answer; `None` where the template does not say.
    """

    before: str
    after: str
    end: str | None


def frame_of_chat(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[tuple[str, str]], today: str, reasoning_effort: str
) -> Frame:
    """Render a chat and cut it at the post and at the answer.

    The answer is put in as an assistant message, so the frame holds whatever this template writes before a direct
    answer (Harmony's `<|channel|>final<|message|>`, an empty `<think>` block). An instruction goes under the role that
    the template knows, or in front of the first user message if it knows none.

    Args:
        tokenizer: one with a chat template.
        messages: role and content; the post is `POST_MARK` in one of them.
        today: the date that the template sees, as YYYY-MM-DD.
        reasoning_effort: low, medium or high, for templates that ask for it.

    Raises:
        PromptError: the template loses, repeats or changes a message, or cannot be rendered.
    """
    source, render = _template(tokenizer, today, reasoning_effort)
    faults = []
    for chat in _ways_to_say(messages, source):
        probe = [message | {"content": f"ProbatumMessage{i:03d}"} for i, message in enumerate(chat)]
        try:
            shown = render(probe, True)
            lost = [message["role"] for message in probe if shown.count(message["content"]) != 1]
            if not lost:
                return _cut(chat, render)
            faults.append(f"the message of role {lost[0]!r} does not appear exactly once")
        except (jinja2.TemplateError, TypeError) as error:
            faults.append(f"with roles {', '.join(m['role'] for m in chat)}: {error}")
    raise PromptError(
        "the model's chat template cannot hold this strategy: " + "; ".join(faults) + ". Use a strategy with `text:`"
    )


def _ways_to_say(messages: Sequence[tuple[str, str]], source: str) -> list[Chat]:
    """Return the chat in the forms to try: instruction as developer, as system, in front of the first user message."""
    # Many templates print any role, also one that the model never saw: developer must be named in the source.
    known = ["developer", "system"] if "developer" in source else ["system"]
    ways = [
        [
            {"role": role if said_by in ("developer", "system") else said_by, "content": content}
            for said_by, content in messages
        ]
        for role in known
    ]
    instruction = [content for role, content in messages if role in ("developer", "system")]
    rest = [{"role": role, "content": content} for role, content in messages if role not in ("developer", "system")]
    if not instruction:
        return [rest]
    first = next(i for i, message in enumerate(rest) if message["role"] == "user")
    rest[first] = {"role": "user", "content": "\n\n".join([*instruction, rest[first]["content"]])}
    return [*ways, rest]


def _cut(chat: Chat, render: Callable[[Chat, bool], str]) -> Frame:
    answered = _try(render, [*chat, {"role": "assistant", "content": ANSWER_MARK}])
    if answered.count(ANSWER_MARK) == 1 and answered.rfind(POST_MARK) < answered.find(ANSWER_MARK):
        shown, end = answered.split(ANSWER_MARK)
    else:
        shown, end = render(chat, True), None
    if (found := shown.count(POST_MARK)) != 1:
        raise PromptError(
            f"the model's chat template shows the post {found} times instead of once; "
            "it drops or repeats user messages. Use a strategy with `text:`"
        )
    before, after = shown.split(POST_MARK)
    return Frame(before, after, end)


def _try(render: Callable[[Chat, bool], str], chat: Chat) -> str:
    try:
        return render(chat, False)
    except (jinja2.TemplateError, TypeError):
        return ""


def _template(
    tokenizer: PreTrainedTokenizerBase, today: str, reasoning_effort: str
) -> tuple[str, Callable[[Chat, bool], str]]:
    """Return the template's source and a function that renders a chat with it."""
    try:
        day = date.fromisoformat(today)
    except ValueError as error:
        raise PromptError(f"prompt.date: {today!r} is not a date; write it as YYYY-MM-DD") from error
    try:
        source = tokenizer.get_chat_template()
        template = _compile(source)
    except (ValueError, jinja2.TemplateError) as error:
        raise PromptError(f"the model's chat template cannot be used: {error}. Use a strategy with `text:`") from error
    settings = {
        **tokenizer.special_tokens_map,
        "strftime_now": day.strftime,
        "date_string": day.strftime("%d %b %Y"),
        "reasoning_effort": reasoning_effort,
        "enable_thinking": False,
        "thinking": False,
        "tools": None,
        "documents": None,
    }

    def render(chat: Chat, add_generation_prompt: bool) -> str:
        return template.render(messages=chat, add_generation_prompt=add_generation_prompt, **settings)

    return source, render


class _GenerationTag(jinja2.ext.Extension):
    """Let `{% generation %}` through; it only marks what the assistant says."""

    tags = {"generation"}  # noqa: RUF012 - jinja's own form

    def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


@lru_cache
def _compile(source: str) -> jinja2.Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_GenerationTag, "jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise
    return environment.from_string(source)


def _to_json(value: Any, ensure_ascii: bool = False, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, **options)


def _raise(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)
