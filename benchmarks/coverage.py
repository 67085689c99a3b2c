"""How often 95 % intervals hold the truth, in studies whose truth is known.

python -m benchmarks.coverage             # print, about three minutes
python -m benchmarks.coverage --keep      # and write results/statistics/coverage.json
python -m benchmarks.coverage --only clustered --keep      # that part alone, the others as they were

Rates are computed exactly, not drawn. The number of hits is a whole number, so that no interval covers 95 % at every
single n and rate: the mean over the sizes of a band is what a user meets, and the worst size stands beside it.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Iterable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from scipy.optimize import LinearConstraint, milp
from scipy.stats import binom, multinomial

from benchmarks.record import commit_of
from probatum.artifacts import write_json_atomic
from probatum.metrics.classification import Answers
from probatum.metrics.intervals import Interval, metric_interval, wilson
from probatum.metrics.levels import level
from probatum.metrics.paired import bootstrap_difference, difference, margins, paired_change

RESULTS = Path(__file__).parent / "results" / "statistics"
CONFIDENCE, DRAWS, STUDIES, SEED = 0.95, 1000, 2000, 0
ALLOWED = (0.94, 0.96)
RATES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5)
BANDS = ((30, 100), (100, 300), (300, 1000), (1000, 3000))
SIZES = (30, 100, 300, 1000, 3000)
APART = (0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)  # shares of posts on which two systems differ

# Shares of [not positive, positive] x [wrong, right with the one] x [wrong, right with the other].
STUDIES_OF_TWO = {
    "typical": [[[0.14, 0.04], [0.03, 0.34]], [[0.11, 0.05], [0.05, 0.24]]],
    "a gain": [[[0.10, 0.02], [0.12, 0.30]], [[0.10, 0.04], [0.08, 0.24]]],
    "few positive": [[[0.03, 0.02], [0.02, 0.83]], [[0.02, 0.01], [0.02, 0.05]]],
    "nearly alike": [[[0.15, 0.01], [0.01, 0.40]], [[0.10, 0.01], [0.02, 0.30]]],
    "nearly right": [[[0.02, 0.02], [0.01, 0.50]], [[0.02, 0.02], [0.03, 0.38]]],
}


def rates(sizes_a_band: int = 40) -> list[dict[str, Any]]:
    """Return the exact coverage of Wilson's interval by rate and band of sizes."""
    return [
        {
            "figure": "rate",
            "case": f"p = {p}",
            "n": list(band),
            **_over(_exact(p, n) for n in _sizes(band, sizes_a_band)),
        }
        for p in RATES
        for band in BANDS
    ]


def _sizes(band: tuple[int, int], number: int) -> list[int]:
    return [int(n) for n in np.unique(np.linspace(*band, number).round())]


def _exact(p: float, n: int) -> float:
    hits = np.arange(n + 1)
    low, high = wilson(hits, n, CONFIDENCE)
    return float(binom.pmf(hits, n, p)[(low <= p) & (p <= high)].sum())


def _over(found: Iterable[float]) -> dict[str, float]:
    values = list(found)
    return {"coverage": float(np.mean(values)), "lowest": min(values), "highest": max(values)}


def simulated(studies: int = STUDIES, sizes: Iterable[int] = SIZES) -> list[dict[str, Any]]:
    """Return the coverage of figures of one system, and of paired differences, in drawn studies."""
    return [
        {"figure": figure, "case": case, "n": n, "coverage": coverage}
        for case, shares in STUDIES_OF_TWO.items()
        for n in sizes
        for figure, coverage in _simulated(np.array(shares), n, studies).items()
    ]


def _simulated(shares: np.ndarray, n: int, studies: int) -> dict[str, float]:
    tables = np.random.default_rng([SEED, n]).multinomial(n, shares.ravel(), size=studies).reshape(-1, 2, 2, 2)
    truths = margins(shares)
    figures: dict[str, tuple[float, Callable[[np.ndarray, int], Interval]]] = {
        metric: (truths[0].value(metric), lambda table, seed, metric=metric: _level(table, metric, seed))
        for metric in ("f1", "f1_macro", "mcc")
    }
    figures |= {
        f"{metric} difference": (
            truths[0].value(metric) - truths[1].value(metric),
            lambda table, seed, metric=metric: bootstrap_difference(table, metric, CONFIDENCE, DRAWS, seed),
        )
        for metric in ("f1", "mcc")
    }
    figures["accuracy difference"] = (truths[0].value("accuracy") - truths[1].value("accuracy"), _rate_change)
    return {
        figure: float(np.mean([_holds(interval(table, seed), truth) for seed, table in enumerate(tables)]))
        for figure, (truth, interval) in figures.items()
    }


def _level(table: np.ndarray, metric: str, seed: int) -> Interval:
    counts = margins(table)[0]
    return metric_interval(counts, metric, CONFIDENCE, draws=DRAWS, seed=seed)


