"""The figures: what they hold equals the verdict, and every one of them draws."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from sklearn.metrics import auc
from tests.report.contents import make_content, make_posts
from tests.report.whole_contents import make_whole_content

from probatum.report.plots import criteria, frontier, groups, ranking, reliability, scores, slices
from probatum.report.plots.every import MODULES, every_plot
from probatum.report.plots.export import drawn, for_paper, write_plots
from probatum.report.plots.plot import COLOURS, colour, config

WHOLE = make_whole_content()
PLOTS = {plot.name: plot for plot in every_plot(WHOLE)}


def values(spec):
    """All rows of data in a figure."""
    own = spec.get("data", {}).get("values", [])
    return own + [row for key in ("layer", "vconcat") for inner in spec.get(key, []) for row in values(inner)]


def test_a_whole_run_has_every_figure():
    assert {module.__name__.rsplit(".", 1)[1] for module in MODULES} >= {"criteria", "groups", "ranking", "slices"}
    for name in ("criteria", "systems", "fpr", "fnr", "frontier", "frontier-validation", "roc", "precision-recall",
                 "reliability-tuned", "scores-linear", "losses", "learning-curve", "behaviour", "swaps"):  # fmt: skip
        assert name in PLOTS
    assert all(plot.description.endswith(".") for plot in PLOTS.values())
    for plot in PLOTS.values():
        assert all(len(row) == len(plot.header) for row in plot.rows), plot.name


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
def test_every_figure_draws_and_is_strict_json(plot):
    json.dumps(plot.spec, allow_nan=False)
    picture = ET.fromstring(drawn(plot, "svg"))
    assert len(list(picture.iter("{http://www.w3.org/2000/svg}path"))) > 5
    assert "var(" not in json.dumps(for_paper(plot))


def test_files_are_written(tmp_path):
    two = [PLOTS["roc"], PLOTS["fpr"]]
    svg, png = write_plots(two, tmp_path / "new", "svg"), write_plots(two, tmp_path / "new", "png")
    assert [path.name for path in svg + png] == ["roc.svg", "fpr.svg", "roc.png", "fpr.png"]
    assert svg[0].read_text(encoding="utf-8").startswith("<svg")
    assert png[1].read_bytes().startswith(b"\x89PNG")


def test_the_area_under_the_roc_is_the_verdicts():
    content = make_content()
    rows = [row for row in values(ranking.plots(content)[0].spec) if row.get("system") == "tuned" and "at" in row]
    area = auc([row["x"] for row in rows], [row["y"] for row in rows])
    assert area == pytest.approx(content.verdict.systems["tuned"].metrics["auroc"].value, abs=2e-3)


def test_the_marks_stand_where_the_verdict_measured():
    content = make_content()
    for plot, across, up in zip(ranking.plots(content), ("fpr", "recall"), ("recall", "precision"), strict=True):
        for system in ("linear", "tuned"):
            mark = next(row for row in values(plot.spec) if row.get("system") == system and "threshold" in row)
            metrics = content.verdict.systems[system].metrics
            assert (mark["x"], mark["y"]) == pytest.approx((metrics[across].value, metrics[up].value))


def test_a_chosen_threshold_moves_the_marks():
    for plots in (ranking.plots(WHOLE), frontier.plots(WHOLE)):
        marks = [row for row in values(plots[-1].spec) if row.get("system") == "tuned" and row.get("threshold") == 0.4]
        assert marks


def test_group_rates_are_the_verdicts():
    content = make_content()
    rows = values(groups.plots(content)[0].spec)
    for found in content.verdict.groups:
        if found.system != "majority":
            row = next(r for r in rows if (r["place"], r["system"]) == (found.row.value, found.system))
            fpr = found.row.fpr
            assert (row["value"], row["low"], row["high"]) == (fpr.value, fpr.low, fpr.high)


def test_long_names_that_begin_alike_keep_their_rows():
    long = "a group whose name is long and begins alike: "
    posts = [type(p)(p.id, p.text, p.label, long + p.group, p.source) for p in make_posts(200)]
    rows = values(groups.plots(make_content(posts, criteria=[]))[0].spec)
    assert len({row["place"] for row in rows}) == 3


def test_the_frontier_holds_the_worst_group():
    content = make_content()
    mark = next(
        row for row in values(frontier.plots(content)[-1].spec) if row["system"] == "tuned" and row["threshold"] == 0.5
    )
    worst = max((row.row.fpr.value, row.row.value) for row in content.verdict.groups if row.system == "tuned")
    assert (mark["fpr"], mark["group"]) == (pytest.approx(worst[0], abs=1e-5), worst[1])


def test_histograms_count_every_post():
    content = make_content()
    for plot in scores.plots(content):
        system = plot.name.removeprefix("scores-")
        assert sum(row.get("posts", 0) for row in values(plot.spec)) == (~np.isnan(content.scores(system))).sum()


def test_reliability_is_for_systems_with_scores():
    assert [plot.name for plot in reliability.plots(make_content())] == [
        "reliability-linear", "reliability-baseline", "reliability-tuned",
    ]  # fmt: skip


def test_a_slice_that_holds_the_errors_is_named_first():
    posts = make_posts(400)
    content = make_content(posts)
    rows = content.evidence.predictions
    wrong = {post.id for post in posts if post.group == "mexican" and post.label == "not_hate"}
    predictions = {
        name: [
            type(row)(
                **(row.to_json() | {"prediction": "hate" if row.id in wrong else row.label, "status": row.status})
            )
            for row in rows[name]
        ]
        for name in ("baseline", "tuned")
    }
    found = slices.error_slices(make_content(posts, predictions))
    assert found[0].wanted == {"label": "not_hate", "group": "mexican"}
    assert (found[0].n, found[0].errors) == (len(wrong), len(wrong))
    assert slices.plots(make_content(posts, predictions))


def test_no_errors_no_slices():
    posts = make_posts(60)
    right = make_content(posts).evidence.predictions["tuned"]
    perfect = [type(row)(**(row.to_json() | {"prediction": row.label, "status": row.status})) for row in right]
    assert slices.plots(make_content(posts, {"baseline": right, "tuned": perfect})) == []


def test_the_side_that_passes_is_shaded():
    by_limit = {result.text: result for result in make_content().verdict.criteria}
    at_most = next(result for text, result in by_limit.items() if "at most" in text)
    shaded = criteria.bar(at_most)["layer"][0]["data"]["values"][0]
    assert shaded["to"] == at_most.limit[0]
    assert shaded["from"] < at_most.low
    within = next(result for text, result in by_limit.items() if "between" in text)
    assert criteria.bar(within)["layer"][0]["data"]["values"] == [{"from": 0.2, "to": 0.9}]


def contrast(one, other):
    """WCAG 2.2's contrast ratio of two colours #rrggbb."""

    def luminance(hexadecimal):
        parts = [int(hexadecimal[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_can_be_told_from_the_ground(scheme):
    ground = COLOURS["paper"][scheme]
    for name, pair in COLOURS.items():
        if name not in ("paper", "line", "well"):
            assert contrast(pair[scheme], ground) >= 3, name
    for name in ("ink", "muted", "passed", "failed", "inconclusive", "tuned"):  # these are text too
        assert contrast(COLOURS[name][scheme], ground) >= 4.5, name


def test_a_colour_is_one_of_the_palette():
    assert colour("tuned") == "var(--tuned)"
    with pytest.raises(AssertionError):
        colour("pink")
    assert "var(--ink)" in json.dumps(config())


def test_systems_differ_in_shape_as_well_as_colour():
    layer = PLOTS["fpr"].spec["layer"][-1]["encoding"]
    for channel in ("color", "shape"):
        scale = layer[channel]["scale"]
        assert len(set(scale["range"])) == len(scale["domain"])
