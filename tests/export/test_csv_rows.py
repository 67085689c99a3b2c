"""Predictions as CSV: every cell comes back, and none begins as a formula."""

import csv

import pytest
from tests.small_studies import make_prediction

from probatum.data.records import Post
from probatum.export.csv_rows import write_csv
from probatum.export.finished import Finished
from probatum.study import Study
from probatum.verdict.compare import compare

TEXTS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "a\r=1", "\r\n=1", "a\n=1", " =1", '"=1"', '",=1', "a,=1", "＝1",
    "'=1", "plain",
]  # fmt: skip


@pytest.fixture
def finished():
    posts = [Post(f"{text}{at}", text, ("hate", "not_hate")[at % 2], text, text) for at, text in enumerate(TEXTS)]
    rows = [make_prediction(post, post.label, 0.5) for post in posts]
    study = Study(name="demo", data={"train": "t.jsonl", "validation": "v.jsonl"})
    verdict = compare(posts, {"linear": rows}, study.verdict.model_copy(update={"criteria": []}), "hate")
    return Finished(study, verdict, posts, {"linear": rows}, {})


def test_every_text_comes_back_and_none_is_a_formula(finished, tmp_path):
    predictions, metrics = write_csv(finished, tmp_path)
    with predictions.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"].removeprefix("'") for row in rows] == [text.removeprefix("'") for text in TEXTS]
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@", "＝"))]
    with metrics.open(encoding="utf-8", newline="") as file:
        assert {row["system"] for row in csv.DictReader(file)} == {"linear"}


def test_no_line_begins_with_a_formula_whatever_a_reader_takes_for_its_end(finished, tmp_path):
    predictions, _ = write_csv(finished, tmp_path)
    inside = False
    for quoted in predictions.read_bytes().decode().split('"'):
        if not inside:
            assert "\r" not in quoted.replace("\r\n", "")
            assert "\n" not in quoted.replace("\r\n", "")
        inside = not inside
