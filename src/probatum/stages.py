"""The stages of a run, each one function: what it depends on, what it does, what it leaves on disk."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from shutil import rmtree
from typing import Any

import torch

from probatum.artifacts import sha256_ends, sha256_file, write_json_atomic, write_text_atomic
from probatum.crew import ALONE, Crew
from probatum.data.audit import audit
from probatum.data.gather import SIDES, Gathered, gather
from probatum.data.general_text import read_paragraphs
from probatum.data.labels import LabelSet
from probatum.data.records import (
    Post,
    Prediction,
    read_written_posts,
    write_jsonl,
    write_posts,
    write_predictions,
)
from probatum.data.reweighting import describe_weights, post_weights, weight_table
from probatum.data.strategy import strategy_yaml
from probatum.errors import StageError, StudyError
from probatum.manifest import Facts, RunFolder, versions
from probatum.model.fit import Plan, make_plan
from probatum.model.gpus import EnergyMeter, own_gpus
from probatum.model.load import (
    LoadedModel,
    choose_device,
    choose_dtype,
    load_config,
    load_model,
    load_tokenizer,
    locate,
    with_adapter,
    without_adapter,
)
from probatum.model.memory import Peak, free_bytes, size_words
from probatum.model.packing import Suffix
from probatum.model.shape import RowShape
from probatum.prompt.render import Renderer
from probatum.prompt.strategy import Strategy, load_strategy
from probatum.scoring.generate import score_generate
from probatum.scoring.likelihood import Scored, score_likelihood
from probatum.scoring.linear import score_linear, score_majority
from probatum.scoring.retention import general_paragraphs, paragraph_losses
from probatum.shard import catch_up, check_shardable, load_sharded
from probatum.study import AUTO, Study, Training
from probatum.training.loop import train
from probatum.training.trainer import Examples

Report = Callable[..., None]
READY, DEFAULT_STRATEGY = "ready", "baseline"
SEEDS = "seeds"
FEWEST_TOKENS = 64  # in a row
MODEL_PACKAGES = ("probatum", "torch", "transformers", "peft", "tokenizers")


def count_cut(study: Study) -> Callable[[Sequence[str]], list[int]]:
    """Return what counts how many tokens of posts' texts are cut to fit the study's prompt."""
    name = DEFAULT_STRATEGY if study.prompt.strategy == AUTO else study.prompt.strategy
    renderer = Renderer(load_tokenizer(study.model), load_strategy(name), study.task.label_set(), study.prompt)
    return lambda texts: [shown.num_cut_tokens for shown in renderer.render_many(texts)]


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


def _note_on_frame(bench: Bench, gathered: Gathered) -> list[str]:
    name = bench.study.prompt.strategy
    if gathered.frame is None or name in (AUTO, READY):
        return []
    return [f"the posts came in prompts of their own, which are not used: the study names the strategy {name}"]


def versions_of(*packages: str) -> Facts:
    """Return the versions that a stage's numbers depend on."""
    found = versions()
    return {"versions": {package: found[package] for package in packages}}


def data_inputs(bench: Bench) -> Facts:
    """What the data stage depends on."""
    data = bench.study.data
    files = {side: getattr(data, side) for side in SIDES}
    for path in files.values():
        if path is not None and not path.is_file():
            gather(bench.study)  # raises the reader's own error, which names what is near
    return versions_of("probatum") | {
        "data": data.model_dump(mode="json"),
        "hashes": {side: sha256_file(path) for side, path in files.items() if path},
        "task": bench.study.task.model_dump(mode="json"),
        "strategy": bench.study.prompt.strategy,
        "limit": bench.study.limit,
    }


