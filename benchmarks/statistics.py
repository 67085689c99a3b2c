"""How long the statistics of a verdict take, beside the limits that the project sets itself.

python -m benchmarks.statistics             # print
python -m benchmarks.statistics --keep      # and write results/statistics/speed.json

Needs neither a GPU nor a model.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from benchmarks.record import commit_of
from probatum.artifacts import write_json_atomic
from probatum.metrics.areas import auprc_interval, auroc_interval, bias_areas
from probatum.metrics.calibration import brier, calibration
from probatum.metrics.classification import DEFINITIONS, Answers
from probatum.metrics.clusters import Codes
from probatum.metrics.groups import by_value, demographic_parity, equalised_odds, group_table
from probatum.metrics.levels import level
from probatum.metrics.paired import difference

RESULTS = Path(__file__).parent / "results" / "statistics"
GROUPS = ["lgbtq", "mexican", "middle_east"]
REPEATS = 5
DRAWS, POSTS, MANY_POSTS = 10_000, 1_009, 1_000_000
LIMITS_S = {"bootstrap": 2.0, "bootstrap, clustered": 2.0, "metrics of a million": 10.0}


class Study:
    """Two systems on n posts about three groups, drawn with a seed."""

    def __init__(self, n: int) -> None:
        rng = np.random.default_rng(0)
        self.truth = rng.random(n) < 0.45
        self.groups = rng.choice(GROUPS, size=n)
        self.score = np.clip(rng.normal(np.where(self.truth, 0.65, 0.35), 0.2), 0, 1)
        parsed = rng.random(n) > 0.01
        self.system = Answers(self.truth, (self.score > 0.5) & parsed, parsed)
        self.other = Answers(self.truth, rng.random(n) < np.where(self.truth, 0.7, 0.35), np.ones(n, dtype=bool))
        self.clusters = rng.integers(0, n // 3, n)


def bootstrap(study: Study, clusters: Codes | None) -> Any:
    """Macro F1 and MCC of two systems, and how they, F1 and precision differ, on all posts and in each group."""
    masks = [np.ones(POSTS, dtype=bool), *(study.groups == group for group in GROUPS)]
    found = []
    for mask in masks:
        one, other, codes = (
            study.system.where(mask),
            study.other.where(mask),
            None if clusters is None else clusters[mask],
        )
        how: dict[str, Any] = {"clusters": codes, "draws": DRAWS}
        found += [level(system, metric, 0.95, **how) for system in (one, other) for metric in ("f1_macro", "mcc")]
        found += [difference(one, other, metric, 0.95, **how) for metric in ("f1", "precision", "f1_macro", "mcc")]
    return found


def metrics(study: Study) -> Any:
    """Every figure that a verdict keeps of one system."""
    truth, score = study.truth, study.score
    by_group = by_value(study.groups, study.system)
    return (
        {name: level(study.system, name, 0.95) for name in DEFINITIONS},
        auroc_interval(truth, score, 0.95),
        auprc_interval(truth, score, 0.95),
        brier(truth, score, 0.95),
        calibration(truth, score, 0.95),
        group_table(by_group, 0.95),
        (demographic_parity(by_group, 0.95), equalised_odds(by_group, 0.95)),
        bias_areas(study.groups, truth, score, 0.95, GROUPS),
    )


def timed(work: Callable[[], Any]) -> list[float]:
    """Return the seconds of several runs after one that is not counted."""
    work()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return seconds


def measure() -> dict[str, list[float]]:
    few, many = Study(POSTS), Study(MANY_POSTS)
    return {
        "bootstrap": timed(lambda: bootstrap(few, None)),
        "bootstrap, clustered": timed(lambda: bootstrap(few, few.clusters)),
        "metrics of a million": timed(lambda: metrics(many)),
    }


def result(measured: dict[str, list[float]]) -> dict[str, Any]:
    """Return the result file: the slowest run is held against the limit."""
    return {
        "job": "statistics",
        "setting": f"{DRAWS:,} draws over {POSTS:,} posts with 3 groups: macro F1 and MCC of two systems, changes of "
        "these, F1 and precision, on all posts and in each group (32 bootstraps); every figure of one system on "
        f"{MANY_POSTS:,} posts with 3 groups",
        "unit": "s",
        "figures": {
            name: {
                "value": round(float(np.median(seconds)), 4),
                "slowest": round(max(seconds), 4),
                "limit": LIMITS_S[name],
                "holds": max(seconds) < LIMITS_S[name],
            }
            for name, seconds in measured.items()
        },
        "hardware": f"{os.cpu_count()} CPU cores, {platform.machine()}",
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__},
        "date": date.today().isoformat(),
        "commit": commit_of(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="write the result file")
    keep = parser.parse_args().keep
    found = result(measure())
    for name, figure in found["figures"].items():
        verdict = "holds" if figure["holds"] else "TOO SLOW"
        print(f"{name:24} {figure['value']:8.3f} s, slowest {figure['slowest']:.3f} of {figure['limit']} s: {verdict}")
    if keep:
        RESULTS.mkdir(parents=True, exist_ok=True)
        write_json_atomic(RESULTS / "speed.json", found)
    return 0 if all(figure["holds"] for figure in found["figures"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
