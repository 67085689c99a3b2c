"""Predictions from elsewhere, in every form that they come in."""

import json
import math
from pathlib import Path

import pytest

from probatum.data.predicted.runs import read_runs, short_names
from probatum.data.records import Prediction, Status, write_predictions
from probatum.errors import DataError

ROWS = [
    {"text": "one, two", "label": "hate", "prediction": "HATE"},
    {"text": 'he said "no"', "label": "normal", "prediction": "not_hate"},
    {"text": "three", "label": "not hate", "prediction": "unknown"},
]


def as_csv(rows, delimiter):
    def quoted(value):
        return '"' + value.replace('"', '""') + '"'

    lines = [rows[0].keys(), *(row.values() for row in rows)]
    return "".join(delimiter.join(map(quoted, line)) + "\r\n" for line in lines)


def read_one(path, columns=None, positive="hate"):
    (run,), _ = read_runs([path], columns or {}, positive)
    return run


@pytest.mark.parametrize(
    ("content", "name"),
    [
        *((as_csv(ROWS, delimiter), "a.csv") for delimiter in ",;\t|"),
        ("\ufeff" + as_csv(ROWS, ","), "a.csv"),
        (as_csv(ROWS, "\t"), "a.tsv"),
        (as_csv(ROWS, ";"), "a.txt"),
        ("".join(json.dumps(row) + "\n" for row in ROWS), "a.jsonl"),
        (json.dumps(ROWS), "a.json"),
        (json.dumps(ROWS, indent=2), "a.json"),
    ],
)
def test_every_format_gives_the_same_run(write, content, name):
    run = read_one(write(content, name))
    assert [row.label for row in run.predictions] == ["hate", "not_hate", "not_hate"]
    assert [row.prediction for row in run.predictions] == ["hate", "not_hate", None]
    assert [row.status for row in run.predictions] == [Status.OK, Status.OK, Status.UNPARSED]
    assert run.texts == [row["text"] for row in ROWS]
    assert run.unparsed_words == {"unknown": 1}
    assert run.notes == []


def test_a_delimiter_inside_a_quoted_name_parts_nothing(write):
    run = read_one(write('"a;b;c;d",label,prediction\n1,hate,hate\n', "a.csv"))
    assert run.predictions[0].prediction == "hate"


def test_predictions_that_name_no_label(write):
    words = ["", "nan", None, math.nan, "hate or not", ["hate"], {"label": "hate"}, "hateful", "‘hate", "hate."]
    run = read_one(write([{"label": "hate", "prediction": word} for word in words]))
    assert [row.prediction for row in run.predictions] == [None] * 9 + ["hate"]
    assert sum(run.unparsed_words.values()) == 9


@pytest.mark.parametrize("missing", ["", "NaN", None, "unknown", "n/a"])
def test_a_row_without_a_true_label_is_named(write, missing):
    rows = [{"label": "hate", "prediction": "hate"}, {"label": missing, "prediction": "hate"}]
    with pytest.raises(DataError, match=r"posts.jsonl:2: label: no true label .*\n.*every row needs a true label"):
        read_one(write(rows))


def test_a_label_that_is_a_list(write):
    with pytest.raises(DataError, match=r"posts.jsonl:1: label: expected a label, found list"):
        read_one(write([{"label": ["hate"], "prediction": "hate"}]))


def test_numbers_and_truth_values_as_labels(write):
    rows = [{"label": 1, "prediction": 1.0}, {"label": 0, "prediction": "0.0"}, {"label": 0, "prediction": math.nan}]
    assert [row.prediction for row in read_one(write(rows), positive="1").predictions] == ["1", "0", None]
    rows = [{"label": True, "prediction": "true"}, {"label": False, "prediction": "TRUE"}]
    assert {row.prediction for row in read_one(write(rows), positive="true").predictions} == {"true"}


def test_groups_and_sources_without_a_value(write):
    rows = "label,prediction,group,source\nhate,hate,nan,\nhate,hate,None of these,3\n"
    run = read_one(write(rows, "a.csv"))
    assert [(row.group, row.source) for row in run.predictions] == [(None, None), ("None of these", "3")]


def test_scores(write):
    values = [0.25, "0.5", "", None, "nan", "N/A", 1]
    rows = [{"label": "hate", "prediction": "hate", "p": value} for value in values]
    run = read_one(write(rows), {"score": "p"})
    scores = [row.score for row in run.predictions]
    assert (scores[0], scores[1], scores[6]) == (0.25, 0.5, 1.0)
    assert all(map(math.isnan, scores[2:6]))
    assert run.has_scores


@pytest.mark.parametrize("value", ["high", "inf", [0.5]])
def test_a_score_that_is_no_number(write, value):
    rows = [{"label": "hate", "prediction": "hate", "p": value}]
    with pytest.raises(DataError, match=r"posts.jsonl:1: p: expected a (finite )?number, found"):
        read_one(write(rows), {"score": "p"})