def prepare_posts(bench: Bench) -> Facts:
    """Read, audit and write the posts of the run."""
    folder = bench.folder
    gathered = gather(bench.study)
    for stale in (bench.prompt_file, folder.skipped):
        stale.unlink(missing_ok=True)
    for side, posts in gathered.sides.items():
        write_posts(folder.posts(side), posts)
    if gathered.skipped:
        write_jsonl(folder.skipped, (record.to_json() for record in gathered.skipped))
    if gathered.frame is not None:
        write_text_atomic(bench.prompt_file, strategy_yaml(gathered.frame, bench.study.data.train.name))
    findings = audit(gathered.sides, positive=bench.study.task.positive)
    write_json_atomic(folder.audit, findings.to_json())
    return {
        "posts": {side: len(posts) for side, posts in gathered.sides.items()},
        "skipped": len(gathered.skipped),
        "notes": [*gathered.notes, *_note_on_frame(bench, gathered)],
        "doubts": gathered.doubts,
        "findings": [f"{finding.severity}: {finding.message}" for finding in findings.findings],
    }


def system_inputs(bench: Bench, system: str, side: str = "test") -> Facts:
    """What a system's scores of the test or validation posts depend on."""
    study = bench.study
    given: Facts = {"positive": study.task.positive, side: sha256_file(bench.folder.posts(side))}
    if system in ("majority", "linear"):
        train = {"train": sha256_file(bench.folder.posts("train"))}
        if system == "linear":
            train["reweighting"] = study.training.reweighting
        return given | train | versions_of("probatum", "scikit-learn", "numpy", "scipy")
    given |= {"model": bench.model_identity(), "prompt": bench.renderer.fingerprint(), "method": study.scoring.method}
    given |= versions_of(*MODEL_PACKAGES)
    if study.scoring.method == "generate":  # the words that an answer is parsed by
        given |= {"max_new_tokens": study.scoring.max_new_tokens, "task": study.task.model_dump(mode="json")}
    if system == "tuned":
        given["adapter"] = sha256_file(bench.folder.adapter / "adapter_model.safetensors")
    text = study.data.retention
    about_retention = {"retention": needs_retention(study)} | ({"text": sha256_file(text)} if text else {})
    return given | (about_retention if side == "test" else {})


def needs_retention(study: Study) -> bool:
    """Whether a criterion asks what the model forgot, or the study brings the text to ask with."""
    asked = any(criterion.metric == "retention_nll" for criterion in study.verdict.criteria)
    return asked or study.data.retention is not None


def score_system(bench: Bench, system: str, report: Report, side: str = "test") -> Facts:
    """Score the test or validation posts with one system and write its scores."""
    facts: Facts = {}
    if system in ("majority", "linear"):
        scored = Scored(_score_cheaply(bench, system, side), 0)
    else:
        bench.crew.order("score", system, side, bench.folder.variant)
        scored, facts = score_model(bench, system, report, side)
    write_predictions(bench.folder.scores(system, side), scored.predictions)
    return facts | {"posts": len(scored.predictions), "tokens": scored.num_tokens}


def _score_cheaply(bench: Bench, system: str, side: str) -> list[Prediction]:
    train, posts, positive = bench.posts("train"), bench.posts(side), bench.labels.positive
    if system == "majority":
        return score_majority(train, posts, positive)
    return linear_scores(bench, train, posts)


def linear_scores(bench: Bench, train: Sequence[Post], posts: Sequence[Post]) -> list[Prediction]:
    """Return the linear model's scores of some posts, trained on others as the study says."""
    weights = post_weights(train, bench.study.training.reweighting)
    return score_linear(train, posts, bench.study.task.positive, weights=weights)


def score_model(bench: Bench, system: str, report: Report, side: str = "test") -> tuple[Scored, Facts]:
    """Score posts with the model, in every process of the crew its share of them."""
    peak, meter = Peak(choose_device(bench.study.model), bench.plan.scoring), EnergyMeter(bench.gpus)
    base = bench.base(report)
    loaded = with_adapter(base, bench.folder.adapter) if system == "tuned" else base
    facts: Facts = {}
    try:
        scored = score_with(loaded, bench.renderer, bench.posts(side), bench.planned, report, crew=bench.crew)
        if side == "test" and needs_retention(bench.study):
            if bench.crew.leads:
                facts |= retention_facts(loaded, bench.study)
            catch_up(loaded.model)
    finally:
        without_adapter(loaded)
    return scored, facts | peak.facts() | {"energy_j": meter.spent_j}


