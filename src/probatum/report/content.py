"""All that a report shows of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from probatum.metrics.classification import Flags, Floats
from probatum.metrics.curves import OperatingPoints, operating_points
from probatum.report.context import ReportContext
from probatum.report.figures import baseline_first
from probatum.verdict.decision import HALF, Decision
from probatum.verdict.evidence import Evidence
from probatum.verdict.results import Comparison, Verdict

ALWAYS_SAYS_THE_SAME = "majority"


@dataclass(frozen=True)
class ReportContent:
    """All that a report shows of one run.

    Attributes:
        name: of the run.
        verdict: what was found.
        evidence: the posts and every system's answers.
        context: what ran where, how long and at what cost.
        log: the rows of the training log, in order.
        findings: the audit's findings as JSON objects, the gravest first.
        decisions: system to how its scores became labels.
        model: the model's name.
    """

    name: str
    verdict: Verdict
    evidence: Evidence
    context: ReportContext = field(default_factory=ReportContext)
    log: Sequence[Mapping[str, Any]] = ()
    findings: Sequence[Mapping[str, Any]] = ()
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    model: str = ""

    @property
    def systems(self) -> list[str]:
        """Every system, in the study's order."""
        return list(self.verdict.systems)

    @property
    def telling_systems(self) -> list[str]:
        """The systems whose answers depend on the post; all of them if none does."""
        return [name for name in self.systems if name != ALWAYS_SAYS_THE_SAME] or self.systems

    @property
    def change(self) -> Comparison | None:
        """The comparison that a reader asks for first: tuned against baseline where both are there."""
        return next(
            (one for one in baseline_first(self.verdict.comparisons) if one.other != ALWAYS_SAYS_THE_SAME),
            next(iter(self.verdict.comparisons), None),
        )

    @property
    def judged(self) -> str:
        """The system that the verdict is about."""
        return self.change.system if self.change else self.systems[-1]

    @property
    def truth(self) -> Flags:
        """bool[n], the true label is the positive one."""
        return self.evidence.answers[self.judged].truth

    def scores(self, system: str) -> Floats:
        """Return float[n], a system's scores; NaN where it gave none."""
        return self._scores[system]

    def threshold(self, system: str) -> float:
        """Return the score at and above which a system calls a post positive."""
        return self.decisions[system].threshold if system in self.decisions else HALF

    @cached_property
    def points(self) -> dict[str, OperatingPoints]:
        """What each system with scores would do at every threshold."""
        return {name: operating_points(self.truth, self.scores(name)) for name in self.scored_systems}

    @property
    def scored_systems(self) -> list[str]:
        """The telling systems that gave a score to at least one post."""
        return [name for name in self.telling_systems if not np.isnan(self.scores(name)).all()]

    @cached_property
    def _scores(self) -> dict[str, Floats]:
        return {
            name: np.array([row.score for row in rows], dtype=float) for name, rows in self.evidence.predictions.items()
        }