def _rate_change(table: np.ndarray, _: int) -> Interval:
    return _change(int(table[:, 1, 0].sum()), int(table[:, 0, 1].sum()), int(table.sum()))


@cache
def _change(only_one: int, only_other: int, n: int) -> Interval:
    return Interval((only_one - only_other) / n, *paired_change(only_one, only_other, n, CONFIDENCE), n)


def rate_changes(sizes: Iterable[int] = SIZES) -> list[dict[str, Any]]:
    """Return the coverage of a paired difference of a rate by how often the two differ: exact up to 100 posts."""
    return [
        {"figure": "rate difference", "case": f"{apart:g} differ", "n": n, "coverage": _covered(up, apart - up, n)}
        for apart in RATES
        for up in [0.6 * apart]
        for n in sizes
    ]


def _covered(up: float, down: float, n: int) -> float:
    """Return how often the interval of a difference holds it, the two being right alone with these probabilities."""
    shares = [up, down, 1 - up - down]
    if n <= 100:
        outcomes = _outcomes(n)
        chance = multinomial.pmf(outcomes, n, shares)
    else:
        drawn = np.random.default_rng([SEED, n]).multinomial(n, shares, size=STUDIES)
        outcomes, times = np.unique(drawn, axis=0, return_counts=True)
        chance = times / STUDIES
    return sum(
        float(p)
        for (b, c, _), p in zip(outcomes, chance, strict=True)
        if p < 1e-9 or _holds(_change(int(b), int(c), n), up - down)
    )


