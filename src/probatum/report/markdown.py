"""The verdict as `report.md`: one page that a colleague can read without the tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from probatum.artifacts import write_text_atomic
from probatum.data.records import Post
from probatum.report import figures, further
from probatum.report.context import ReportContext, machine_rows, post_rows, seconds_words, stage_rows
from probatum.report.decisions import decisions
from probatum.report.figures import table
from probatum.report.safe import fenced, in_markdown
from probatum.verdict.evidence import TrainingSummary
from probatum.verdict.results import Comparison, Verdict

MOST_POSTS = 20


def write_report(
    run_name: str, verdict: Verdict, posts: Sequence[Post], path: Path, context: ReportContext | None = None
) -> None:
    """Write the report, whole or not at all.

    Args:
        run_name: names the run.
        verdict: what was found.
        posts: where the texts of fixed and broken posts are.
        path: the Markdown file.
        context: what ran where, how long and at what cost.
    """
    write_text_atomic(path, render_report(run_name, verdict, posts, context or ReportContext()))


def render_report(run_name: str, verdict: Verdict, posts: Sequence[Post], context: ReportContext) -> str:
    """Return the report as Markdown; every text from outside is escaped."""
    texts = {post.id: post.text for post in posts}
    sections = [
        [f"# {in_markdown(run_name)}: {verdict.outcome}", in_markdown(verdict.sentence, 4000)],
        _next(verdict),
        _notes(verdict),
        figures.criteria(verdict),
        further.diagnosis(verdict),
        figures.systems(verdict),
        decisions(verdict),
        figures.confusions(verdict),
        figures.groups(verdict),
        figures.paired(verdict),
        further.seeds(verdict),
        further.noise(verdict),
        further.retention(verdict),
        further.behaviour(verdict),
        further.swaps(verdict),
        *(_changed(verdict, comparison, texts) for comparison in _worth_reading(verdict)),
        figures.slices(verdict),
        _audit(context),
        _training(context.training),
        _what_ran(verdict, context),
        _again(context),
    ]
    return "\n\n".join(part for section in sections for part in section if part) + "\n"


def _next(verdict: Verdict) -> list[str]:
    step = [f"**Next:** {in_markdown(verdict.next_step.sentence, 500)}"]
    return step + ([fenced(verdict.next_step.command, "sh")] if verdict.next_step.command else [])


def _worth_reading(verdict: Verdict) -> list[Comparison]:
    """Return the comparisons whose posts teach something: not those against a system that always says the same."""
    return [c for c in figures.baseline_first(verdict.comparisons) if c.other != "majority"]


def _changed(verdict: Verdict, comparison: Comparison, texts: Mapping[str, str]) -> list[str]:
    system, other = in_markdown(comparison.system), in_markdown(comparison.other)
    parts = [f"## Posts that changed, {other} → {system}"]
    for title, ids in (("Fixed", comparison.fixed), ("Broken", comparison.broken)):
        rest = f"\n- and {len(ids) - MOST_POSTS:,} more" if len(ids) > MOST_POSTS else ""
        lines = "\n".join(_post_line(verdict, comparison, name, texts) for name in ids[:MOST_POSTS])
        parts += [f"### {title}: {len(ids):,}", lines + rest]
    return parts


def _post_line(verdict: Verdict, comparison: Comparison, name: str, texts: Mapping[str, str]) -> str:
    answers = verdict.changed[name]
    was, now = (answers.predictions.get(who) or "unparsed" for who in (comparison.other, comparison.system))
    calls = f"{in_markdown(was)} → {in_markdown(now)}, is {in_markdown(answers.label)}"
    return f"- **{in_markdown(name, 60)}** ({calls}): {in_markdown(texts.get(name, 'text not at hand'), 300)}"


def _notes(verdict: Verdict) -> list[str]:
    return ["## Notes", "\n".join(f"- {in_markdown(note, 500)}" for note in verdict.notes)] if verdict.notes else []


def _audit(context: ReportContext) -> list[str]:
    lines = "\n".join(f"- {in_markdown(line, 500)}" for line in context.audit)
    return ["## Audit of the posts", lines] if lines else []


def _training(training: TrainingSummary | None) -> list[str]:
    if training is None:
        return []
    rows = [
        (title, value)
        for title, value in (
            ("completed", None if training.completed is None else ("yes" if training.completed else "no")),
            ("steps", _of(training.steps, training.planned_steps)),
            ("validation loss at the start", _maybe(training.start_loss)),
            ("validation loss of the kept checkpoint", _maybe(training.best_loss)),
            ("step of the kept checkpoint", None if training.best_step is None else f"{training.best_step:,}"),
            ("validation loss at the end", _maybe(training.final_loss)),
            ("loss on general text, baseline", _maybe(training.retention_nll_baseline)),
            ("loss on general text, tuned", _maybe(training.retention_nll_tuned)),
        )
        if value is not None
    ]
    return ["## Training", table(("", ""), rows)]


def _maybe(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"


def _of(steps: int | None, planned: int | None) -> str | None:
    return None if steps is None else f"{steps:,}" + ("" if planned is None else f" of {planned:,}")


def _what_ran(verdict: Verdict, context: ReportContext) -> list[str]:
    tables = [table(header, [[in_markdown(cell, 300) for cell in row] for row in rows])
              for header, rows in (stage_rows(context), post_rows(context), machine_rows(context))]  # fmt: skip
    return ["## What ran", *tables, seconds_words(context), statistics(verdict)]


def statistics(verdict: Verdict) -> str:
    """Return which statistics stand behind the intervals and tests."""
    return (
        "Statistics: Wilson intervals for rates, and for F1 through TP / (TP + FP + FN); Jeffreys' interval for "
        f"paired changes of rates; paired Bayesian bootstrap ({verdict.bootstrap_draws:,} draws, seed {verdict.seed}) "
        "for macro F1, MCC and changes of F1 and precision; exact McNemar test, by Holm over groups."
    )


def _again(context: ReportContext) -> list[str]:
    study = ["The study, every default written out:", fenced(context.study_yaml, "yaml")] if context.study_yaml else []
    return ["## Run it again", fenced(context.command, "sh"), *study]
