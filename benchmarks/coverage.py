"""How often 95 % intervals hold the truth, in studies whose truth is known.

python -m benchmarks.coverage             # print, about three minutes
python -m benchmarks.coverage --keep      # and write results/statistics/coverage.json

Rates are computed exactly, not drawn. The number of hits is a whole number, so that no interval covers 95 % at every
single n and rate: the mean over the sizes of a band is what a user meets, and the worst size stands beside it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binom

from benchmarks.record import commit_of
from probatum.artifacts import write_json_atomic
from probatum.metrics.bootstrap import Resampling
from probatum.metrics.classification import Answers, Confusion
from probatum.metrics.intervals import Interval, metric_interval, wilson
from probatum.metrics.paired import bootstrap_difference, margins, tango
from probatum.metrics.resampled import resampled

RESULTS = Path(__file__).parent / "results" / "statistics"
CONFIDENCE, DRAWS, STUDIES, SEED = 0.95, 1000, 2000, 0
ALLOWED = (0.94, 0.96)
RATES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5)
BANDS = ((30, 100), (100, 300), (300, 1000), (1000, 3000))
SIZES = (30, 100, 300, 1000, 3000)

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
    only_one, only_other = int(table[:, 1, 0].sum()), int(table[:, 0, 1].sum())
    n = int(table.sum())
    return Interval((only_one - only_other) / n, *tango(only_one, only_other, n, CONFIDENCE), n)


def _holds(interval: Interval, truth: float) -> bool:
    """An undefined figure claims nothing, so it is not wrong."""
    return not interval.defined or interval.low <= truth <= interval.high


def clustered(studies: int = 600, numbers: Iterable[int] = (30, 100, 300)) -> list[dict[str, Any]]:
    """Return the coverage where posts come from templates, drawn as clusters and as if they did not."""
    return [
        {"figure": figure, "case": "10 posts a template, drawn " + drawn, "n": 10 * number, "coverage": coverage}
        for number in numbers
        for drawn, found in _clustered(number, studies).items()
        for figure, coverage in found.items()
    ]


def _clustered(number: int, studies: int) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng([SEED, number])
    clusters = np.repeat(np.arange(number), 10)
    many = Answers(*_templates(rng, 200_000)[0]), Answers(*_templates(rng, 200_000)[1])
    truth = {metric: _gain(*many, metric) for metric in ("f1", "accuracy")}
    hits: dict[str, dict[str, list[bool]]] = {drawn: {m: [] for m in truth} for drawn in ("whole", "apart")}
    for seed in range(studies):
        one, other = (Answers(*part) for part in _templates(rng, number))
        for drawn, how in (("whole", clusters), ("apart", None)):
            found = resampled(one, other, list(truth), CONFIDENCE, Resampling(DRAWS, seed, how)).difference
            for metric, value in truth.items():
                hits[drawn][metric].append(_holds(found[metric], value))
    return {
        drawn: {f"{metric} difference": float(np.mean(found)) for metric, found in by_metric.items()}
        for drawn, by_metric in hits.items()
    }


def _templates(rng: np.random.Generator, number: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Draw two systems on templates of ten posts; a template is of one label, and easy or hard for each system."""
    truth = np.repeat(rng.random(number) < 0.5, 10)
    systems = []
    for mean in (0.75, 0.7):
        skill = np.repeat(rng.beta(4 * mean, 4 * (1 - mean), number), 10)
        right = rng.random(len(truth)) < skill
        systems.append((truth, truth == right, np.ones(len(truth), dtype=bool)))
    return systems


def _gain(one: Answers, other: Answers, metric: str) -> float:
    counts: tuple[Confusion, Confusion] = (one.confusion(), other.confusion())
    return float(counts[0].value(metric) - counts[1].value(metric))


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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="write the result file")
    keep = parser.parse_args().keep
    rows, templates = [*rates(), *simulated()], clustered()
    for row in (*summary(rows), *templates):
        print(f"{row['figure']:22} {row['n']!s:14} {row['coverage']:.3f} {row.get('case', '')}")
    if keep:
        RESULTS.mkdir(parents=True, exist_ok=True)
        found = {"setting": f"{STUDIES} studies a cell, {DRAWS} draws, seed {SEED}; rates exact", "allowed": ALLOWED}
        found |= {"date": date.today().isoformat(), "commit": commit_of(), "means": summary(rows)}
        write_json_atomic(RESULTS / "coverage.json", found | {"cells": rows, "clustered": templates})
    return 0


if __name__ == "__main__":
    sys.exit(main())
