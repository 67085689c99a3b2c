"""The study file, and what is said of its faults."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, Field, PrivateAttr, ValidationError, field_validator, model_validator

from probatum.errors import StudyError, did_you_mean
from probatum.study.card import Card
from probatum.study.criteria import DEFAULT_CRITERIA, System, VerdictSettings
from probatum.study.model import Model, Scoring, Training
from probatum.study.posts import Data, Prompt, Swaps, Task
from probatum.study.section import FaultsInPlaceError, Section, or_else
from probatum.study.sweep import Sweep
from probatum.yaml_file import line_of, read_mapping

STRATEGY_ALONE: Any = or_else({"type": "string"})


class Study(Section):  # noqa: PLW1641  # it holds lists, so it has no hash
    """One question: these posts, this model, these criteria."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="names the run folder: runs/NAME")
    task: Task = Field(default_factory=Task, description="what is asked about each post")
    data: Data = Field(description="the files of posts")
    prompt: Prompt = Field(
        default_factory=Prompt,
        description="how a post becomes a prompt; a text alone is its strategy",
        json_schema_extra=STRATEGY_ALONE,
    )
    model: Model = Field(default_factory=Model, description="the model under study")
    training: Training = Field(default_factory=Training, description="LoRA fine-tuning")
    scoring: Scoring = Field(default_factory=Scoring, description="how an answer becomes a score")
    swaps: Swaps = Field(default_factory=Swaps, description="identity swaps of the test posts")
    systems: list[System] = Field(
        ["majority", "linear", "baseline", "tuned"], min_length=1, description="what is scored on the same posts"
    )
    verdict: VerdictSettings = Field(default_factory=VerdictSettings, description="what must hold")
    sweep: Sweep = Field(default_factory=Sweep, description="trainings to try with `probatum sweep`")
    card: Card = Field(default_factory=Card, description="the model card: what only its author knows")
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
            raise FaultsInPlaceError(faults)
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
            raise StudyError(_explain(path, error, tree, cls, tuple(overrides or ()))) from error
        study = study._resolved(path.resolve().parent)
        study._path = path
        return study

    def _resolved(self, folder: Path) -> Study:
        data = {
            name: (folder / _at_home(value)).resolve()
            for name in ("train", "validation", "test", "retention", "behaviour")
            if (value := getattr(self.data, name)) is not None
        }
        swaps = {"terms": (folder / _at_home(terms)).resolve()} if (terms := self.swaps.terms) is not None else {}
        strategy = self.prompt.strategy
        if strategy.endswith((".yaml", ".yml")):
            strategy = str((folder / _at_home(strategy)).resolve())
        name = str(_at_home(self.model.name)) if self.model.name.startswith("~") else self.model.name
        if name != "builtin" and (folder / name).is_dir():
            name = str((folder / name).resolve())
        return self.model_copy(
            update={
                "data": self.data.model_copy(update=data),
                "swaps": self.swaps.model_copy(update=swaps),
                "prompt": self.prompt.model_copy(update={"strategy": strategy}),
                "model": self.model.model_copy(update={"name": name}),
            }
        )

    def to_yaml(self) -> str:
        """Return the whole study, defaults written out, as YAML that loads again to the same study."""
        settings = self.model_dump(mode="json")
        plain = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True)
        if any(line_end in plain for line_end in "\x85\u2028\u2029"):  # PyYAML writes these so that they read as spaces
            return yaml.safe_dump(settings, sort_keys=False)
        return plain

    def _repr_html_(self) -> str:
        from probatum.notebook import study_html

        return study_html(self)


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


def _explain(
    path: Path, error: ValidationError, tree: yaml.Node | None, root: type[BaseModel], laid_over: Collection[str]
) -> str:
    """Turn pydantic's findings into lines that name file, line, key and remedy; what was laid over is named first."""
    lines = []

    def place(where: tuple[int | str, ...]) -> str:
        key = _dotted(where)
        given = any(key == one or key.startswith(f"{one}.") for one in laid_over)
        line = f"{path}:{line_of(tree, where)}"
        return f"{key} as given over {line}" if given else f"{line}: {key or 'study'}"

    for finding in error.errors(include_url=False):
        fault = finding.get("ctx", {}).get("error")
        if isinstance(fault, FaultsInPlaceError):
            lines += [f"{place(where)}: {said}" for where, said in fault.faults]
            continue
        where = finding["loc"]
        message = finding["msg"].removeprefix("Value error, ")
        if finding["type"] == "extra_forbidden":
            message = f"unknown key; {did_you_mean(str(where[-1]), _keys_at(root, where[:-1]))}"
        elif finding["type"] == "missing":
            message = "missing; it has no default"
        elif not isinstance(finding["input"], dict | list | BaseModel):
            message += f" (found {finding['input']!r})"
        lines.append(f"{place(where)}: {message}")
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
