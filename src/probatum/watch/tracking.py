"""What a whole run tells the trackers that its training reported to."""

from __future__ import annotations

from pathlib import Path

from probatum.training.trackers import log_figures
from probatum.verdict.results import Verdict


def report_verdict(training: Path, verdict: Verdict, step: int) -> None:
    """Log every system's figures, and whether the verdict is accepted, to TensorBoard and the trackers' runs.

    Args:
        training: the folder of the training.
        verdict: what was found.
        step: of the kept checkpoint, whose figures they are.
    """
    figures = {
        f"verdict/{name}/{metric}": interval.value
        for name, system in verdict.systems.items()
        for metric, interval in system.metrics.items()
        if interval.defined
    }
    log_figures(training, figures | {"verdict/accepted": float(verdict.accepted)}, step)
