"""The terminal tables: 80 columns, no colour needed, nothing hostile, nothing left out."""

import io

import pytest
from rich.console import Console
from tests.small_studies import balanced, make_post, make_prediction, system

from probatum.data.records import Post, Prediction
from probatum.report.tables import print_verdict
from probatum.study import Criterion, VerdictSettings
from probatum.verdict.compare import compare

HOSTILE = "[bold red]x[/bold red] [link=http://evil.example]y[/link] \x1b[31mz \u202e end"
CRITERIA = [
    {"metric": "f1", "at_least": 0.62},
    {"metric": "f1", "gain_over": "linear", "at_least": 0},
    {"metric": "accuracy", "at_least": 0.99},
    {"metric": "training", "completed": True},
    {"metric": "fpr", "slice": {"group": "lgbtq"}, "at_most": 0.35},
]


def study(criteria=(), text=None, doubts=()):
    posts = balanced(400)
    if text:
        posts = [Post(post.id, text, post.label, post.group, post.source) for post in posts]
    predictions = {
        "majority": [make_prediction(post, "not_hate") for post in posts],
        "linear": system(posts, range(70)),
        "baseline": [make_prediction(posts[0], None), *system(posts, range(100))[1:]],
        "tuned": system(posts, range(20, 100)),
    }
    settings = VerdictSettings(criteria=[Criterion(**c) for c in criteria], bootstrap_draws=300)
    return compare(posts, predictions, settings, "hate", doubts=doubts), posts


def printed(verdict, posts=(), width=80, encoding="utf-8", **others):
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    print_verdict(Console(file=file, width=width, color_system=None, legacy_windows=False), verdict, posts, **others)
    file.flush()
    return file.buffer.getvalue().decode(encoding)


def test_everything_is_there_without_colour_and_within_80_columns():
    verdict, posts = study(CRITERIA)
    shown = printed(verdict, posts)
    assert max(len(line) for line in shown.splitlines()) <= 80
    words = ("REJECTED", "PASSED", "FAILED", "INCONCLUSIVE", "95% interval", "F1 valid only", "unparsed", "McNemar p")
    for word in (*words, "group=lgbtq", "Next: "):
        assert word in shown
    assert "Fixed by tuned, against baseline: 20" in shown
    assert "Broken by tuned, against baseline: 0" in shown
    assert "\x1b" not in shown


def test_a_doubt_stands_beside_the_outcome():
    shown = printed(*study([{"metric": "accuracy", "at_least": 0.1}], doubts=["this was a first try"]))
    outcome, why = [line for line in shown.splitlines() if line.strip()][:2]
    assert outcome == "INCONCLUSIVE"
    assert why == "Inconclusive: every criterion passed, but this was a first try."


def test_a_reason_stands_below_the_table_for_what_did_not_pass():
    shown = " ".join(printed(*study(CRITERIA)).split())
    assert "INCONCLUSIVE training is completed: it is not known how training went" in shown
    assert "FAILED accuracy of tuned is at least 0.990: 0.800 with interval 0.758 to 0.836" in shown


def test_hostile_posts_are_shown_as_they_are():
    verdict, posts = study(CRITERIA, HOSTILE)
    shown = printed(verdict, posts, width=200)
    assert "[bold red]x[/bold red] [link=http://evil.example]y[/link] \ufffd[31mz \ufffd end" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_hostile_names_are_shown_as_they_are():
    posts = [make_post(at, "hate" if at % 2 else "not_hate", "[red]g\x1b[0m") for at in range(8)]
    verdict = compare(posts, {"[b]s\x1b": system(posts, {0})}, VerdictSettings(criteria=[]), "hate")
    shown = printed(verdict, posts)
    assert "[red]g\ufffd[0m" in shown
    assert "[b]s\ufffd" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_terminals_without_unicode(encoding):
    assert "REJECTED" in printed(study(CRITERIA)[0], encoding=encoding)


def test_one_system_without_criteria_groups_or_scores():
    posts = [Post(f"p{at}", "t", "hate") for at in range(3)]
    rows = [Prediction(post.id, "hate", None, None, 0.9, "hate") for post in posts]
    shown = printed(compare(posts, {"linear": rows}, VerdictSettings(criteria=[]), "hate"), posts)
    assert "INCONCLUSIVE" in shown
    assert "Criteria" not in shown
    assert "Groups" not in shown
    assert "FPR" in shown


def test_no_examples_when_none_are_wanted():
    verdict, posts = study()
    assert "Fixed by" not in printed(verdict, posts, examples=0)
    assert "Fixed by" not in printed(verdict)


def test_of_many_groups_the_largest_are_shown_and_the_rest_counted():
    posts = [make_post(at, "hate" if at % 2 else "not_hate", f"group {at % 30}") for at in range(300)]
    shown = printed(compare(posts, {"tuned": system(posts, {0})}, VerdictSettings(criteria=[]), "hate"))
    assert shown.count("group ") == 13  # the header and twelve
    assert "and 18 smaller groups, in the report" in shown
