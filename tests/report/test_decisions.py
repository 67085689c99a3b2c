"""Thresholds and calibration in the report and in a terminal."""

import io
from dataclasses import replace

from rich.console import Console
from tests.verdict.test_decision import VERDICT, decide, study_of

from probatum.report.decisions import decisions
from probatum.report.tables import print_verdict
from probatum.verdict.compare import compare
from probatum.verdict.decision import apply_decision, effect_of


def verdict_with(**settings):
    posts, scored = study_of()
    decision = decide(posts, scored, **settings)
    verdict = compare(posts, {"tuned": apply_decision(decision, scored, "hate")}, VERDICT, "hate")
    return replace(verdict, decisions={"tuned": effect_of(decision, scored, "hate", VERDICT)})


def printed(verdict):
    file = io.StringIO()
    print_verdict(Console(file=file, width=80), verdict)
    return file.getvalue()


def test_scores_at_a_half_without_calibration_say_nothing():
    verdict = verdict_with()
    assert decisions(verdict) == []
    assert "threshold" not in printed(verdict)


def test_a_chosen_threshold_stands_beside_the_half():
    verdict = verdict_with(threshold="auto")
    title, legend, table, calibration = decisions(verdict)
    assert title == "## Thresholds and calibration"
    assert "validation posts alone" in legend
    used = verdict.decisions["tuned"]
    half = used.at_half["f1"].value
    assert f"| tuned | {used.threshold:.3f} | highest F1, on validation | – | {half:.3f} (" in table
    assert calibration == ""
    told = printed(verdict)
    assert f"{used.threshold:.3f}" in told
    assert f"F1 at 0.5   {half:.3f}" in told


def test_a_cap_that_nothing_keeps_is_bold():
    verdict = verdict_with(threshold="auto", rule={"cap": {"at_most": 0.001}})
    table = decisions(verdict)[2]
    assert "**no threshold keeps the cap**" in table
    assert "| no threshold keeps the upper end of FPR" in table and "misses it by" in table
    assert "highest F1" not in table


def test_calibration_shows_before_and_after():
    verdict = verdict_with(calibration="isotonic")
    rows = decisions(verdict)[3]
    before, after = verdict.decisions["tuned"].ece_before.value, verdict.systems["tuned"].calibration.ece.value
    assert after < before
    assert f"| tuned | isotonic | {before:.3f} → {after:.3f} |" in rows
    assert "ECE before" in printed(verdict)
