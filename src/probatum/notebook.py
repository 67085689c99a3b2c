"""How a study, a run and a verdict show themselves in a notebook: plain escaped HTML, no script, no style sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from probatum.metrics.intervals import Interval
from probatum.report.safe import one_line
from probatum.verdict.wording import metric_name, number

if TYPE_CHECKING:
    from probatum.pipeline import Run
    from probatum.study import Study
    from probatum.verdict.results import Verdict

COLOURS = {"accepted": "#1a7f37", "rejected": "#cf222e", "inconclusive": "#9a6700"}
SHOWN = ("f1", "accuracy", "precision", "recall", "fpr", "fnr", "auroc")


def study_html(study: Study) -> str:
    """Return what a study asks: posts, model, training, criteria."""
    from probatum.verdict.wording import criterion_text

    rows = [
        ("model", study.model.name),
        ("prompt", study.prompt.strategy),
        ("train", str(study.data.train)),
        ("validation", str(study.data.validation)),
        ("test", str(study.data.test or "half of validation")),
        ("labels", ", ".join(study.task.labels)),
        ("positive", study.task.positive),
        ("systems", ", ".join(study.systems)),
        ("training", f"LoRA rank {study.training.rank}, {study.training.epochs:g} epochs, seed {study.training.seed}"),
        *(("must hold", criterion_text(criterion)) for criterion in study.verdict.criteria),
    ]
    return _heading(f"Study {study.name}") + _table((), rows)


def run_html(run: Run) -> str:
    """Return a run's verdict, and where its files are."""
    shown = "<p>not judged yet</p>" if run.verdict is None else verdict_html(run.verdict)
    return _heading(f"Run {run.study.name}") + shown + f"<p>{_text(str(run.folder.path))}</p>"


def verdict_html(verdict: Verdict) -> str:
    """Return a verdict: its sentence, every criterion, every system, and the next step."""
    colour = COLOURS[verdict.outcome]
    rest = verdict.sentence.removeprefix(verdict.outcome.capitalize())  # the word stands in colour
    gap = "" if rest.startswith(":") else " "
    title = f'<p><strong style="color:{colour}">{verdict.outcome.upper()}</strong>{gap}{_text(rest)}</p>'
    criteria = [(found.outcome, found.text, found.reason) for found in verdict.criteria]
    names = list(verdict.systems)
    systems = [
        ("AUROC" if metric == "auroc" else metric_name(metric),
         *(_span(verdict.systems[name].metrics[metric]) for name in names))
        for metric in SHOWN
    ]  # fmt: skip
    notes = "".join(f"<li>{_text(note)}</li>" for note in verdict.notes)
    return (
        title
        + (_table(("outcome", "criterion", "why"), criteria) if criteria else "")
        + _table((f"{verdict.n:,} posts", *names), systems)
        + (f"<ul>{notes}</ul>" if notes else "")
        + f"<p>Next: {_text(verdict.next_step.sentence)}</p>"
    )


def _span(interval: Interval) -> str:
    if not interval.defined:
        return f"– ({interval.reason})"
    return f"{number(interval.value)} ({number(interval.low)} to {number(interval.high)})"


def _heading(text: str) -> str:
    return f"<h4>{_text(text)}</h4>"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"


def _text(text: str) -> str:
    """Return text from anywhere as one visible line of HTML that cannot turn what stands beside it."""
    return f"<bdi>{escape(one_line(text, 4000))}</bdi>"