def test_scores_that_are_no_probabilities_are_told_with_the_first(write):
    """Logits rank the posts as well as probabilities do; a mean square of them says nothing."""
    rows = [{"label": "hate", "prediction": "hate", "p": score} for score in (0, 1, "", None, 1.7, -3)]
    path = write(rows)
    (note,) = read_one(path, {"score": "p"}).notes
    assert note.startswith(f"2 scores are below 0 or above 1 (the first, 1.7, in {path}:5), so no probabilities: AUROC")
    assert read_one(write(rows[:4], "b.jsonl"), {"score": "p"}).notes == []
    assert "1 score is below 0" in read_one(write(rows[5:], "c.jsonl"), {"score": "p"}).notes[0]


def test_words_that_may_mean_a_label_are_told(write):
    rows = [{"label": "hateful", "prediction": word} for word in ("hate", "hate", "unknown", "hateful", "Hateful.")]
    (note,) = read_one(write(rows), positive="hateful").notes
    assert note.startswith(
        "2 predictions name no label: 'hate' (2); the labels are called 'hateful', 'not hateful' (in"
    )
    few = [{"label": "hate", "prediction": "hate"}] * 40 + [{"label": "hate", "prediction": "cannot say"}]
    few += [{"label": "hate", "prediction": "error"}] * 9
    assert read_one(write(few, "b.jsonl")).notes == []


def test_repeated_ids_are_counted_each_and_told(write):
    run = read_one(write([{"id": name, "label": "hate", "prediction": "hate"} for name in ("a", "b", "a", "a")]))
    assert len({row.id for row in run.predictions}) == 4
    assert run.ids == ["a", "b", "a", "a"]
    assert run.notes == ["2 rows repeat an id (the first stands in lines 1, 3, 4); every row is counted"]


def test_repeated_texts_are_told_where_there_are_no_ids(write):
    rows = [{"text": text, "label": "hate", "prediction": "hate"} for text in "aba"]
    assert read_one(write(rows)).notes == [
        "1 row repeats a text (the first stands in lines 1, 3); every row is counted"
    ]
    assert read_one(write([row | {"id": at} for at, row in enumerate(rows)])).notes == []


def test_groups_that_differ_in_case_alone_are_one(write):
    rows = [{"label": "hate", "prediction": "hate", "group": group} for group in ("LGBTQ", "lgbtq", "Lgbtq ", "x")]
    assert [row.group for row in read_one(write(rows)).predictions] == ["LGBTQ", "LGBTQ", "LGBTQ", "x"]


def test_further_labels_are_told(write):
    rows = [{"label": word, "prediction": "hate"} for word in ("hate", "normal", "offensive", "offensive")]
    assert read_one(write(rows)).notes == ["true labels that count as negative: offensive (2), not_hate (1)"]


def test_one_run_for_every_system(write):
    rows = [{"label": "hate", "prediction": "hate", "strategy": name} for name in ("policy", "persona", "policy")]
    path = write(rows)
    runs, _ = read_runs([path], {"system": "strategy"}, "hate")
    assert [(run.name, len(run.predictions)) for run in runs] == [("policy", 2), ("persona", 1)]
    other = write(rows[:1], "other.jsonl")
    runs, _ = read_runs([path, other], {"system": "strategy"}, "hate")
    assert [run.name for run in runs] == ["posts: policy", "posts: persona", "other: policy"]


def test_probatums_own_predictions(tmp_path):
    path = tmp_path / "predictions.jsonl"
    rows = [
        Prediction("1", "hate", "g", None, 0.9, "hate"),
        Prediction("2", "not_hate", None, "s", math.nan, None, Status.UNPARSED, "?"),
    ]
    write_predictions(path, rows)
    run = read_one(path, {"score": "score"})
    assert [(row.id, row.label, row.prediction, row.status) for row in run.predictions] == [
        ("1", "hate", "hate", "ok"), ("2", "not_hate", None, "unparsed"),
    ]  # fmt: skip
    assert run.predictions[0].score == 0.9


def test_bytes_that_are_not_utf_8_are_named_where_they_would_be_shown(write):
    path = write(b"text,label,prediction,group\na,hate,hate,caf\xe9\n", "a.csv")
    with pytest.raises(DataError, match=r"a.csv:2: group: bytes that are not UTF-8"):
        read_one(path)
    read_one(write(b"text,label,prediction\ncaf\xe9,hate,hate\n", "b.csv"))


def test_a_long_answer_is_cut_where_it_is_listed(write):
    run = read_one(write([{"label": "hate", "prediction": f"I think {'very ' * 99} hard"}]))
    assert [len(word) for word in run.unparsed_words] == [60]


def test_one_file_twice(write):
    path = write(ROWS)
    with pytest.raises(DataError, match="named twice"):
        read_runs([path, path.parent / "." / path.name], {}, "hate")


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["x/a.csv"], ["a"]),
        (["x/a.csv", "x/b.csv"], ["a", "b"]),
        (["x/one/r.csv", "x/two/r.csv"], ["one", "two"]),
        (["one/deep/r.csv", "two/deep/r.csv"], ["one", "two"]),
        (["x/r.csv", "x/y/r.csv"], ["x/r.csv", "x/y/r.csv"]),
        (["a.csv", "a.json"], ["a.csv", "a.json"]),
        (["/x/a.csv", "b.csv"], ["/x/a", "b"]),
    ],
)
def test_names_are_what_tells_files_apart(paths, names):
    assert short_names([Path(path) for path in paths]) == names
