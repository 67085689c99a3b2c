"""What the stages of one run share."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from probatum.artifacts import sha256_ends
from probatum.crew.group import ALONE, Crew
from probatum.crew.shard import check_shardable, load_sharded
from probatum.data.gather import SIDES
from probatum.data.labels import LabelSet
from probatum.data.records import (
    Post,
    read_written_posts,
)
from probatum.errors import StageError, StudyError
from probatum.manifest import Facts, RunFolder, versions
from probatum.model.fit import Plan, make_plan
from probatum.model.gpus import own_gpus
from probatum.model.load import (
    LoadedModel,
    choose_device,
    choose_dtype,
    load_config,
    load_model,
    load_tokenizer,
    locate,
)
from probatum.model.memory import free_bytes, size_words
from probatum.model.shape import RowShape
from probatum.prompt.render import Renderer
from probatum.prompt.strategy import Strategy, load_strategy
from probatum.study import AUTO, Study

Report = Callable[..., None]
READY, DEFAULT_STRATEGY = "ready", "baseline"
SEEDS = "seeds"


class Bench:
    """What the stages of one run share: the study, its folder, and a model that is loaded once.

    Args:
        study: the study.
        folder: the run folder.
        crew: the processes that share the run.
    """

    def __init__(self, study: Study, folder: RunFolder, crew: Crew = ALONE) -> None:
        self.study = study
        self.folder = folder
        self.crew = crew
        self.trains = "tuned" in study.systems  # whether this run will; a single stage need not
        self._loaded: dict[str, LoadedModel] = {}  # shared by the variants

    def variant(self, name: str) -> Bench:
        """Return the bench of a further training, with the same model and its own folder.

        Args:
            name: `seeds/SEED`, or any other folder, whose training differs by its posts alone; "" for the run itself.
        """
        if not name:
            return self
        other = copy.copy(self)
        other.folder = replace(self.folder, variant=name)
        kind, _, seed = name.partition("/")
        if kind == SEEDS:
            training = self.study.training.model_copy(update={"seed": int(seed), "seeds": None})
            other.study = self.study.model_copy(update={"training": training})
        return other

    @property
    def labels(self) -> LabelSet:
        """The task's labels."""
        return self.study.task.label_set()

    def posts(self, side: str) -> list[Post]:
        """Return the posts of train, validation or test, as the run uses them."""
        return read_written_posts(self.folder.posts(side))

    @property
    def prompt_file(self) -> Path:
        """The frame of posts that came as whole prompts, as a strategy."""
        return self.folder.path / "data" / "prompt.yaml"

    @property
    def strategy_name(self) -> str:
        """What the study's `auto` stands for: the posts' own prompts where they came in some."""
        name = self.study.prompt.strategy
        if name == AUTO:
            return READY if self.prompt_file.is_file() else DEFAULT_STRATEGY
        return name

    def strategy(self) -> Strategy:
        """Return the study's strategy.

        Raises:
            StudyError: it is `ready`, but the posts did not come as whole prompts.
        """
        if self.strategy_name != READY:
            return load_strategy(self.strategy_name)
        if not self.prompt_file.is_file():
            raise StudyError(
                "prompt: ready is for posts that come as whole prompts or chats, and these do not; "
                "name a strategy, e.g. prompt: baseline"
            )
        return load_strategy(self.prompt_file)

    @cached_property
    def tokenizer(self) -> Any:
        """The model's tokenizer."""
        return load_tokenizer(self.study.model)

    @cached_property
    def renderer(self) -> Renderer:
        """The prompt, in the model's tokens."""
        return Renderer(self.tokenizer, self.strategy(), self.labels, self.study.prompt)

    @cached_property
    def plan(self) -> Plan:
        """How the model is run, chosen before it is loaded by the memory that is free.

        In a crew the leader's plan, for the process with the least memory, is everyone's, so all processes ask for it
        first at the same point of a stage.
        """
        device, limit = choose_device(self.study.model), self.study.model.memory_limit
        available = self.crew.least(free_bytes(device, limit, sharers=self.crew.size))
        return self.crew.from_leader(lambda: self._make_plan(device, available))

    @cached_property
    def gpus(self) -> list[str]:
        """NVML's ids of the GPUs that the run uses."""
        return own_gpus(self.crew.size) if choose_device(self.study.model).type == "cuda" else []

    def _make_plan(self, device: torch.device, available: int | None) -> Plan:
        study = self.study
        shape = RowShape.of(self.renderer, {side: [post.text for post in self.posts(side)] for side in SIDES})
        shards = self.crew.size if study.model.shard else 1
        dtype = choose_dtype(study.model, device)
        return make_plan(load_config(study.model), study, shape, device, dtype, available=available, shards=shards)

    @property
    def planned(self) -> Study:
        """The study with the plan's values in place of `auto`."""
        training, scoring = self.plan.laid_over(self.study.training, self.study.scoring)
        return self.study.model_copy(update={"training": training, "scoring": scoring})

    def base(self, report: Report) -> LoadedModel:
        """Return the model without an adapter; loaded at first use, kept for the stages that follow.

        Raises:
            StageError: it will not fit into memory.
        """
        if "base" not in self._loaded:
            self.check_shard()
            self._check_fit()
            if self.study.model.shard:
                self._loaded["base"] = load_sharded(self.study.model, self.crew, report)
            else:
                self._loaded["base"] = load_model(self.study.model, report=report)
            self.plan.apply(self._loaded["base"].model)
        return self._loaded["base"]

    def check_shard(self) -> None:
        """Refuse to split a model that cannot be.

        Raises:
            InputError: there is one process alone.
            ModelError: its experts are MXFP4.
        """
        if self.study.model.shard:
            check_shardable(self.study.model, self.crew.size)

    def _check_fit(self) -> None:
        plan, trains = self.plan, self.trains
        if not plan.fits(trains=trains):
            assert plan.available is not None
            limit = "" if self.study.model.memory_limit is None else " under model.memory_limit"
            raise StageError(
                f"{self.study.model.name}: {plan.words()}; {size_words(plan.available)} is there{limit}; "
                f"{plan.advice(trains=trains)}"
            )

    def model_identity(self) -> dict[str, Any]:
        """Return what tells this model from another: name, commit, and for a local folder its files."""
        place = Path(locate(self.study.model))
        identity: dict[str, Any] = self.study.model.model_dump(mode="json", exclude={"memory_limit", "shard"})
        if place.is_dir():
            files = sorted(path for path in place.iterdir() if path.is_file())
            return identity | {"files": {path.name: sha256_ends(path) for path in files}}
        return identity | {"commit": getattr(load_config(self.study.model), "_commit_hash", None)}


def versions_of(*packages: str) -> Facts:
    """Return the versions that a stage's numbers depend on."""
    found = versions()
    return {"versions": {package: found[package] for package in packages}}
