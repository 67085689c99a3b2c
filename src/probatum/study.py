"""The study file: every setting, its default and its one line of help."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from probatum.data.labels import LabelSet
from probatum.errors import StudyError, did_you_mean
from probatum.yaml_file import line_of, read_mapping

AUTO = "auto"
OR_AUTO: Any = {"examples": [AUTO]}
REFERENCE_POSTS, REFERENCE_TOKENS = 4, 1024  # what `auto` is on a CPU, and where nothing plans
DEFAULT_ALIASES = {"not_hate": ["normal"]}
TRAINING_METRICS = ("training", "validation_loss", "retention_nll")
FACTS = {"training": "completed", "validation_loss": "falls"}

System = Literal["majority", "linear", "baseline", "tuned"]
Metric = Literal[
    "f1", "accuracy", "precision", "recall", "fpr", "fnr", "flag_rate", "unparsed_rate",
    "training", "validation_loss", "retention_nll",
]  # fmt: skip
Level = Annotated[float, Field(allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class _FaultsInPlaceError(ValueError):
    """Faults with their places in the file."""

    def __init__(self, faults: list[tuple[tuple[int | str, ...], str]]) -> None:
        super().__init__("; ".join(f"{'.'.join(map(str, where))} {message}" for where, message in faults))
        self.faults = faults


def parse_bytes(text: str) -> int:
    """Return the bytes that a size in words stands for: `79GB` is 79e9, `40GiB` is 40 · 2^30.

    Raises:
        ValueError: it is no size.
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([kKMGT]i?B|B)?", text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no size; write 79GB, 40GiB, or a number of bytes")
    unit = (found[2] or "B").removesuffix("B")
    base = 1024 if unit.endswith("i") else 1000
    return int(float(found[1]) * base ** " KMGT".index(unit[0].upper() if unit else " "))


