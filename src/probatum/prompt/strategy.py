"""Strategies: what is said around a post, one YAML file each."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from probatum.errors import PromptError, did_you_mean
from probatum.yaml_file import line_of, read_mapping

POST = "{post}"
LABELS = "{labels}"
SHIPPED = Path(__file__).parent / "strategies"

Role = Literal["system", "developer", "user", "assistant"]


class _StrategyFaultError(ValueError):
    """A fault with the place in the file where it is."""

    def __init__(self, message: str, *where: int | str) -> None:
        super().__init__(message)
        self.where = where


class Message(BaseModel):
    """One turn of a chat."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role = Field(description="who speaks; developer and system are the same to a model that knows only one")
    content: str = Field(description="what is said, with {post} and {labels} where they belong")


class Strategy(BaseModel):
    """What is said around a post: a chat (`messages`), or plain text (`text`, or `frame` as it is).

    `{post}` stands exactly once in the whole strategy; `{labels}`, any number of times, becomes the label words joined
    by commas. No other brace means anything, and in a `frame` none does.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, description="what the strategy is called")
    description: str = Field("", description="when to use it, in a sentence")
    answers: tuple[str, ...] | None = Field(None, description="label words its examples use; with others it is refused")
    messages: tuple[Message, ...] | None = Field(None, description="a chat, for models with a chat template")
    text: str | None = Field(None, description="plain text, given to the model without a chat template")
    frame: tuple[str, str] | None = Field(None, description="the text before and after the post, taken as it is")

    @model_validator(mode="after")
    def _one_form_one_post(self) -> Self:
        forms = [name for name in ("messages", "text", "frame") if getattr(self, name) is not None]
        if len(forms) != 1:
            found = " and ".join(forms) or "none"
            raise _StrategyFaultError(f"give one of messages, text and frame; found {found}", *forms[-1:])
        if self.frame is not None:
            return self
        places = [
            where for where, content in self._contents() for _ in range(content.count(POST))
        ]  # one for each {post}
        if not places:
            raise _StrategyFaultError(f"{POST} is missing: say once where the post goes", *forms)
        if len(places) > 1:
            raise _StrategyFaultError(f"{POST} stands {len(places)} times; it must stand exactly once", *places[1])
        for number, message in enumerate(self.messages or ()):
            if POST in message.content and message.role == "assistant":
                raise _StrategyFaultError(
                    f"{POST} stands in an assistant message; the post is not the model's own words",
                    "messages",
                    number,
                    "content",
                )
        if self.messages and self.messages[-1].role != "user":
            raise _StrategyFaultError(
                "the last message must be the user's, so that the answer comes next",
                "messages",
                len(self.messages) - 1,
                "role",
            )
        return self

    def _contents(self) -> list[tuple[tuple[int | str, ...], str]]:
        if self.text is not None:
            return [(("text",), self.text)]
        return [(("messages", i, "content"), message.content) for i, message in enumerate(self.messages or ())]


def shipped_strategies() -> list[str]:
    """Return the names of the strategies that come with Probatum."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def load_strategy(name_or_path: str | Path) -> Strategy:
    """Load a shipped strategy by its name, or one's own from a YAML file.

    Args:
        name_or_path: a name without a suffix, or a path that ends in `.yaml` or `.yml`.

    Raises:
        PromptError: there is no such strategy, or its file is wrong; every fault is listed with its line.
    """
    wanted = str(name_or_path)
    path = Path(wanted)
    if path.suffix not in (".yaml", ".yml"):
        path = SHIPPED / f"{wanted}.yaml"
        if wanted not in shipped_strategies():
            raise PromptError(
                f"no strategy {wanted!r}; {did_you_mean(wanted, shipped_strategies())} "
                f"(shipped: {', '.join(shipped_strategies())}; your own: a path ending in .yaml)"
            )
    if not path.is_file():
        raise PromptError(f"{path}: no such strategy file")
    raw, tree = read_mapping(path, PromptError, "a strategy is a mapping with messages, text or frame")
    try:
        return Strategy.model_validate({"name": path.stem} | raw)
    except ValidationError as error:
        raise PromptError(_explain(path, error, tree)) from error


def _explain(path: Path, error: ValidationError, tree: yaml.Node | None) -> str:
    lines = []
    for finding in error.errors(include_url=False):
        fault = finding.get("ctx", {}).get("error")
        where = fault.where if isinstance(fault, _StrategyFaultError) else finding["loc"]
        message = finding["msg"].removeprefix("Value error, ")
        if finding["type"] == "extra_forbidden":
            keys = Message.model_fields if "messages" in where else Strategy.model_fields
            message = f"unknown key; {did_you_mean(str(where[-1]), keys)}"
        elif finding["type"] == "missing":
            message = "missing; it has no default"
        elif not isinstance(fault, _StrategyFaultError) and not isinstance(finding["input"], dict | list):
            message += f" (found {finding['input']!r})"
        key = ".".join(str(part) for part in where) or "strategy"
        lines.append(f"{path}:{line_of(tree, where)}: {key}: {message}")
    return "\n".join(lines)