def _outcomes(n: int) -> np.ndarray:
    """Return int[k, 3], all numbers of posts right with the one alone, with the other alone, and the rest."""
    b, c = (counts.ravel() for counts in np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij"))
    return np.stack([b, c, n - b - c], axis=1)[b + c <= n]


def _holds(interval: Interval, truth: float) -> bool:
    """An undefined figure claims nothing, so it is not wrong."""
    return not interval.defined or interval.low <= truth <= interval.high


def clustered(studies: int = 600, numbers: Iterable[int] = (30, 100, 300)) -> list[dict[str, Any]]:
    """Return the coverage where posts come in clusters, taken as clusters and as if each stood for itself."""
    return [
        {"figure": figure, "case": f"{kind}, {taken}", "n": number, "coverage": coverage}
        for kind in KINDS
        for number in numbers
        for taken, found in _clustered(kind, number, studies).items()
        for figure, coverage in found.items()
    ]


def _clustered(kind: str, number: int, studies: int) -> dict[str, dict[str, float]]:
    many = _drawn(kind, np.random.default_rng([SEED, number]), 200_000)[0]
    truth = {name: measure(*many, None, 0)[1].value for name, measure in CLUSTERED.items()}
    hits: dict[str, dict[str, list[bool]]] = {taken: {name: [] for name in truth} for taken in ("clustered", "apart")}
    for seed in range(studies):
        systems, clusters = _drawn(kind, np.random.default_rng([SEED, number, seed]), number)
        for taken, codes in (("clustered", clusters), ("apart", None)):
            for name, measure in CLUSTERED.items():
                hits[taken][name].append(_holds(measure(*systems, codes, seed)[1], truth[name]))
    return {taken: {name: float(np.mean(found)) for name, found in by.items()} for taken, by in hits.items()}


def _drawn(kind: str, rng: np.random.Generator, number: int) -> tuple[tuple[Answers, Answers], np.ndarray]:
    """Draw two systems on clusters of one label: templates that are easy or hard, or equal texts with equal answers."""
    equal = kind == "equal texts"
    sizes = np.where(rng.random(number) < 0.1, rng.integers(2, 6, number), 1) if equal else np.full(number, 10)
    truth = np.repeat(rng.random(number) < 0.5, sizes)
    systems = []
    for mean in (0.75, 0.7):
        skill = rng.random(number) < mean if equal else rng.beta(4 * mean, 4 * (1 - mean), number)
        right = rng.random(len(truth)) < np.repeat(skill, sizes)
        systems.append(Answers(truth, truth == right, np.ones(len(truth), dtype=bool)))
    return (systems[0], systems[1]), np.repeat(np.arange(number), sizes)


KINDS = ("ten posts a template", "equal texts")
CLUSTERED: dict[str, Callable[..., tuple[str, Interval]]] = {
    name: lambda one, other, codes, seed, name=name, metric=metric, paired=paired: (
        name,
        difference(one, other, metric, CONFIDENCE, clusters=codes, draws=DRAWS, seed=seed).interval
        if paired
        else level(one, metric, CONFIDENCE, clusters=codes),
    )
    for name, metric, paired in (
        ("FPR", "fpr", False), ("F1", "f1", False),
        ("accuracy difference", "accuracy", True), ("F1 difference", "f1", True),
    )
}  # fmt: skip


def discrete(n: int = 30) -> list[dict[str, Any]]:
    """Return what whole counts allow where few posts tell.

    Of a rate: `below` and `above` are the coverages around 95 % that an interval can have at that truth, if it holds
    the outcomes nearest to it. Of a paired difference: `least` is the lowest coverage at that truth of any interval
    that covers at least 94 % however often the two differ. Where it is above 96, no interval covers 94 to 96.
    """
    rows = []
    for p in RATES:
        hits = np.arange(n + 1)
        rows.append(
            {"figure": "rate", "truth": p, "coverage": _exact(p, n)}
            | _around((hits - n * p) ** 2, binom.pmf(hits, n, p))
        )
    truths = {name: (float(t[:, 1, 0].sum()), float(t[:, 0, 1].sum())) for name, t in _tables().items()}
    truths |= {f"{apart:g} differ": (0.6 * apart, 0.4 * apart) for apart in RATES}
    rows += [
        {"figure": "accuracy difference", "truth": name, "coverage": _covered(up, down, n), "least": least(n, up, down)}
        for name, (up, down) in truths.items()
    ]
    return [{"n": n} | row for row in rows]


def _tables() -> dict[str, np.ndarray]:
    return {name: np.array(shares) for name, shares in STUDIES_OF_TWO.items()}


def least(n: int, up: float, down: float) -> float:
    """Return the lowest coverage at one truth that an interval can have which covers 94 % at all others.

    An interval holds the difference δ or not for each outcome (b, c); whoever holds it with b posts right by the one
    alone also holds it with one less, or with c one more, as long as the estimate does not cross δ. Among all such sets
    of outcomes an integer program takes the one that is least likely at the truth, while it is at least 94 % likely for
    every other share of posts on which the two differ (`APART`, and the truth's own).
    """
    delta, outcomes = up - down, _outcomes(n)
    apart = [share for share in sorted({*APART, up + down}) if share >= abs(delta)]
    chance = {
        share: multinomial.pmf(outcomes, n, [(share + delta) / 2, (share - delta) / 2, 1 - share]) for share in apart
    }
    place = {(int(b), int(c)): at for at, (b, c, _) in enumerate(outcomes)}
    pairs = [
        (at, place[nearer])
        for (b, c), at in place.items()
        for side in [int(np.sign(b - c - n * delta))]
        for nearer in ((b - side, c), (b, c + side))
        if side and nearer in place
    ]
    held_too = np.zeros((len(pairs), len(place)))  # an outcome is held only if the one nearer to delta is
    held_too[range(len(pairs)), [at for at, _ in pairs]] = 1
    held_too[range(len(pairs)), [nearer for _, nearer in pairs]] = -1
    found = milp(
        chance[up + down],
        constraints=[
            LinearConstraint(held_too, -np.inf, 0),
            LinearConstraint(np.array(list(chance.values())), ALLOWED[0], np.inf),
        ],
        integrality=np.ones(len(place)),
        bounds=(0, 1),
        options={"mip_rel_gap": 1e-3},
    )
    return float(found.mip_dual_bound)


def _around(order: np.ndarray, chance: np.ndarray) -> dict[str, float]:
    ranks = np.unique(order.round(9), return_inverse=True)[1]
    reached = np.cumsum(np.bincount(ranks, weights=chance))
    at = int(np.searchsorted(reached, CONFIDENCE))
    return {"below": float(reached[at - 1]) if at else 0.0, "above": float(reached[at])}


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the mean over the cases for each figure and size, and whether it lies where it should."""
    keys = list(dict.fromkeys((row["figure"], str(row["n"])) for row in rows))
    means = {
        key: float(np.mean([row["coverage"] for row in rows if (row["figure"], str(row["n"])) == key])) for key in keys
    }
    return [
        {"figure": figure, "n": n, "coverage": mean, "holds": ALLOWED[0] <= mean <= ALLOWED[1]}
        for (figure, n), mean in means.items()
    ]


PARTS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "cells": lambda: [*rates(), *rate_changes(), *simulated()],
    "clustered": clustered,
    "discrete": discrete,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="write the result file")
    parser.add_argument("--only", choices=PARTS, help="measure this part alone")
    given = parser.parse_args()
    found: dict[str, Any] = {name: work() for name, work in PARTS.items() if given.only in (None, name)}
    if "cells" in found:
        found["means"] = summary(found["cells"])
    for row in (row for name in ("means", *PARTS) if name != "cells" for row in found.get(name, [])):
        print({key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()})
    if given.keep:
        RESULTS.mkdir(parents=True, exist_ok=True)
        file = RESULTS / "coverage.json"
        before = json.loads(file.read_text(encoding="utf-8")) if given.only and file.is_file() else {}
        setting = f"{STUDIES} studies a cell (clustered: 600), {DRAWS} draws, seed {SEED}; rates and discrete: exact"
        head = {"setting": setting, "allowed": ALLOWED, "date": date.today().isoformat(), "commit": commit_of()}
        head["versions"] = {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
        write_json_atomic(file, before | head | found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
