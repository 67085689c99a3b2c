"""Figures of runs made elsewhere: the published ones to the last digit, and what pairs of runs support."""

import csv
import json
import math
import random

import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score
from tests.predicted_runs import LABELS, make_run

from probatum.data.predicted.columns import parse_columns
from probatum.data.predicted.runs import read_runs
from probatum.metrics.intervals import wilson
from probatum.metrics.paired import mcnemar_exact
from probatum.study import VerdictSettings
from probatum.verdict.runs import compare_runs

COLUMNS = parse_columns(
    "text=input_text,label=true_label,prediction=predicted_label,group=target_group_norm,source=source_dataset"
)
CELLS = ("true_positive", "true_negative", "false_positive", "false_negative")
SETTINGS = VerdictSettings(bootstrap_draws=500)


def compared(*runs, counting="all", settings=SETTINGS):
    return compare_runs(runs, LABELS, counting, settings)


@pytest.fixture
def published(shared_data):
    def files(*names):
        return [shared_data / "predictions" / name / "strategy_unified_results.csv" for name in names]

    return files


def rows_of(path):
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("name", ["baseline_std", "high_capacity"])
def test_valid_only_gives_the_published_tables_to_the_last_digit(published, name):
    (path,) = published(name)
    runs, labels = read_runs([path], COLUMNS, "hate")
    (run,) = compare_runs(runs, labels, "valid_only", SETTINGS).runs
    (overall,) = rows_of(path.parent / "performance_metrics.csv")
    figures = run.overall
    for theirs, ours in (
        ("accuracy", "accuracy"),
        ("precision", "precision"),
        ("recall", "recall"),
        ("f1_score", "f1"),
    ):
        assert repr(figures.metrics[ours].value) == overall[theirs]
    groups = {found.value: found for found in run.groups}
    published_groups = rows_of(path.parent / "bias_metrics.csv")
    assert set(groups) == {row["persona_tag"] for row in published_groups}
    for row, found in [(overall, figures), *((row, groups[row["persona_tag"]]) for row in published_groups)]:
        counts = [str(getattr(found.confusion, cell)) for cell in ("tp", "tn", "fp", "fn")]
        assert counts == [
            row[f"{kind}"] for kind in ("true_positive", "true_negative", "false_positive", "false_negative")
        ]
    for row in published_groups:
        found = groups[row["persona_tag"]]
        assert str(found.n) == row["sample_count"]
        assert float(row["false_positive_rate"]) == found.metrics["fpr"].value
        assert float(row["false_negative_rate"]) == found.metrics["fnr"].value
        assert float(overall[f"{found.value}_fpr"]) == found.metrics["fpr"].value


def test_counting_everything_lowers_the_published_figures(published):
    runs, labels = read_runs(published("baseline_std", "high_capacity"), COLUMNS, "hate")
    found = compare_runs(runs, labels, "all", SETTINGS)
    for run, unparsed in zip(found.runs, (1, 2), strict=True):
        assert (run.overall.n, run.overall.counted, run.overall.unparsed) == (100, 100, unparsed)
        assert run.overall.valid_only.confusion.n == 100 - unparsed
        assert run.overall.metrics["f1"].value < run.overall.valid_only.metrics["f1"].value
    (pair,) = found.pairs
    assert (pair.system, pair.other) == ("high_capacity", "baseline_std")
    assert (pair.paired, pair.only_system, pair.only_other, pair.same_posts) == (23, 77, 77, False)
    assert pair.statement.startswith(
        "NOT THE SAME TEST SET: 23 posts paired by text, 77 only in baseline_std and 77 only in high_capacity"
    )


def drawn(seed, count=300, unparsed=0.0):
    draw = random.Random(seed)
    truth = "".join(draw.choice("01") for _ in range(count))
    answers = "".join("?" if draw.random() < unparsed else draw.choice([t, t, "0", "1"]) for t in truth)
    return truth, answers


def test_figures_are_scikit_learns():
    truth, answers = drawn(0)
    scores = [random.Random(at).random() for at in range(len(truth))]
    figures = compared(make_run("x", truth, answers, scores=scores)).runs[0].overall.metrics
    t, a = [list(map(int, word)) for word in (truth, answers)]
    assert figures["accuracy"].value == accuracy_score(t, a)
    assert figures["precision"].value == precision_score(t, a)
    assert figures["recall"].value == recall_score(t, a)
    assert figures["f1"].value == pytest.approx(f1_score(t, a), rel=1e-12)
    assert figures["fnr"].value == pytest.approx(1 - recall_score(t, a), rel=1e-12)
    assert figures["auroc"].value == pytest.approx(roc_auc_score(t, scores), rel=1e-12)
    right = sum(x == y for x, y in zip(truth, answers, strict=True))
    assert (figures["accuracy"].low, figures["accuracy"].high) == wilson(right, len(truth), 0.95)


