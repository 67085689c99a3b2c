"""The simulations that docs/statistics.md rests on, in a short form; and the figures that are kept."""

import json

import numpy as np
import pytest

from benchmarks import coverage, statistics


def test_rates_are_covered_as_often_as_claimed_over_every_band():
    for row in coverage.rates(sizes_a_band=15):
        assert 0.94 <= row["coverage"] <= 0.965, row
        assert row["lowest"] <= row["coverage"] <= row["highest"]


def test_f1_and_paired_differences_are_covered():
    rows = coverage.simulated(studies=150, sizes=[300])
    found = {row["figure"]: row["coverage"] for row in coverage.summary(rows)}
    assert found.keys() == {"f1", "f1_macro", "mcc", "f1 difference", "mcc difference", "accuracy difference"}
    for figure, share in found.items():  # 750 studies each: three standard errors are 0.024
        assert share == pytest.approx(0.95, abs=0.025), figure


def test_clusters_taken_apart_are_too_sure():
    rows = coverage.clustered(studies=60, numbers=[60])
    share = {
        taken: np.mean([row["coverage"] for row in rows if row["case"].endswith(taken)])
        for taken in ("clustered", "apart")
    }
    assert 0.9 <= share["clustered"] <= 0.99
    assert share["apart"] <= share["clustered"] - 0.08


def test_what_whole_counts_allow_encloses_95_percent():
    for row in coverage.discrete(20):
        if row["figure"] == "rate":
            assert row["below"] < 0.95 <= row["above"] + 1e-9, row
        else:
            assert 0.94 <= row["least"] <= 1, row
        assert 0.9 <= row["coverage"] <= 1, row


def test_where_the_two_seldom_differ_no_interval_covers_less_than_96_percent():
    assert coverage.least(30, 0.012, 0.008) > 0.99  # 0.6 discordant posts expected
    assert coverage.least(30, 0.12, 0.08) < 0.945


def test_differences_of_rates_are_covered_by_how_often_the_two_differ():
    rows = coverage.rate_changes(sizes=[60])
    assert {row["case"] for row in rows} == {f"{apart:g} differ" for apart in coverage.RATES}
    for row in rows[2:]:  # six and more discordant posts
        assert 0.935 <= row["coverage"] <= 0.965, row


@pytest.mark.parametrize("name", ["speed", "coverage"])
def test_kept_figures_hold(name):
    kept = json.loads((statistics.RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    if name == "speed":
        assert kept["figures"].keys() == statistics.LIMITS_S.keys()
        assert all(figure["holds"] for figure in kept["figures"].values())
    else:
        rates = [row for row in kept["cells"] if row["figure"] == "rate"]
        assert len(rates) == len(coverage.RATES) * len(coverage.BANDS)
        assert all(0.94 <= row["coverage"] <= 0.96 for row in rates)
