"""Thresholds and calibration in words and tables: what was used, and what would be without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from probatum.report.figures import table, with_interval
from probatum.report.safe import in_markdown
from probatum.verdict.decision import HALF, Effect
from probatum.verdict.results import Verdict
from probatum.verdict.wording import number

AT_HALF = {"f1": "F1", "fpr": "FPR", "fnr": "FNR"}


def changes_something(effect: Effect) -> bool:
    """Whether a system's labels may differ from those of its scores at 0.5, or its scores from those it gave."""
    return effect.threshold != HALF or effect.chosen or effect.calibration != "none"


def decision_rows(verdict: Verdict, names: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield rows for a table of systems, in a terminal: the thresholds used, and F1 at 0.5.

    Args:
        verdict: what was found.
        names: the systems, in the table's order.
    """
    effects: Mapping[str, Effect] = verdict.decisions
    if not any(changes_something(effect) for effect in effects.values()):
        return
    yield "threshold", [number(effects[name].threshold) if name in effects else "-" for name in names]
    yield "F1 at 0.5", [number(effects[name].at_half["f1"].value) if name in effects else "-" for name in names]
    if any(effect.calibration != "none" for effect in effects.values()):
        yield "ECE before", [number(effects[name].ece_before.value) if name in effects else "-" for name in names]


def decisions(verdict: Verdict) -> list[str]:
    """Return the thresholds used and what the figures would be at 0.5; nothing where all were just that."""
    effects = {name: effect for name, effect in verdict.decisions.items() if changes_something(effect)}
    if not effects:
        return []
    header = ("system", "threshold", "how", "on validation", *(f"{title} at {HALF}" for title in AT_HALF.values()))
    rows = [
        (
            in_markdown(name), number(effect.threshold), in_markdown(effect.rule), _cap(effect),
            *(with_interval(effect.at_half[metric]) for metric in AT_HALF),
        )
        for name, effect in effects.items()
    ]  # fmt: skip
    legend = (
        "Thresholds and calibration come from validation posts alone; the figures here are on test. "
        "`decision.json` in each system's folder holds the frontier that a threshold was chosen from."
    )
    return ["## Thresholds and calibration", legend, table(header, rows), _calibration(verdict, effects)]


def _cap(effect: Effect) -> str:
    return {None: "–", True: "keeps the cap", False: "**no threshold keeps the cap**"}[effect.meets_cap]


def _calibration(verdict: Verdict, effects: Mapping[str, Effect]) -> str:
    rows = [
        (
            in_markdown(name), _method(effect),
            f"{number(effect.ece_before.value)} → {number(verdict.systems[name].calibration.ece.value)}",
            f"{number(effect.brier_before.value)} → {number(verdict.systems[name].metrics['brier'].value)}",
        )
        for name, effect in effects.items()
        if effect.calibration != "none"
    ]  # fmt: skip
    return table(("system", "calibration", "ECE before → after", "Brier score before → after"), rows)


def _method(effect: Effect) -> str:
    return calibration_text(effect.calibration, effect.temperature)


def calibration_text(method: str, temperature: float) -> str:
    """Return a calibration with what it takes to apply it, like `temperature 1.73`; other methods by name."""
    return f"temperature {temperature:.6g}" if method == "temperature" else method
