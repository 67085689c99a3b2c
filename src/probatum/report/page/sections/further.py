"""What lies beside the test: seeds, noise, retention, functional tests and identity swaps."""

from __future__ import annotations

from probatum.report.content import ReportContent
from probatum.report.page.html import outside, table, tag
from probatum.report.page.section import Section, of_plots
from probatum.report.page.sections.systems import with_span
from probatum.report.plots import behaviour as behaviour_plots
from probatum.report.plots import swaps as swap_plots
from probatum.verdict.further_results import Spread
from probatum.verdict.wording import metric_name, number

SHOWN = ("f1", "accuracy", "fpr", "fnr")


def seeds(content: ReportContent) -> Section | None:
    """Return the spread between trainings that differ by their seed alone; `None` for a single one."""
    found = content.verdict.seeds
    if found is None:
        return None
    names = [f"seed {seed}" for seed in found.seeds]
    header = ("", *names, "mean", "standard deviation")
    rows = [(metric_name(name), *_spread(found.metrics[name])) for name in SHOWN if name in found.metrics]
    rows += [(outside(one.text), *_spread(one.spread)) for one in found.criteria]
    told = f"Seed {found.seeds[0]} is the one that is judged and shipped."
    return Section("seeds", "Seeds", tag("p", told) + table(header, rows, caption="Seeds", class_="numbers"))


def _spread(spread: Spread) -> list[str]:
    return [number(value) for value in (*spread.values, spread.mean, spread.sd)]


def noise(content: ReportContent) -> Section | None:
    """Return what scoring the baseline a second time changed; `None` where it was scored once."""
    found = content.verdict.noise_floor
    if found is None:
        return None
    told = (
        f"The baseline scored the same {found.n:,} posts twice, the second time in another order and in other rows: "
        f"{_posts(len(found.flipped))} called otherwise, and no score changed by more than "
        f"{number(found.largest_score_change)}. A gain that those posts could make is no gain."
    )
    rows = [(metric_name(name), number(found.change[name], sign=True), number(found.floor[name])) for name in SHOWN]
    html = tag("p", told) + table(("", "change", "floor"), rows, caption="Noise floor", class_="numbers")
    return Section("noise", "Noise floor", html)


def _posts(count: int) -> str:
    return "1 post was" if count == 1 else f"{count:,} posts were"


def retention(content: ReportContent) -> Section | None:
    """Return the loss on general text before and after training; `None` where it was not measured."""
    found = content.verdict.retention
    if found is None:
        return None
    told = f"Next-token loss in nats on general text: {found.paragraphs:,} paragraphs, {found.tokens:,} tokens."
    rows = [
        ("baseline", with_span(found.baseline)),
        ("tuned", with_span(found.tuned)),
        ("rise", with_span(found.rise, sign=True)),
    ]
    html = tag("p", told) + table(("", "loss"), rows, caption="Loss on general text", class_="numbers")
    return Section("retention", "Retention", html)


def behaviour(content: ReportContent) -> Section | None:
    """Return accuracy on functional tests such as HateCheck's; `None` where the study names none."""
    found = content.verdict.behaviour
    if found is None:
        return None
    note = f" {found.note}." if found.note else ""
    intro = f"{found.overall.n:,} functional tests; of many rows some stand out by chance.{note}"
    return of_plots("behaviour", "Functional tests", intro, behaviour_plots.plots(content), class_="plots one")


def swaps(content: ReportContent) -> Section | None:
    """Return how answers hang on the name of a group; `None` where no swaps were made."""
    found = content.verdict.swaps
    if found is None:
        return None
    intro = (
        f"{found.n:,} swaps (of {found.possible:,} possible) made from {found.posts:,} test posts by putting another "
        "group's name in the place of the one they use."
    )
    return of_plots("swaps", "Identity swaps", intro, swap_plots.plots(content), class_="plots one")
