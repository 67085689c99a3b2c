"""How often a call changes when a post names another group."""

from __future__ import annotations

from probatum.report.content import ReportContent
from probatum.report.plots.dots import dots
from probatum.report.plots.plot import Plot, labels, span
from probatum.verdict.wording import number

MOST_PAIRS = 20


def plots(content: ReportContent) -> list[Plot]:
    """Return the flip rates of all swaps and of each pair of groups; none where no swaps were made."""
    found = content.verdict.swaps
    if found is None:
        return []
    systems = [name for name in content.telling_systems if name in found.overall]
    rows = [("all swaps", found.n, found.overall)]
    rows += [(f"{pair.first} / {pair.second}", pair.n, pair.systems) for pair in found.pairs[:MOST_PAIRS]]
    places = labels(name for name, _, _ in rows)
    rates = [(name, n, system, figures[system].flip_rate) for name, n, figures in rows for system in systems]
    values = [
        {"place": places[name], "system": system, "note": f"{n:,} swaps"} | span(rate)
        for name, n, system, rate in rates
        if rate.defined
    ]
    cells = [
        [name, system, f"{n:,}", *(number(end) for end in (rate.value, rate.low, rate.high))]
        for name, n, system, rate in rates
    ]
    spec = dots(values, systems, "flip rate", order=list(places.values()))
    what = f"Share of swaps that {', '.join(systems)} call otherwise, with intervals that draw whole posts."
    header = ("groups", "system", "swaps", "flip rate", "from", "to")
    return [Plot("swaps", "Calls that change with the group's name", what, spec, header, cells)]
