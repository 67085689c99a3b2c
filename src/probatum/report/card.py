"""The model card: Hugging Face metadata, and what a reader must know before using the adapter.

It is for publishing, so it holds no post's text, no path and no host name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from probatum import __version__
from probatum.artifacts import write_text_atomic
from probatum.report import figures
from probatum.report.context import ReportContext, machine_rows, seconds_words, stage_rows
from probatum.report.decisions import calibration_text
from probatum.report.figures import table
from probatum.report.limits import limits
from probatum.report.safe import in_markdown
from probatum.study import Study
from probatum.verdict.decision import Effect
from probatum.verdict.results import Verdict
from probatum.verdict.wording import metric_name

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
PUBLISHED = ("f1", "accuracy", "precision", "recall", "fpr", "fnr", "mcc", "auroc")
TRAINING = (
    "rank", "alpha", "dropout", "targets", "epochs", "max_steps", "batch_size", "learning_rate", "schedule",
    "warmup_steps", "weight_decay", "max_grad_norm", "early_stopping", "reweighting", "seed",
)  # fmt: skip


@dataclass(frozen=True)
class CardFacts:
    """What a run knows besides its study and its verdict; what is not known is left out of the card.

    Attributes:
        context: what ran where, how long and at what cost.
        num_tokens: tokens computed in training.
        warmup_steps: steps of warm-up that training took, if it trained.
        strategy: the prompt strategy that was used.
        data_notes: what to know of the posts, such as that some of the test stand in training too.
    """

    context: ReportContext = field(default_factory=ReportContext)
    num_tokens: int | None = None
    warmup_steps: int | None = None
    strategy: str | None = None
    data_notes: Sequence[str] = ()


def write_cards(paths: Sequence[Path], study: Study, verdict: Verdict, facts: CardFacts) -> None:
    """Write the card to each path, whole or not at all."""
    text = render_card(study, verdict, facts)
    for path in paths:
        write_text_atomic(path, text)


def render_card(study: Study, verdict: Verdict, facts: CardFacts) -> str:
    """Return the card as Markdown with its metadata in front; every text from outside is escaped."""
    sections = [
        [f"# {in_markdown(study.name)}", in_markdown(verdict.sentence, 4000)],
        _use(study, verdict, facts),
        limits(study, verdict, facts.data_notes),
        figures.criteria(verdict),
        _results(verdict),
        figures.groups(verdict),
        _training(study, facts),
        _what_it_took(facts.context),
    ]
    body = "\n\n".join(part for section in sections for part in section if part)
    return f"---\n{metadata(study, verdict).to_yaml()}\n---\n\n{body}\n"


def metadata(study: Study, verdict: Verdict) -> Any:
    """Return the hub's metadata (`huggingface_hub.ModelCardData`), `model-index` with the tuned system's figures."""
    from huggingface_hub import EvalResult, ModelCardData

    card = study.card
    base = card.base_model or (study.model.name if HUB_ID.fullmatch(study.model.name) else None)
    tuned = verdict.systems.get("tuned")
    dataset = card.datasets[0] if card.datasets else "posts"
    results = [
        EvalResult(
            task_type="text-classification",
            task_name=f"is a post {verdict.positive}",
            dataset_type=dataset,
            dataset_name=f"{verdict.n} test posts of {study.name}",
            dataset_split="test",
            metric_type=metric,
            metric_name=metric_name(metric) if metric != "auroc" else "AUROC",
            metric_value=round(tuned.metrics[metric].value, 4),
        )
        for metric in PUBLISHED
        if tuned is not None and tuned.metrics[metric].defined
    ]
    return ModelCardData(
        language=card.language or None,
        license=card.license,
        library_name="peft",
        pipeline_tag="text-generation",
        base_model=base,
        base_model_relation="adapter" if base else None,
        datasets=card.datasets or None,
        tags=["lora", "peft", "text-classification", "content-moderation", "probatum"],
        model_name=study.name if results else None,
        eval_results=results or None,
    )


def _use(study: Study, verdict: Verdict, facts: CardFacts) -> list[str]:
    words = ", ".join(f"*{in_markdown(word)}*" for word in study.task.labels.values())
    told = in_markdown(study.card.intended_use, 2000) if study.card.intended_use else (
        f"A LoRA adapter that makes {in_markdown(study.card.base_model or _short(study.model.name))} answer one "
        f"question about one post: {words}? The probability of *{in_markdown(verdict.positive)}* is its score; a score "
        f"of {_threshold(study, verdict)} or more is a flag. It was made and tested with the prompt "
        f"{_prompt(facts.strategy or study.prompt.strategy)}; under another prompt none of the figures below holds."
    )  # fmt: skip
    return ["## Intended use", told]


def _prompt(strategy: str) -> str:
    """Return a strategy by name; `ready` is the name of the posts' own."""
    return f"*{in_markdown(_short(strategy))}*" + (", that is, the posts' own" if strategy == "ready" else "")


def _threshold(study: Study, verdict: Verdict) -> str:
    """Return the tuned system's threshold with how it came about; without a decision what the study gives."""
    used = verdict.decisions.get("tuned")
    if used is None:
        return f"{study.scoring.threshold}"
    return f"{used.threshold:.6g}" + (f" ({used.rule})" if used.chosen else "") + _calibrated(used)


def _calibrated(used: Effect) -> str:
    """Return what is done to a score before it is held against the threshold; "" for nothing."""
    if used.calibration == "none":
        return ""
    how = {
        "temperature": "the sigmoid of logit(probability) / temperature",
        "isotonic": "a line between the corners in the run's tuned/decision.json",
    }[used.calibration]
    return f" after calibration ({calibration_text(used.calibration, used.temperature)}: {how})"


def _short(name: str) -> str:
    """Return a model or strategy without the folders of the machine that it lay on."""
    return name if HUB_ID.fullmatch(name) else Path(name).name


def _results(verdict: Verdict) -> list[str]:
    names = list(verdict.systems)
    rows = [
        (
            "AUROC" if metric == "auroc" else metric_name(metric),
            *(figures.with_interval(verdict.systems[name].metrics[metric]) for name in names),
        )
        for metric in PUBLISHED
    ]
    legend = f"{verdict.n:,} test posts, {verdict.confidence * 100:g}% intervals."
    return ["## Results", legend, table(("", *map(in_markdown, names)), rows)]


def _training(study: Study, facts: CardFacts) -> list[str]:
    settings = study.training.model_dump(mode="json", include=set(TRAINING))
    if facts.warmup_steps is not None:
        settings["warmup_steps"] = facts.warmup_steps
    rows = [(name, in_markdown(str(settings[name]), 300)) for name in TRAINING if settings[name] is not None]
    posts = [(f"{side} posts", f"{count:,}") for side, count in facts.context.posts.items()]
    tokens = [("tokens computed", f"{facts.num_tokens:,}")] if facts.num_tokens else []
    return ["## Training", table(("setting", "value"), [*posts, *rows, *tokens])]


def _what_it_took(context: ReportContext) -> list[str]:
    stages, machine = (
        table(header, [[in_markdown(cell, 300) for cell in row] for row in rows])
        for header, rows in (stage_rows(context), machine_rows(context))
    )
    whole = "The energy is of the whole cards, by their own counters." if context.energy_j else ""
    cost = "" if context.cost is None else "The cost is by the price of the machine that the study gives."
    made = f"Made by Probatum {__version__}, which measured everything on this card."
    return ["## What it took", stages, seconds_words(context), whole, cost, machine, made]
