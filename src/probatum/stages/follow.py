"""What the other processes of a crew do while the leader runs the stages."""

from __future__ import annotations

from typing import Any

from probatum.stages.bench import Bench
from probatum.stages.score import answer_together, score_model
from probatum.stages.train import train_together


def follow(bench: Bench) -> None:
    """Do this process's part of what the leader orders, until the run is over."""
    for verb, *what in bench.crew.orders():
        if verb == "score":
            score_model(bench.variant(what[2]), what[0], _ignore, what[1])
        elif verb == "answer":
            answer_together(bench.variant(what[1]), what[0], what[2], _ignore, other_rows=what[3])
        else:
            train_together(bench.variant(what[0]), _ignore)


def _ignore(_: Any) -> None:
    """Only the leader reports."""