class Section(BaseModel):
    """A part of the study file; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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


class Data(Section):
    """The files of posts; a relative path is relative to the study file."""

    train: Path = Field(description="posts to train on")
    validation: Path = Field(description="posts that choose the checkpoint (and the threshold)")
    test: Path | None = Field(None, description="posts that decide, once; without it validation is split in two")
    columns: Columns = Field(default_factory=Columns, description="which columns hold what")
    marker: str = Field("### Classification:", description="in ready prompts, the text after which the answer stands")
    on_error: Literal["stop", "skip"] = Field("stop", description="on a bad line: stop, or skip it and count it")
    seed: int = Field(0, ge=0, description="seed of drawing posts: the split of validation and --limit")


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


class Planned(Section):
    """A section in which some settings may be `auto`.

    An `auto` setting counts as not given and holds its reference value, which serves wherever nothing plans; the plan
    lays its own over it.
    """

    AUTO: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _auto_is_not_given(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {key: value for key, value in given.items() if not (key in cls.AUTO and value == AUTO)}

    @model_serializer(mode="wrap")
    def _auto_is_written(self, write: Any) -> dict[str, Any]:
        return write(self) | {name: AUTO for name in self.AUTO if self.is_auto(name)}

    def is_auto(self, name: str) -> bool:
        """Whether the plan chooses a setting."""
        return name not in self.model_fields_set


class Model(Section):
    """The model under study."""

    name: str = Field("builtin", description="a Hugging Face id, a local folder, or `builtin` for the toy model")
    revision: str | None = Field(None, description="a branch, tag or commit on the hub")
    dtype: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: float32 on a CPU, else bfloat16")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: the GPU if there is one")
    shard: bool = Field(
        False, description="split the weights over the GPUs of the run, for a model that fits no single one"
    )
    kernels: Literal["auto", "off"] = Field(
        "auto", description="off: compute all in PyTorch and transformers, slower and easier to check"
    )
    memory_limit: int | None = Field(
        None,
        ge=1,
        description="most memory to take on the device: 79GB, 40GiB or bytes; on a CPU it only bounds the plan",
    )
    trust_remote_code: bool = Field(False, description="run code that comes with the model; needs a pinned revision")

    @field_validator("kernels", mode="before")
    @classmethod
    def _yaml_reads_off_as_false(cls, value: Any) -> Any:
        return "off" if value is False else value

    @field_validator("memory_limit", mode="before")
    @classmethod
    def _bytes_of_words(cls, value: Any) -> Any:
        return parse_bytes(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _remote_code_is_pinned(self) -> Self:
        revision = self.revision or ""
        pinned = len(revision) == 40 and all(c in "0123456789abcdef" for c in revision)
        if self.trust_remote_code and not pinned:
            raise ValueError(
                "trust_remote_code needs revision: the full 40-digit commit of code that somebody has read"
            )
        return self


class Training(Planned):
    """LoRA fine-tuning."""

    AUTO = ("micro_batch_size", "gradient_checkpointing")

    rank: int = Field(32, ge=1, description="LoRA rank r")
    alpha: float = Field(64, gt=0, description="LoRA alpha; the update is scaled by alpha / r")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout on the LoRA input")
    targets: list[str] = Field(["q_proj", "k_proj", "v_proj", "o_proj"], description="modules that get an adapter")
    epochs: float = Field(3, gt=0, description="passes over the training posts")
    batch_size: int = Field(8, ge=1, description="posts in each optimiser step")
    micro_batch_size: int = Field(
        REFERENCE_POSTS,
        ge=1,
        description="posts in each forward pass, halved when memory runs out; auto: as many as fit",
        json_schema_extra=OR_AUTO,
    )
    learning_rate: float = Field(2e-4, gt=0, description="peak learning rate of AdamW")
    schedule: Literal["linear", "cosine", "constant_with_warmup"] = Field(
        "linear", description="learning rate schedule"
    )
    warmup_steps: int = Field(100, ge=0, description="steps of linear warm-up")
    weight_decay: float = Field(0.0, ge=0, description="AdamW weight decay")
    max_grad_norm: float = Field(1.0, gt=0, description="gradient clipping norm")
    max_steps: int | None = Field(None, ge=1, description="stop after so many optimiser steps, whatever the epochs")
    eval_steps: int = Field(200, ge=1, description="validation loss and a checkpoint every so many steps")
    keep_checkpoints: int = Field(3, ge=1, description="checkpoints to keep, the best one always among them")
    early_stopping: int | None = Field(None, ge=1, description="stop after so many evaluations without a better loss")
    gradient_checkpointing: bool = Field(
        True,
        description="recompute activations instead of keeping them; auto: where they would not fit",
        json_schema_extra=OR_AUTO,
    )
    seed: int = Field(0, ge=0, description="seed of the adapter's start, the order of posts and the dropout")

    @model_validator(mode="after")
    def _batches_divide(self) -> Self:
        if self.is_auto("micro_batch_size"):
            self.__dict__["micro_batch_size"] = max(self.micro_batches(REFERENCE_POSTS))
        micro = min(self.micro_batch_size, self.batch_size)
        if self.batch_size % micro:
            raise ValueError(f"batch_size {self.batch_size} is not a multiple of micro_batch_size {micro}")
        return self

    def micro_batches(self, most: int) -> list[int]:
        """Return the numbers of posts, at most so many, by which a batch can be cut."""
        return [size for size in range(1, min(most, self.batch_size) + 1) if self.batch_size % size == 0]


class Scoring(Planned):
    """How a model's answer becomes a score."""

    AUTO = ("tokens_per_batch",)

    method: Literal["likelihood", "generate"] = Field(
        "likelihood", description="likelihood of the label words, or the parsed text of a greedy answer"
    )
    threshold: Fraction = Field(0.5, description="a score at or above it is the positive label")
    tokens_per_batch: int = Field(
        REFERENCE_TOKENS,
        ge=64,
        description="most tokens in one packed row of posts; auto: as many as fit",
        json_schema_extra=OR_AUTO,
    )
    max_new_tokens: int = Field(10, ge=1, description="longest answer of `generate`")