def test_unparsed_counts_as_wrong_or_not_at_all():
    run = make_run("x", "1100", "1?0?")
    everything, valid = (compared(run, counting=counting).runs[0].overall for counting in ("all", "valid_only"))
    assert (everything.counted, everything.metrics["accuracy"].value) == (4, 0.5)
    assert (everything.metrics["fpr"].value, everything.metrics["fnr"].value) == (0.5, 0.5)
    assert (valid.n, valid.unparsed, valid.counted, valid.metrics["accuracy"].value) == (4, 2, 2, 1.0)
    assert everything.valid_only.metrics == valid.metrics
    assert valid.valid_only is None


def test_groups_are_measured_like_the_whole():
    run = make_run("x", "1100", "1?01", groups=["a", "b", "b", None])
    groups = {found.value: found for found in compared(run).runs[0].groups}
    assert list(groups) == ["b", "(none)", "a"]
    assert (groups["b"].n, groups["b"].unparsed, groups["b"].metrics["fnr"].value) == (2, 1, 1.0)
    assert groups["a"].metrics["fpr"].reason == "there are no negative posts"
    assert compared(make_run("x", "10", "10")).runs[0].groups == []


@pytest.mark.parametrize(("truth", "answer"), [("1", "1"), ("0", "?"), ("000", "000"), ("111", "0??")])
def test_one_row_or_one_class(truth, answer):
    found = compared(make_run("x", truth, answer), make_run("y", truth, answer))
    metrics = found.runs[0].overall.metrics
    undefined = {name for name, figure in metrics.items() if not figure.defined}
    assert ("fpr" in undefined) == (truth[0] == "1")
    assert ("recall" in undefined) == (truth[0] == "0")
    assert "auroc" in undefined
    assert all(metrics[name].reason for name in undefined)
    assert found.pairs[0].mcnemar_p == 1.0
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("truth", "note"),
    [
        ("1111", "every post is truly hate: precision is 1 by construction"),
        ("0000", "no post is truly hate: precision"),
    ],
)
def test_one_true_class_is_noted(truth, note):
    (run,) = compared(make_run("x", truth, "1010")).runs
    assert [one for one in run.notes if one.startswith(note)]
    assert compared(make_run("x", "10", "10")).runs[0].notes == []


def test_missing_scores_are_counted_and_said_to_rank_worst():
    run = compared(make_run("x", "1100", "1100", scores=[0.9, math.nan, 0.1, math.nan])).to_json()["runs"][0]
    assert run["notes"][0].startswith("2 of 4 posts have no score and rank worst")
    assert run["overall"]["metrics"]["auroc"]["value"] == 0.25
    assert compared(make_run("x", "10", "10", scores=[0.9, 0.1])).runs[0].notes == []
    assert compared(make_run("x", "10", "10", scores=[math.nan] * 2)).runs[0].notes == []


def test_everything_unparsed_leaves_nothing_valid():
    found = compared(make_run("x", "10", "??"), make_run("y", "10", "10"), counting="valid_only")
    assert found.runs[0].overall.counted == 0
    assert math.isnan(found.runs[0].overall.metrics["accuracy"].value)
    assert found.pairs[0].statement == "Nothing can be said about y against x: no post was parsed in both."
    assert found.to_json()["pairs"][0]["mcnemar_p"] is None


def test_nothing_shared_says_nothing():
    (pair,) = compared(make_run("x", "10", "10"), make_run("y", "10", "10", texts=["a", "b"])).pairs
    assert (pair.paired, pair.compared, pair.differences) == (0, 0, {})
    assert pair.statement.endswith("Nothing can be said about y against x: no post is in both.")


def test_ids_with_other_texts_say_what_to_do():
    runs = [make_run(name, "10", "10", ids=["a", "b"], texts=[f"{name} 1", f"{name} 2"]) for name in "xy"]
    (pair,) = compared(*runs).pairs
    assert (pair.paired_by, pair.paired, pair.other_text) == ("id", 0, 2)
    assert "0 posts paired by id, 2 with the same id but another text; " in pair.statement
    assert pair.statement.endswith(
        "(if the ids name the same posts all the same, say --columns text= to pair by id alone)."
    )


