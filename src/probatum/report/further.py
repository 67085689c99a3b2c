"""The parts of the report beside the test: causes, seeds, noise, retention, functional tests and swaps."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan

from probatum.metrics.intervals import Interval
from probatum.report.figures import table, with_interval
from probatum.report.safe import in_markdown
from probatum.verdict.further_results import BehaviourRow, Spread, SwapFigures
from probatum.verdict.results import Verdict
from probatum.verdict.wording import metric_name, number

SHOWN = ("f1", "accuracy", "fpr", "fnr")
MOST_PAIRS = 20


def diagnosis(verdict: Verdict) -> list[str]:
    """Return the causes in order with what to type, and the learning curve."""
    causes = verdict.diagnosis.causes
    rows = [
        (str(place), cause.kind.replace("_", " "), in_markdown(cause.sentence, 400), in_markdown(cause.advice, 300),
         in_markdown(cause.command, 300))
        for place, cause in enumerate(causes, 1)
    ]  # fmt: skip
    curve = [
        (in_markdown(point.system), f"{point.share:.0%}", f"{point.n:,}", with_interval(point.f1),
         with_interval(point.change, sign=True) if point.change.defined else "–")
        for point in verdict.diagnosis.learning_curve
    ]  # fmt: skip
    if not rows and not curve:
        return []
    header = ("system", "share", "posts trained on", "F1 on validation", "change from the share before")
    return [
        "## Diagnosis",
        table(("", "cause", "what was seen", "what to do", "command"), rows) or "No cause was found.",
        "Learning curve, at a threshold of 0.5 whatever was chosen:" if curve else "",
        table(header, curve),
    ]


def seeds(verdict: Verdict) -> list[str]:
    """Return the spread between seeds of the metrics and of every criterion."""
    found = verdict.seeds
    if found is None:
        return []
    names = [f"seed {seed}" for seed in found.seeds]
    header = ("", *names, "mean", "lowest", "highest", "standard deviation")
    metrics = [(metric_name(name), *_spread(found.metrics[name])) for name in SHOWN]
    criteria = [
        (in_markdown(one.text, 300), *_spread(one.spread), _ends(one.low, one.high), _robust(one.robust))
        for one in found.criteria
    ]
    legend = (
        f"Seed {found.seeds[0]} is the one that is judged and shipped. A criterion that it passes holds only if the "
        "mean over the seeds passes too, with an interval for the draw of the posts and of the seeds."
    )
    return [
        "## Seeds", legend, table(header, metrics),
        table((*header, "interval of the mean", "robust"), criteria),
    ]  # fmt: skip


def _spread(spread: Spread) -> list[str]:
    return [number(value) for value in (*spread.values, spread.mean, spread.low, spread.high, spread.sd)]


def _ends(low: float, high: float) -> str:
    return "" if isnan(low) else f"{number(low)} to {number(high)}"  # facts of training have no interval


def _robust(robust: bool | None) -> str:
    return "–" if robust is None else "yes" if robust else "**no**"


def noise(verdict: Verdict) -> list[str]:
    """Return what scoring the baseline a second time changed."""
    found = verdict.noise_floor
    if found is None:
        return []
    rows = [(metric_name(name), number(found.change[name], sign=True), number(found.floor[name])) for name in SHOWN]
    told = (
        f"The baseline scored the same {found.n:,} posts twice, the second time in another order and in other rows: "
        f"{len(found.flipped):,} posts were called otherwise, and no score changed by more than "
        f"{number(found.largest_score_change)}. A gain that those posts could make is no gain."
    )
    return ["## Noise floor", told, table(("", "change", "floor"), rows)]


def retention(verdict: Verdict) -> list[str]:
    """Return the loss on general text before and after training."""
    found = verdict.retention
    if found is None:
        return []
    rows = [
        ("baseline", with_interval(found.baseline)),
        ("tuned", with_interval(found.tuned)),
        ("rise", with_interval(found.rise, sign=True)),
    ]
    source = "the text that comes with Probatum" if found.source == "shipped" else in_markdown(found.source)
    told = f"Next-token loss in nats on {source}: {found.paragraphs:,} paragraphs, {found.tokens:,} tokens."
    return ["## Retention", told, table(("", "loss"), rows)]


def behaviour(verdict: Verdict) -> list[str]:
    """Return accuracy on functional tests by what they check and by group, each with its change."""
    found = verdict.behaviour
    if found is None:
        return []
    systems = list(found.overall.figures)
    changed = list(found.overall.change)
    header = ("", "right label", "tests", "templates", *(in_markdown(name) for name in systems))
    header += tuple(f"{in_markdown(name)} − baseline" for name in changed)
    told = (
        f"Accuracy on the {found.overall.n:,} functional tests of {in_markdown(found.source)}; intervals draw whole "
        "templates. Of many rows some leave out 0 by chance."
    )
    return [
        "## Behaviour",
        told + (f" {in_markdown(found.note)}." if found.note else ""),
        table(header, [_behaviour_row(row, systems, changed) for row in (found.overall, *found.functionalities)]),
        "By group:" if found.groups else "",
        table(header, [_behaviour_row(row, systems, changed) for row in found.groups]),
    ]


def _behaviour_row(row: BehaviourRow, systems: list[str], changed: list[str]) -> list[str]:
    labels = " and ".join(in_markdown(label) for label in row.labels)
    figures = [with_interval(row.figures[name]["accuracy"]) for name in systems]
    changes = [with_interval(row.change[name]["accuracy"], sign=True) for name in changed]
    return [in_markdown(row.value), labels, f"{row.n:,}", f"{row.templates:,}", *figures, *changes]


def swaps(verdict: Verdict) -> list[str]:
    """Return how answers hang on the name of a group."""
    found = verdict.swaps
    if found is None:
        return []
    systems = list(found.overall)
    told = (
        f"{found.n:,} swaps (of {found.possible:,} possible) made from {found.posts:,} test posts by putting another "
        "group's name in the place of the one they use; to be read in data/swaps.jsonl. Intervals draw whole posts."
    )
    overall = [_swap_row("all, mean absolute change", found.n, found.posts, found.overall)]
    pairs = [
        _swap_row(f"{in_markdown(pair.second)} instead of {in_markdown(pair.first)}", pair.n, pair.posts, pair.systems)
        for pair in found.pairs[:MOST_PAIRS]
    ]
    header = ["", "swaps", "posts"]
    for name in systems:
        header += [f"{in_markdown(name)}: flips", "change of score"]
    rest = len(found.pairs) - MOST_PAIRS
    more = f"and {rest:,} pairs with fewer swaps, in verdict.json" if rest > 0 else ""
    changes = [(f"{in_markdown(name)} − baseline", with_interval(one, sign=True)) for name, one in found.change.items()]
    return ["## Identity swaps", told, table(header, [*overall, *pairs]), more, table(("flip rate", ""), changes)]


def _swap_row(name: str, n: int, posts: int, figures: Mapping[str, SwapFigures]) -> list[str]:
    row = [name, f"{n:,}", f"{posts:,}"]
    for one in figures.values():
        row += [with_interval(one.flip_rate), _change(one.change, one.p_value)]
    return row


def _change(change: Interval, p_value: float) -> str:
    return with_interval(change, sign=True) + (f", p {p_value:.2g}" if not isnan(p_value) else "")