class Criterion(Section):
    """One statement that must hold.

    Either a level (`at_least`, `at_most`, `within`) of a metric of one system, a change against another system
    (`gain_over` with `at_least`, `rise_over` with `at_most`), or a fact of training (`completed`, `falls`).
    """

    metric: Metric = Field(description="what is measured")
    system: System = Field("tuned", description="which system it is measured on")
    slice: dict[str, str] = Field(default_factory=dict, description="only posts whose columns have these values")
    at_least: Level | None = Field(None, description="lowest value that passes")
    at_most: Level | None = Field(None, description="highest value that passes")
    within: tuple[Level, Level] | None = Field(None, description="lowest and highest value that pass")
    gain_over: System | None = Field(None, description="the value is the gain over this system")
    rise_over: System | None = Field(None, description="the value is the rise over this system")
    completed: bool | None = Field(None, description="for `training`: every step ran")
    falls: bool | None = Field(None, description="for `validation_loss`: the kept checkpoint is better than the start")
    decide: Literal["point", "bound"] | None = Field(
        None, description="judge the point, or the bound of its interval (default: bound; `within` by the point)"
    )

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        limits = [name for name in ("at_least", "at_most", "within") if getattr(self, name) is not None]
        facts = [name for name in ("completed", "falls") if getattr(self, name) is not None]
        if self.metric in FACTS:
            if facts != [FACTS[self.metric]]:
                raise ValueError(f"metric: {self.metric} wants {FACTS[self.metric]}: true")
            if limits or self.gain_over or self.rise_over or self.slice:
                raise ValueError(f"metric: {self.metric} wants {FACTS[self.metric]}: true and nothing else")
            return self
        if facts:
            raise ValueError(f"{facts[0]} is not for metric: {self.metric}, which has a value")
        if len(limits) != 1:
            raise ValueError(f"metric: {self.metric} wants exactly one of at_least, at_most, within")
        if self.gain_over and self.rise_over:
            raise ValueError("give gain_over or rise_over, not both")
        if self.gain_over and limits != ["at_least"]:
            raise ValueError("gain_over wants at_least: the smallest gain that passes")
        if self.rise_over and limits != ["at_most"]:
            raise ValueError("rise_over wants at_most: the largest rise that passes")
        if self.within and not self.within[0] <= self.within[1]:
            raise ValueError(f"within wants the lowest value first, found {list(self.within)}")
        if self.metric == "retention_nll" and not self.rise_over:
            raise ValueError("retention_nll wants rise_over: baseline and at_most")
        if self.system in (self.gain_over, self.rise_over):
            raise ValueError(f"a change of {self.system} over itself is always 0; name another system")
        return self

    def systems(self) -> list[System]:
        """Return the systems that must be scored to judge it."""
        if self.metric in TRAINING_METRICS:
            return ["tuned"]
        return [system for system in (self.system, self.gain_over, self.rise_over) if system is not None]


DEFAULT_CRITERIA = (
    Criterion(metric="f1", gain_over="baseline", at_least=0.005),
    Criterion(metric="f1", gain_over="linear", at_least=0.0),
    Criterion(metric="training", completed=True),
    Criterion(metric="validation_loss", falls=True),
)


class VerdictSettings(Section):
    """What must hold for the tuned model to be accepted."""

    criteria: list[Criterion] = Field(
        list(DEFAULT_CRITERIA),
        description="every statement that must hold (default: of these, those on scored systems)",
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="confidence level of every interval")
    bootstrap_draws: int = Field(2000, ge=200, description="draws of each paired bootstrap")
    seed: int = Field(0, ge=0, description="seed of the bootstrap")