def retention_facts(loaded: LoadedModel, study: Study) -> Facts:
    """Return the loss on general text: of each paragraph in nats, its tokens, and the mean."""
    text = study.data.retention
    losses = paragraph_losses(loaded, general_paragraphs() if text is None else read_paragraphs(text))
    nats, tokens = sum(loss for loss, _ in losses), sum(count for _, count in losses)
    finite = tokens > 0 and math.isfinite(nats)
    return {"retention_nll": nats / tokens if finite else None, "retention": losses if finite else []}


def score_with(
    loaded: LoadedModel, renderer: Renderer, posts: list[Post], study: Study, report: Report, *, crew: Crew = ALONE
) -> Scored:
    """Score posts with a model, by the study's method; of several processes each scores a share and gets all scores.

    Shares are of about the same number of characters. The progress reported is the leader's, as if all were as far.
    """
    score = score_generate if study.scoring.method == "generate" else score_likelihood
    shares = crew.deal([len(post.text) for post in posts])
    own = [posts[index] for index in shares[crew.rank]]
    try:
        scored = score(loaded, renderer, own, study.scoring, lambda done: report(done * len(posts) // len(own)))
        catch_up(loaded.model)
    except torch.OutOfMemoryError as error:
        raise StageError(
            f"out of memory while scoring rows of {study.scoring.tokens_per_batch} tokens; "
            f"halve scoring.tokens_per_batch ({study.scoring.tokens_per_batch // 2})"
        ) from error
    by_rank = crew.gather(scored)
    by_index = {
        index: prediction
        for share, part in zip(shares, by_rank, strict=True)
        for index, prediction in zip(share, part.predictions, strict=True)
    }
    return Scored([by_index[index] for index in range(len(posts))], sum(part.num_tokens for part in by_rank))


def answer_posts(bench: Bench, system: str, side: str, report: Report, *, other_rows: bool = False) -> Scored:
    """Have the model answer further posts, in every process of the crew its share of them.

    Args:
        bench: the run, or a variant of it.
        system: baseline or tuned.
        side: which of the run's posts.
        report: told how many are done.
        other_rows: in another order and in rows of half the tokens.
    """
    bench.crew.order("answer", system, bench.folder.variant, side, other_rows)
    return answer_together(bench, system, side, report, other_rows=other_rows)


def answer_together(bench: Bench, system: str, side: str, report: Report, *, other_rows: bool = False) -> Scored:
    """Answer further posts, as every process of the crew does at once."""
    posts, study = bench.posts(side), bench.planned
    if other_rows:
        posts = shuffled(posts, study.verdict.seed)
        fewer = {"tokens_per_batch": max(FEWEST_TOKENS, study.scoring.tokens_per_batch // 2)}
        study = study.model_copy(update={"scoring": study.scoring.model_copy(update=fewer)})
    base = bench.base(report)
    loaded = with_adapter(base, bench.folder.adapter) if system == "tuned" else base
    try:
        return score_with(loaded, bench.renderer, posts, study, report, crew=bench.crew)
    finally:
        without_adapter(loaded)


def shuffled(posts: Sequence[Post], seed: int) -> list[Post]:
    """Return posts in another order."""
    return random.Random(seed).sample(posts, len(posts))


def training_inputs(bench: Bench) -> Facts:
    """What the adapter depends on."""
    return versions_of(*MODEL_PACKAGES) | {
        "train": sha256_file(bench.folder.posts("train")),
        "validation": sha256_file(bench.folder.posts("validation")),
        "model": bench.model_identity(),
        "prompt": bench.renderer.fingerprint(),
        "training": bench.study.training.model_dump(
            mode="json", exclude={"keep_checkpoints", "seeds", "learning_curve", "report_to"}
        ),
    }


def train_adapter(bench: Bench, report: Report, inputs: str) -> Facts:
    """Train the adapter, from its newest checkpoint if this very training was begun before.

    Another training in the folder is hours of work: it moves to `training-HASH`, and comes back when its settings do.
    """
    _make_way(bench.folder.training, inputs)
    bench.crew.order("train", bench.folder.variant)
    return train_together(bench, report)


def train_together(bench: Bench, report: Report) -> Facts:
    """Train the adapter, in every process of the crew with its share of every step's posts."""
    examples, cut = training_examples(bench)
    peak = Peak(choose_device(bench.study.model), bench.plan.training)
    result = train(
        bench.base(report), examples, settled(bench), bench.folder.training, report, crew=bench.crew, gpus=bench.gpus
    )
    notes = [f"{cut} training and validation posts were cut to fit prompt.max_tokens"] if cut else []
    weights = weight_table(bench.posts("train"), bench.study.training.reweighting)
    facts = {"reweighting": [asdict(cell) for cell in weights]} if weights else {}
    return asdict(result) | peak.facts() | facts | {"notes": [*notes, *describe_weights(weights), *result.notes]}


def settled(bench: Bench) -> Training:
    """Return the training's settings as its first start planned them.

    How posts fall into rows decides what dropout draws; a resumed training must stay the same one though other memory
    may be free now.
    """
    path, planned = bench.folder.training / "plan.json", bench.planned.training
    chosen = {name: getattr(planned, name) for name in ("micro_batch_size", "gradient_checkpointing")}
    if not bench.crew.from_leader(path.is_file):
        bench.crew.from_leader(lambda: write_json_atomic(path, chosen))
    return planned.model_copy(update=json.loads(path.read_text(encoding="utf-8")))


def follow(bench: Bench) -> None:
    """Do this process's part of what the leader orders, until the run is over."""
    for verb, *what in bench.crew.orders():
        if verb == "score":
            score_model(bench.variant(what[2]), what[0], _ignore, what[1])
        elif verb == "answer":
            answer_together(bench.variant(what[1]), what[0], what[2], _ignore, other_rows=what[3])
        else:
            train_together(bench.variant(what[0]), _ignore)


def _ignore(_: Any) -> None:
    """Only the leader reports."""


def _make_way(training: Path, inputs: str) -> None:
    marker = training / "inputs.txt"
    if training.exists():
        found = marker.read_text(encoding="utf-8") if marker.is_file() else "unknown"
        if found == inputs:
            return
        set_aside = _set_aside(training, found)
        if set_aside.exists():
            rmtree(set_aside)
        training.rename(set_aside)
    if _set_aside(training, inputs).exists():
        _set_aside(training, inputs).rename(training)
    write_text_atomic(marker, inputs)


def _set_aside(training: Path, inputs: str) -> Path:
    return training.with_name(f"{training.name}-{inputs[:8]}")


def training_examples(bench: Bench) -> tuple[Examples, int]:
    """Return the posts as training examples, and how many of them were cut to fit."""
    renderer = bench.renderer
    sides: dict[str, list[Suffix]] = {}
    cut = 0
    for side in ("train", "validation"):
        posts = bench.posts(side)
        rendered = renderer.render_many([post.text for post in posts])
        cut += sum(shown.truncated for shown in rendered)
        weights = post_weights(posts, bench.study.training.reweighting) if side == "train" else None
        sides[side] = [
            Suffix(shown.post_ids + renderer.tail_ids, [renderer.answer_ids(post.label)], weight)
            for post, shown, weight in zip(posts, rendered, weights or [1.0] * len(posts), strict=True)
        ]
    tokens = bench.plan.validation_tokens
    return Examples(renderer.prefix_ids, sides["train"], sides["validation"], tokens), cut
