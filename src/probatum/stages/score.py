"""The stages that score posts: what a system depends on, and what it answers."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import torch

from probatum.artifacts import sha256_file
from probatum.crew.group import ALONE, Crew
from probatum.crew.shard import catch_up
from probatum.data.general_text import read_paragraphs
from probatum.data.records import (
    Post,
    Prediction,
    write_predictions,
)
from probatum.data.reweighting import post_weights
from probatum.errors import StageError
from probatum.manifest import Facts
from probatum.model.gpus import EnergyMeter
from probatum.model.load import (
    LoadedModel,
    choose_device,
    with_adapter,
    without_adapter,
)
from probatum.model.memory import Peak
from probatum.prompt.render import Renderer
from probatum.scoring.generate import score_generate
from probatum.scoring.likelihood import Scored, score_likelihood
from probatum.scoring.linear import score_linear, score_majority
from probatum.scoring.retention import general_paragraphs, paragraph_losses
from probatum.stages.bench import Bench, Report, versions_of
from probatum.study import Study

FEWEST_TOKENS = 64  # in a row
MODEL_PACKAGES = ("probatum", "torch", "transformers", "peft", "tokenizers")


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
