"""Settings of the posts, and of how they are asked about."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from probatum.data.labels import LabelSet
from probatum.study.section import Section

DEFAULT_ALIASES = {"not_hate": ["normal"]}


class Task(Section):
    """What is asked about each post."""

    positive: str = Field("hate", description="the label whose probability is the score")
    labels: dict[str, str] = Field(
        default={"hate": "hate", "not_hate": "not hate"},
        description="label -> the words that the model must say for it",
    )
    aliases: dict[str, list[str]] = Field(
        default=DEFAULT_ALIASES, description="label -> what else it is called in the files"
    )

    @model_validator(mode="before")
    @classmethod
    def _default_aliases_of_these_labels(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "aliases" in given or not isinstance(given.get("labels"), dict):
            return given
        kept = {label: names for label, names in DEFAULT_ALIASES.items() if label in given["labels"]}
        return given | {"aliases": kept}

    @model_validator(mode="after")
    def _labels_agree(self) -> Self:
        self.label_set()
        return self

    def label_set(self) -> LabelSet:
        """Return the labels as the rest of the code uses them."""
        return LabelSet(self.positive, self.labels, self.aliases)


class Columns(Section):
    """Which columns of the files hold what."""

    id: str | None = Field(
        None, description="column with the post's id (default: `id` where there is one, else the line)"
    )
    text: str = Field("text", description="column with the post's text")
    label: str = Field("label", description="column with the true label")
    group: str | None = Field(None, description="column with the group the post is about (default: `group` if there)")
    source: str | None = Field(None, description="column with the collection (default: `source` if there)")


class BehaviourColumns(Section):
    """Which columns of a file of functional tests hold what."""

    text: str = Field("text", description="column with the case's text")
    label: str = Field("label", description="column with the right label")
    functionality: str = Field("functionality", description="column with what the case checks")
    template: str = Field("templ_id", description="column with the template that the case is made of")
    group: str = Field("group", description="column with the group that the case aims at")


class Data(Section):
    """The files of posts; a relative path is relative to the study file."""

    train: Path = Field(description="posts to train on")
    validation: Path = Field(description="posts that choose the checkpoint (and the threshold)")
    test: Path | None = Field(None, description="posts that decide, once; without it validation is split in two")
    columns: Columns = Field(default_factory=Columns, description="which columns hold what")
    retention: Path | None = Field(
        None, description="general text for the loss before and after: .txt, a blank line between paragraphs, or .jsonl"
    )
    behaviour: Path | None = Field(
        None, description="functional tests, such as HateCheck's test_suite_cases.csv, as published or prepared"
    )
    behaviour_columns: BehaviourColumns = Field(
        default_factory=BehaviourColumns, description="which columns of `behaviour` hold what"
    )
    marker: str = Field("### Classification:", description="in ready prompts, the text after which the answer stands")
    on_error: Literal["stop", "skip"] = Field("stop", description="on a bad line: stop, or skip it and count it")
    seed: int = Field(0, ge=0, description="seed of drawing posts: the split of validation and --limit")


class Swaps(Section):
    """Test posts with the group that they name swapped for another: what changes should not hang on the name."""

    terms: Path | None = Field(None, description="YAML file of the groups' names (default: the list that comes along)")
    most: int = Field(500, ge=0, description="most swapped posts, drawn from all that there are; 0 for none")
    seed: int = Field(0, ge=0, description="seed of drawing them")


class Prompt(Section):
    """How a post becomes a prompt."""

    strategy: str = Field(
        "auto", description="a shipped strategy, a path to one, or auto: the posts' own prompts, else `baseline`"
    )
    max_tokens: int = Field(512, ge=32, description="longest prompt with its answer; only the post is cut")
    reasoning_effort: Literal["low", "medium", "high"] = Field("low", description="what a Harmony prompt asks for")
    date: str = Field(
        "2025-01-01",
        pattern=r"^\d{4}-\d\d-\d\d$",
        description="the date that the chat template sees, frozen so that runs repeat",
    )

    @field_validator("date", mode="before")
    @classmethod
    def _yaml_reads_dates(cls, value: Any) -> Any:
        return value.isoformat() if isinstance(value, date) else value
