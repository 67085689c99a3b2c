"""A content that has every part a run can have, so that every section is there."""

from dataclasses import replace

from tests.report.contents import make_content

from probatum.metrics.intervals import Interval
from probatum.metrics.threshold import OperatingPoint
from probatum.verdict.decision import Decision
from probatum.verdict.further_results import (
    Behaviour,
    BehaviourRow,
    Cause,
    CriterionSpread,
    CurvePoint,
    Diagnosis,
    NoiseFloor,
    Retention,
    Seeds,
    Spread,
    SwapFigures,
    SwapPair,
    Swaps,
)

UNDEFINED = Interval.undefined("there are no posts")


def around(value, n=100):
    return Interval(value, value - 0.05, value + 0.05, n)


def behaviour_row(value, baseline, tuned):
    figures = {"baseline": {"accuracy": around(baseline)}, "tuned": {"accuracy": around(tuned)}}
    change = {"tuned": {"accuracy": around(tuned - baseline)}}
    return BehaviourRow(value, {"hate": 60}, 60, 12, figures, change)


def swap_figures(rate):
    return SwapFigures(3, around(rate), around(0.01), 0.2)


def operating_point(threshold, f1, worst):
    return OperatingPoint(threshold, f1, 0.1, 0.2, 0.8, "lgbtq", worst, "lgbtq", worst + 0.05)


def make_whole_content():
    """Every part, with a threshold of 0.4 that validation chose for the tuned system."""
    content = make_content()
    frontier = [operating_point(0.6, 0.7, 0.1), operating_point(0.4, 0.8, 0.2)]
    chosen = Decision("tuned", 0.4, True, "most F1", True, validation=frontier[1], frontier=frontier)
    rest = {name: Decision(name, 0.5) for name in ("majority", "linear", "baseline")}
    spread = Spread([0.8, 0.82], 0.81, 0.8, 0.82, 0.014)
    shown = ("f1", "accuracy", "fpr", "fnr")
    curve = [
        CurvePoint("tuned", 0.25, 75, around(0.6), UNDEFINED),
        CurvePoint("tuned", 1.0, 300, around(0.7), around(0.1)),
    ]
    verdict = replace(
        content.verdict,
        diagnosis=Diagnosis([Cause("threshold", "0.4 is better", "use it", "probatum run STUDY", {})], curve),
        seeds=Seeds([0, 1], dict.fromkeys(shown, spread), [CriterionSpread("F1", spread, 0.7, 0.9, ["passed"], True)]),
        noise_floor=NoiseFloor(300, 0.01, 0.001, ["p1"], dict.fromkeys(shown, 0.0), dict.fromkeys(shown, 0.003)),
        retention=Retention("shipped", 20, 900, around(3.0), around(3.01), around(0.01)),
        behaviour=Behaviour(
            "hatecheck.csv",
            behaviour_row("all", 0.5, 0.7),
            [behaviour_row("slur_h", 0.6, 0.8), behaviour_row("counter_quote_nh", 0.3, 0.4)],
            [behaviour_row("women", 0.5, 0.6)],
            "",
        ),
        swaps=Swaps(
            40, 20, 40,
            {name: swap_figures(0.2) for name in ("baseline", "tuned")},
            [SwapPair("lgbtq", "mexican", 30, 15, {name: swap_figures(0.3) for name in ("baseline", "tuned")})],
            {"tuned": around(-0.1)},
        ),
    )  # fmt: skip
    return replace(content, verdict=verdict, decisions={"tuned": chosen, **rest})
