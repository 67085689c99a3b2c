"""Runs made elsewhere, on a terminal of 80 columns."""

import io
import random
import re

import pytest
from rich.console import Console
from tests.predicted_runs import LABELS, make_run

from probatum.report.runs import print_runs
from probatum.study import VerdictSettings
from probatum.verdict.runs import compare_runs

SETTINGS = VerdictSettings(bootstrap_draws=200)


def printed(*runs, counting="all"):
    out = io.StringIO()
    print_runs(Console(file=out, width=80, color_system=None), compare_runs(runs, LABELS, counting, SETTINGS))
    return out.getvalue()


def many(name, count=400, groups=("a",), **others):
    draw = random.Random(name)
    truth = "".join(draw.choice("01") for _ in range(count))
    answers = "".join(draw.choice([t, t, "0", "1", "?"]) for t in truth)
    return make_run(name, truth, answers, groups=[groups[at % len(groups)] for at in range(count)], **others)


def test_both_ways_of_counting_stand_side_by_side():
    shown = printed(make_run("x", "1100", "1?00"))
    assert shown.splitlines()[0] == "x: 4 posts, 1 unparsed"
    assert "all posts     valid only" in shown
    assert "accuracy    0.750         1.000" in shown
    assert "hate is positive: hate 2, not_hate 2." in shown
    assert "1 unparsed (unknown 1): counted as wrong in the first column." in shown
    assert "AUROC" not in shown


def test_valid_only_says_what_it_leaves_out():
    shown = printed(make_run("x", "1100", "1?00", groups=list("abab")), counting="valid_only")
    assert "all posts" not in shown
    assert "1 unparsed (unknown 1): left out (--valid-only)." in shown
    assert "x by group, valid only" in shown


def test_auroc_is_shown_where_there_are_scores():
    assert "AUROC       1.000" in printed(make_run("x", "10", "10", scores=[0.9, 0.1]))


@pytest.mark.parametrize("length", [1, 40, 300])
def test_no_line_is_wider_than_a_terminal(length):
    groups = [f"{at}-{'g' * length}" for at in range(20)]
    shown = printed(many("a" * length, groups=groups), many("b" * length, groups=groups))
    assert max(map(len, shown.splitlines())) <= 80
    assert "and 5 smaller ones, in --json" in shown


def test_hostile_names_stay_harmless():
    shown = printed(make_run("x", "10", "1?", groups=["\x1b[31m[red]", "\u202eb"]), make_run("[bold]y", "10", "10"))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[red]" in shown
    assert "[bold]y minus x" in shown


def test_a_pair_ends_with_its_statement():
    shown = printed(make_run("x", "1100", "1000"), make_run("y", "1100", "1100"))
    assert "y minus x" in shown
    assert len(re.findall(r"Holm's p [01]\.\d{3}", shown)) == 2  # of F1 and of accuracy
    assert "On the 4 posts compared, neither is shown to be better" in shown


def test_every_dash_has_its_reason():
    shown = printed(make_run("x", "11", "00", groups=["a", "[b]"]))
    assert "A dash where there are no negative posts: FPR, FPR of [b], FPR of a." in " ".join(shown.split())
    assert "A dash where no post was called positive: precision" in shown
