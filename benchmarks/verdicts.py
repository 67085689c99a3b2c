"""How often a verdict is wrong where there is no effect, and right where there is one.

python -m benchmarks.verdicts             # print, about ten minutes
python -m benchmarks.verdicts --keep      # and write results/statistics/verdicts.json

Every study here is judged by the code that judges a run: drawn answers of two systems, then `judge`, `group_changes`
and Holm. Without an effect the two are right equally often in every group; posts come alone or ten to a template.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from benchmarks.record import commit_of
from probatum.artifacts import write_json_atomic
from probatum.data.records import Post
from probatum.metrics.classification import Answers
from probatum.metrics.multiple import holm
from probatum.metrics.paired import difference
from probatum.metrics.planned import Assumed, power_of_ratio, power_to_bound_rate, power_to_show_rate
from probatum.study import Criterion, VerdictSettings
from probatum.verdict.compare import group_changes, overall
from probatum.verdict.criteria import judge
from probatum.verdict.evidence import Evidence

RESULTS = Path(__file__).parent / "results" / "statistics"
STUDIES, SEED, ALPHA = 2000, 0, 0.05
SIZES = (60, 300, 1000)
GROUPS = np.array(["lgbtq", "mexican", "middle_east"])
SHARES = (0.5, 0.3, 0.2)
POSITIVE = 0.45
PER_TEMPLATE = 10
SETTINGS = VerdictSettings(bootstrap_draws=1000)
ASSUMED = Assumed()
NUM_RUNS = 4

FAMILIES = {
    "F1 gain": [Criterion(metric="f1", gain_over="baseline", at_least=0.005)],
    "accuracy gain": [Criterion(metric="accuracy", gain_over="baseline", at_least=0)],
    "FPR fall in a group": [Criterion(metric="fpr", slice={"group": "lgbtq"}, rise_over="baseline", at_most=0)],
    "gain, and safe in every group": [
        Criterion(metric="f1", gain_over="baseline", at_least=0.005),
        Criterion(metric="accuracy", gain_over="baseline", at_least=0),
        *(Criterion(metric="fpr", slice={"group": str(group)}, rise_over="baseline", at_most=0.3) for group in GROUPS),
    ],
}


class Drawn:
    """Studies of n posts in three groups, answered by systems that differ by a stated gain of accuracy."""

    def __init__(self, n: int, *, gain: float = 0.0, templates: bool = False) -> None:
        self.n, self.gain, self.templates = n, gain, templates
        self.groups = np.repeat(GROUPS, np.ceil(np.array(SHARES) * n).astype(int))[:n]
        posts = [Post(f"p{at}", f"text {at}", "hate", str(group)) for at, group in enumerate(self.groups)]
        clusters = np.arange(n) // PER_TEMPLATE if templates else None
        self.empty = Evidence(posts, {}, {}, clusters=clusters)

    def studies(self, number: int) -> Iterator[Evidence]:
        """Yield studies, each drawn from its own seed."""
        for seed in range(number):
            rng = np.random.default_rng([SEED, self.n, int(self.templates), seed])
            truth = self._spread(rng.random(self._units()) < POSITIVE)
            answers = {name: self._answers(truth, right) for name, right in self._right(rng).items()}
            yield replace(self.empty, answers=answers)

    def _units(self) -> int:
        return -(-self.n // PER_TEMPLATE) if self.templates else self.n

    def _spread(self, units: np.ndarray) -> np.ndarray:
        return np.repeat(units, PER_TEMPLATE)[: self.n] if self.templates else units

    def _right(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Draw who is right; of a template, eight posts in ten follow its common draw."""
        shares = ASSUMED.shares(0.0, self.gain)[0].ravel()  # [system, other] wrong or right
        cells = rng.choice(4, size=self.n, p=shares)
        if self.templates:
            common = self._spread(rng.choice(4, size=self._units(), p=shares))
            cells = np.where(rng.random(self.n) < 0.8, common, cells)
        return {"tuned": cells // 2 == 1, "baseline": cells % 2 == 1}

    @staticmethod
    def _answers(truth: np.ndarray, right: np.ndarray) -> Answers:
        return Answers(truth, truth == right, np.ones(len(truth), dtype=bool))


def _settings(seed: int) -> VerdictSettings:
    """Return the settings with another seed for each study: one for all would give every study the same draws."""
    return SETTINGS.model_copy(update={"seed": seed})


def no_effect(drawn: Drawn, number: int) -> dict[str, float]:
    """Return how often each claim that the system is better comes up."""
    claims: Counter[str] = Counter()
    criteria = list({str(one): one for family in FAMILIES.values() for one in family}.values())
    for seed, evidence in enumerate(drawn.studies(number)):
        settings = _settings(seed)
        judged = {str(one): judge(one, evidence, settings) for one in criteria}
        for name, family in FAMILIES.items():
            claims[name] += overall([judged[str(one)] for one in family]) == "accepted"
        groups = group_changes(evidence.answers["tuned"], evidence.answers["baseline"], evidence, settings)
        for metric in ("fpr", "fnr"):
            changes = [(getattr(group, metric), getattr(group, f"{metric}_p")) for group in groups]
            claims[f"{metric} better in some group"] += any(p <= ALPHA and change.value < 0 for change, p in changes)
            claims[f"{metric} other in some group"] += any(p <= ALPHA for _, p in changes)
        claims["other in some group, FPR or FNR"] += any(p <= ALPHA for g in groups for p in (g.fpr_p, g.fnr_p))
    return {name: times / number for name, times in claims.items()}


def several_runs(n: int, number: int) -> float:
    """Return how often any of four runs of one quality is said to differ from another in F1 or accuracy."""
    wrong = 0
    for seed in range(number):
        rng = np.random.default_rng([SEED, n, seed, NUM_RUNS])
        truth = rng.random(n) < POSITIVE
        runs = [Answers(truth, truth == (rng.random(n) < ASSUMED.accuracy), np.ones(n, bool)) for _ in range(NUM_RUNS)]
        pairs = list(combinations(runs, 2))
        p_values = [
            difference(later, first, metric, 0.95, draws=400 * len(pairs), seed=seed).p_value
            for first, later in pairs
            for metric in ("f1", "accuracy")
        ]
        wrong += min(holm(p_values)) <= ALPHA
    return wrong / number


def powers(n: int, number: int) -> list[dict[str, Any]]:
    """Return predicted and simulated power of criteria at gains that are missed, often seen and nearly always seen."""
    rows = []
    for gain in (1.5 / n**0.5 * f for f in (0.35, 0.7, 1.0)):
        drawn = Drawn(n, gain=gain)
        criteria = {
            "F1 gain, test": Criterion(metric="f1", gain_over="baseline", at_least=0.01),
            "F1 gain, bound": Criterion(metric="f1", gain_over="baseline", at_least=-0.02),
            "accuracy gain, test": Criterion(metric="accuracy", gain_over="baseline", at_least=0.01),
            "accuracy gain, bound": Criterion(metric="accuracy", gain_over="baseline", at_least=-0.02),
        }
        passed = Counter[str]()
        for seed, evidence in enumerate(drawn.studies(number)):
            for name, criterion in criteria.items():
                passed[name] += judge(criterion, evidence, _settings(seed)).outcome == "passed"
        apart, shares = ASSUMED.discordance, ASSUMED.shares(POSITIVE, gain)
        predicted = {
            "F1 gain, test": power_of_ratio(shares, "f1", 0.01, n, 0.95, by_test=True),
            "F1 gain, bound": power_of_ratio(shares, "f1", -0.02, n, 0.95, by_test=False),
            "accuracy gain, test": power_to_show_rate(gain, 0.01, apart, n, 0.95),
            "accuracy gain, bound": power_to_bound_rate(gain, -0.02, apart, n, 0.95),
        }
        rows += [
            {"criterion": name, "n": n, "gain of accuracy": round(gain, 4), "predicted": predicted[name],
             "simulated": passed[name] / number}
            for name in criteria
        ]  # fmt: skip
    return rows


def settled(number: int) -> list[dict[str, Any]]:
    """Return how often the number of posts that an inconclusive criterion asks for settles it, its point being true."""
    rows = []
    for gain, criterion in (
        (0.06, Criterion(metric="f1", gain_over="baseline", at_least=0.005)),
        (0.04, Criterion(metric="accuracy", gain_over="baseline", at_least=0.01)),
        (0.0, Criterion(metric="fpr", at_most=0.35)),
        (0.0, Criterion(metric="f1", system="baseline", at_least=0.6)),
        (0.0, Criterion(metric="fnr", rise_over="baseline", at_most=0.05)),
    ):
        shares = ASSUMED.shares(POSITIVE, gain)
        few = replace(Drawn(200).empty, answers=_exactly(shares, 200))
        found = judge(criterion, few, SETTINGS)
        if found.posts_needed is None:
            continue
        more = Drawn(found.posts_needed, gain=gain).studies(number)
        outcomes = Counter(judge(criterion, one, _settings(seed)).outcome for seed, one in enumerate(more))
        rows.append(
            {"criterion": found.text, "value": found.value, "n": found.n, "posts needed": found.posts_needed,
             "settled": 1 - outcomes["inconclusive"] / number}
        )  # fmt: skip
    return rows


def _exactly(shares: np.ndarray, n: int) -> dict[str, Answers]:
    """Return answers of n posts with as nearly these shares as whole posts allow."""
    ends = np.round(np.cumsum(shares.ravel()) * n).astype(int)
    cells = np.repeat(np.arange(8), np.diff(ends, prepend=0))
    truth = cells >= 4
    return {
        name: Answers(truth, truth == (cells // place % 2 == 1), np.ones(n, dtype=bool))
        for name, place in (("tuned", 2), ("baseline", 1))
    }


def measure(number: int) -> dict[str, Any]:
    """Return everything, printing as it goes."""
    claims = []
    for templates in (False, True):
        for n in SIZES:
            found = no_effect(Drawn(n, templates=templates), number)
            claims.append({"n": n, "posts": "ten a template" if templates else "on their own"} | found)
            print(claims[-1], flush=True)
    runs = [{"n": n, "any pair told apart": several_runs(n, number)} for n in SIZES]
    print(runs, flush=True)
    power = [row for n in SIZES for row in powers(n, number)]
    for row in power:
        print(row, flush=True)
    needed = settled(number)
    print(*needed, sep="\n", flush=True)
    return {"no effect": claims, f"{NUM_RUNS} runs, no effect": runs, "power": power, "posts needed": needed}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="write the result file")
    parser.add_argument("--studies", type=int, default=STUDIES, help="studies a cell")
    given = parser.parse_args()
    found = measure(given.studies)
    if given.keep:
        RESULTS.mkdir(parents=True, exist_ok=True)
        setting = f"{given.studies} studies a cell, seed {SEED}, {SETTINGS.bootstrap_draws} draws"
        versions = {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
        head = {"setting": setting, "date": date.today().isoformat(), "commit": commit_of(), "versions": versions}
        write_json_atomic(RESULTS / "verdicts.json", head | found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