def test_a_pair_is_the_later_minus_the_earlier():
    truth = "10" * 40
    (pair,) = compared(make_run("x", truth, "10" * 30 + "0" * 20), make_run("y", truth, "10" * 40)).pairs
    assert (len(pair.fixed), len(pair.broken)) == (10, 0)
    assert pair.fixed[0] == "x-60"
    assert pair.mcnemar_p == mcnemar_exact(10, 0)
    assert pair.differences["accuracy"].value == 10 / 80
    assert pair.differences["f1"].value == pytest.approx(1 - 2 * 30 / (2 * 30 + 10))
    assert pair.supported == ["f1", "accuracy"]
    assert pair.statement.startswith(
        "On the 80 posts compared, y has higher F1 and higher accuracy than x: F1 +0.143 ("
    )
    (back,) = compared(make_run("y", truth, "10" * 40), make_run("x", truth, "10" * 30 + "0" * 20)).pairs
    assert "x has lower F1 and lower accuracy than y" in back.statement


def test_valid_only_compares_posts_that_both_parsed():
    (pair,) = compared(make_run("x", "1100", "?100"), make_run("y", "1100", "11?1"), counting="valid_only").pairs
    assert (pair.paired, pair.compared, pair.broken) == (4, 2, ["x-3"])


def test_the_same_answers_show_no_difference():
    (pair,) = compared(make_run("x", "1100", "1000"), make_run("y", "1100", "1000")).pairs
    assert pair.statement == "On the 4 posts compared, y and x are right on the same ones: no difference is shown."
    assert pair.supported == []


def test_an_open_difference_says_how_many_posts_would_settle_it():
    (pair,) = compared(make_run("x", "10" * 20, "10" * 18 + "0000"), make_run("y", "10" * 20, "10" * 19 + "00")).pairs
    assert "neither is shown to be better" in pair.statement
    assert "such posts would show it with 80% power" in pair.statement


def test_many_pairs_share_one_level():
    """Six false answers mended: p = 0.031 is a difference for one pair and none for the three of three runs."""
    truth = "10" * 40
    poor, good = make_run("x", truth, "0" * 12 + "10" * 34), make_run("y", truth, "10" * 40)
    assert compared(poor, good).pairs[0].supported == ["f1", "accuracy"]
    three = compared(poor, good, make_run("z", truth, "10" * 40))
    assert [(pair.system, pair.other) for pair in three.pairs] == [("y", "x"), ("z", "x"), ("z", "y")]
    assert "accuracy" not in three.pairs[0].supported
    told, p = three.pairs[0].statement, three.pairs[0].holm_p
    assert f"Holm's p = {p['f1']:.2g})" in told and f"McNemar p = 0.031, Holm's p = {p['accuracy']:.2g})" in told
    assert told.endswith(
        "(Holm's p counts F1 and accuracy of all 3 pairs together and decides at 0.05; each interval is at 95% for "
        "itself)."
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_changes_nothing(seed):
    truth, answers = drawn(seed, unparsed=0.1)
    other = drawn(seed + 10, unparsed=0.1)[1]
    texts = [f"post {at}" for at in range(len(truth))]
    order = random.Random(seed).sample(range(len(truth)), len(truth))
    mixed = make_run(
        "y", [truth[at] for at in order], [other[at] for at in order], texts=[texts[at] for at in order],
    )  # fmt: skip
    straight = make_run("y", truth, other, texts=texts)
    first = make_run("x", truth, answers, texts=texts)
    assert compared(first, mixed).to_json() == compared(first, straight).to_json()


def test_two_runs_of_chance_are_seldom_told_apart():
    """The same skill twice: at most 5% of pairs, plus what 200 draws leave to chance, are called different."""
    wrong = 0
    for seed in range(200):
        truth, one = drawn(seed, 120)
        draw = random.Random(1000 + seed)
        other = "".join(draw.choice([t, t, "0", "1"]) for t in truth)
        wrong += bool(compared(make_run("x", truth, one), make_run("y", truth, other)).pairs[0].supported)
    assert wrong <= 18


@pytest.mark.parametrize("same_texts", [False, True])
def test_the_order_of_files_changes_signs_alone(same_texts):
    """Also where posts share a text, so that the comparison is clustered."""
    draw = random.Random(5)
    texts = [f"post {at // 3 if same_texts else at}" for at in range(120)]
    truth = "".join(draw.choice("01") for _ in texts)
    answers = ["".join(right if draw.random() < share else "0" for right in truth) for share in (0.6, 0.75, 0.9)]
    runs = [make_run(name, truth, said, texts=texts) for name, said in zip("abc", answers, strict=True)]
    forth, back = compared(*runs).pairs, compared(*runs[::-1]).pairs
    for pair in forth:
        (mirror,) = [other for other in back if (other.system, other.other) == (pair.other, pair.system)]
        assert mirror.holm_p == pair.holm_p
        assert (len(mirror.fixed), len(mirror.broken)) == (len(pair.broken), len(pair.fixed))
        for metric in ("f1", "mcc", "precision"):
            one, other = pair.differences[metric], mirror.differences[metric]
            assert (other.value, other.low, other.high) == (-one.value, -one.high, -one.low)