class Study(Section):  # noqa: PLW1641  # it holds lists, so it has no hash
    """One question: these posts, this model, these criteria."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="names the run folder: runs/NAME")
    task: Task = Field(default_factory=Task, description="what is asked about each post")
    data: Data = Field(description="the files of posts")
    prompt: Prompt = Field(default_factory=Prompt, description="how a post becomes a prompt")
    model: Model = Field(default_factory=Model, description="the model under study")
    training: Training = Field(default_factory=Training, description="LoRA fine-tuning")
    scoring: Scoring = Field(default_factory=Scoring, description="how an answer becomes a score")
    systems: list[System] = Field(
        ["majority", "linear", "baseline", "tuned"], min_length=1, description="what is scored on the same posts"
    )
    verdict: VerdictSettings = Field(default_factory=VerdictSettings, description="what must hold")
    cost_per_hour: float | None = Field(None, ge=0, description="price of this machine for an hour, in any currency")
    limit: int | None = Field(None, ge=4, description="try it on so many posts of each file first")
    _path: Path | None = PrivateAttr(None)

    @property
    def path(self) -> Path | None:
        """The file that the study was read from."""
        return self._path

    @field_validator("prompt", mode="before")
    @classmethod
    def _strategy_alone(cls, value: Any) -> Any:
        return {"strategy": value} if isinstance(value, str) else value

    def __eq__(self, other: object) -> bool:
        """Whether the settings are the same, whichever file they were read from."""
        return self.__dict__ == other.__dict__ if isinstance(other, Study) else NotImplemented

    @model_validator(mode="before")
    @classmethod
    def _default_criteria_of_these_systems(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not isinstance(given.get("systems"), list):
            return given
        verdict = given.get("verdict", {})
        if isinstance(verdict, VerdictSettings):
            verdict = verdict.model_dump(exclude_unset=True)
        if not isinstance(verdict, dict) or "criteria" in verdict:
            return given
        scored = [one for one in DEFAULT_CRITERIA if all(system in given["systems"] for system in one.systems())]
        return given | {"verdict": verdict | {"criteria": scored}}

    @field_validator("systems")
    @classmethod
    def _each_system_once(cls, systems: list[System]) -> list[System]:
        if twice := [system for system in dict.fromkeys(systems) if systems.count(system) > 1]:
            raise ValueError(f"named more than once: {', '.join(twice)}")
        return systems

    @model_validator(mode="after")
    def _criteria_name_scored_systems(self) -> Self:
        faults: list[tuple[tuple[int | str, ...], str]] = [
            (("verdict", "criteria", number), f"needs {system!r}, which is not among the systems")
            for number, criterion in enumerate(self.verdict.criteria)
            for system in criterion.systems()
            if system not in self.systems
        ]
        if faults:
            raise _FaultsInPlaceError(faults)
        return self

    @classmethod
    def load(cls, path: str | Path, overrides: dict[str, Any] | None = None) -> Study:
        """Read a study file.

        Args:
            path: the YAML file; its relative paths are resolved against its folder.
            overrides: dotted key to value, e.g. `{"training.rank": 8}`, laid over the file.

        Raises:
            StudyError: the file is missing, is not YAML, or holds a key or value that is not allowed; every fault is
                listed, with its line.
        """
        path = Path(path)
        if not path.is_file():
            raise StudyError(f"{path}: no such study file; `probatum demo` writes demo/study.yaml to start from")
        raw, tree = read_mapping(path, StudyError, "a study is a mapping of settings")
        for key, value in (overrides or {}).items():
            _lay_over(raw, key.split("."), value)
        try:
            study = cls.model_validate(raw)
        except ValidationError as error:
            raise StudyError(_explain(path, error, tree, cls)) from error
        study = study._resolved(path.resolve().parent)
        study._path = path
        return study

    def _resolved(self, folder: Path) -> Study:
        data = {
            name: (folder / _at_home(value)).resolve()
            for name in ("train", "validation", "test")
            if (value := getattr(self.data, name)) is not None
        }
        strategy = self.prompt.strategy
        if strategy.endswith((".yaml", ".yml")):
            strategy = str((folder / _at_home(strategy)).resolve())
        name = str(_at_home(self.model.name)) if self.model.name.startswith("~") else self.model.name
        if name != "builtin" and (folder / name).is_dir():
            name = str((folder / name).resolve())
        return self.model_copy(
            update={
                "data": self.data.model_copy(update=data),
                "prompt": self.prompt.model_copy(update={"strategy": strategy}),
                "model": self.model.model_copy(update={"name": name}),
            }
        )

    def to_yaml(self) -> str:
        """Return the whole study, defaults written out, as YAML that loads again to the same study."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _at_home(path: str | Path) -> Path:
    """Return a path with `~` filled in, where there is a home to fill in."""
    return Path(os.path.expanduser(path))  # noqa: PTH111  # pathlib's raises where there is no home


def _lay_over(raw: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        inner = raw.setdefault(key, {})
        if isinstance(inner, str) and key == "prompt":
            inner = raw[key] = {"strategy": inner}
        if not isinstance(inner, dict):
            return  # no section of settings: validation says so, with its line
        raw = inner
    raw[keys[-1]] = value


def _explain(path: Path, error: ValidationError, tree: yaml.Node | None, root: type[BaseModel]) -> str:
    """Turn pydantic's findings into lines that name file, line, key and remedy."""
    lines = []
    for finding in error.errors(include_url=False):
        fault = finding.get("ctx", {}).get("error")
        if isinstance(fault, _FaultsInPlaceError):
            lines += [f"{path}:{line_of(tree, where)}: {_dotted(where)}: {said}" for where, said in fault.faults]
            continue
        where = finding["loc"]
        key = _dotted(where) or "study"
        message = finding["msg"].removeprefix("Value error, ")
        if finding["type"] == "extra_forbidden":
            message = f"unknown key; {did_you_mean(str(where[-1]), _keys_at(root, where[:-1]))}"
        elif finding["type"] == "missing":
            message = "missing; it has no default"
        elif not isinstance(finding["input"], dict | list | BaseModel):
            message += f" (found {finding['input']!r})"
        lines.append(f"{path}:{line_of(tree, where)}: {key}: {message}")
    return "\n".join(lines)


def _dotted(where: tuple[int | str, ...]) -> str:
    return ".".join(map(str, where))


def _keys_at(root: type[BaseModel], where: tuple[int | str, ...]) -> list[str]:
    model: Any = root
    for part in where:
        if isinstance(part, str) and part in model.model_fields:
            annotation = model.model_fields[part].annotation
            inner = getattr(annotation, "__args__", (annotation,))[0]
            model = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else model
    return list(model.model_fields)
