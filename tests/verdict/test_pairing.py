"""Rows of two runs are paired by id, else by text, and what cannot be paired is counted."""

from dataclasses import replace

import pytest
from tests.predicted_runs import make_run

from probatum.errors import DataError
from probatum.verdict.pairing import pair

IDS = ["a", "b", "c", "d"]


def test_by_id_in_any_order():
    found = pair(make_run("x", "1100", "1100", ids=IDS), make_run(
        "y", "0011", "0000", ids=IDS[::-1], texts=[f"post {at}" for at in (3, 2, 1, 0)],
    ))  # fmt: skip
    assert (found.by, found.rows, found.whole) == ("id", [(0, 3), (1, 2), (2, 1), (3, 0)], True)


def test_by_text_where_one_file_has_no_ids():
    found = pair(make_run("x", "1100", "1100", ids=IDS), make_run("y", "1100", "0000", texts=["POST  0", *"xyz"]))
    assert (found.by, found.rows) == ("text", [(0, 0)])
    assert (found.only_first, found.only_second, found.whole) == (3, 3, False)


def test_ids_that_are_row_numbers_of_different_files_pair_nothing():
    mine = make_run("x", "1100", "1100", ids=IDS, texts=["p", "q", "r", "s"])
    theirs = make_run("y", "0110", "1100", ids=IDS, texts=["s", "q", "p", "t"])
    found = pair(mine, theirs)
    assert (found.by, found.rows) == ("text", [(0, 2), (1, 1), (3, 0)])
    by_id = pair(mine, replace(theirs, texts=["u", "q", "v", "t"]))
    assert (by_id.by, by_id.rows, by_id.other_text) == ("id", [(1, 1)], 3)


def test_by_id_alone_where_there_are_no_texts():
    none = [None] * 4
    found = pair(make_run("x", "1100", "1100", ids=IDS, texts=none), make_run("y", "1100", "1111", ids=IDS))
    assert (found.by, len(found.rows), found.whole) == ("id", 4, True)


def test_another_true_label_is_no_pair():
    found = pair(make_run("x", "1100", "1100"), make_run("y", "1101", "1100"))
    assert (len(found.rows), found.other_label, found.only_first, found.whole) == (3, 1, 0, False)


def test_what_stands_twice_is_paired_in_order():
    found = pair(
        make_run("x", "1101", "1101", texts=["a", "a", "b", "a"]), make_run("y", "101", "101", texts=["A", "b", "a"])
    )
    assert found.rows == [(0, 0), (1, 2), (2, 1)]
    assert (found.only_first, found.only_second) == (1, 0)


def test_nothing_to_pair_by():
    with pytest.raises(DataError, match=r"x.csv and y.csv cannot be paired: .*--columns text=COLUMN or id=COLUMN"):
        pair(make_run("x", "11", "11", ids=IDS[:2]), make_run("y", "11", "11", texts=[None, None]))
