"""Functional tests as the study names them: HateCheck, prepared, or one's own columns."""

import json

import pytest

from probatum.data.behaviour import read_cases
from probatum.data.records import write_posts
from probatum.errors import DataError
from probatum.study import BehaviourColumns, Task

LABELS = Task().label_set()


def test_hatecheck_as_published_and_as_prepared_are_the_same(shared_data, tmp_path):
    published = read_cases(shared_data / "hatecheck" / "test_suite_cases.csv", LABELS, BehaviourColumns())
    assert len(published) == 3728
    assert len({post.extra["functionality"] for post in published}) == 29
    prepared = tmp_path / "prepared.jsonl"
    write_posts(prepared, published)
    again = read_cases(prepared, LABELS, BehaviourColumns())
    assert [(p.text, p.label, p.group, p.extra["templ_id"]) for p in again] == [
        (p.text, p.label, p.group, p.extra["templ_id"]) for p in published
    ]


def test_columns_of_ones_own(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text("case,gold,checks,frame,aims\nsome words,hate,irony,7,women\nother words,not_hate,praise,8,men\n")
    columns = BehaviourColumns(text="case", label="gold", functionality="checks", template="frame", group="aims")
    first, _ = read_cases(path, LABELS, columns)
    assert (first.text, first.label, first.group) == ("some words", "hate", "women")
    assert (first.extra["functionality"], str(first.extra["templ_id"])) == ("irony", "7")
    assert "checks" not in first.extra


def test_without_template_or_group_they_are_read(tmp_path):
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps({"text": "x", "label": "hate", "functionality": "irony"}) + "\n")
    [case] = read_cases(path, LABELS, BehaviourColumns())
    assert case.group is None
    assert "templ_id" not in case.extra


def test_a_file_that_does_not_say_what_it_checks_is_refused(tmp_path):
    path = tmp_path / "cases.jsonl"
    path.write_text(json.dumps({"text": "x", "label": "hate", "functionalty": "irony"}) + "\n")
    with pytest.raises(DataError) as error:
        read_cases(path, LABELS, BehaviourColumns())
    assert "no column 'functionality' that says what a case checks; did you mean 'functionalty'?" in str(error.value)
    assert "data.behaviour_columns.functionality" in str(error.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_cases(tmp_path / "none.csv", LABELS, BehaviourColumns())
