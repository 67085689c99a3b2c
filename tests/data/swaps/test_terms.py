"""Lists of terms: what loads, and every error with its file and line."""

import pytest

from probatum.data.swaps.terms import Term, load_terms
from probatum.errors import DataError


def test_a_list_of_ones_own(tmp_path):
    path = tmp_path / "terms.yaml"
    path.write_text("north: [{adjective: northern, people: true}]\nsouth: [{plural: southerners}]\n")
    assert load_terms(path) == [Term("north", "northern", people=True), Term("south", plural="southerners")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", ":1: a list of terms is a mapping of groups, found list"),
        ("a: [{adjective: x}]\n", ": swaps need the names of at least two groups"),
        ("a: [{adjective: x}]\nb: x\n", ":2: b: expected a list of names"),
        ("a: [{adjective: x}]\nb: []\n", ":2: b: expected a list of names"),
        ("a: [{adjective: x}]\nb:\n  - x\n", ":3: b[0]: expected {adjective: Mexican"),
        ("a: [{adjective: x}]\nb:\n  - {adjectiv: x}\n", ":3: b[0]: unknown key 'adjectiv'; did you mean 'adjective'?"),
        ("a: [{adjective: x}]\nb:\n  - {adjective: 3}\n", ":3: b[0]: adjective: expected a word, found 3"),
        ("a: [{adjective: x}]\nb:\n  - {adjective: ' '}\n", ":3: b[0]: adjective: expected a word"),
        ("a: [{adjective: x, people: 1}]\nb: []\n", ":1: a[0]: people: expected true or false, found 1"),
        ("a: [{people: true}]\nb: []\n", ":1: a[0]: no form; give at least one of adjective, singular, plural"),
        ("a: [{adjective: x}]\nb: [{plural: X}]\n", ": 'x' is a name of 'a' and of 'b'; keep one"),
    ],
)
def test_what_is_no_list_of_terms_is_told(tmp_path, text, message):
    path = tmp_path / "terms.yaml"
    path.write_text(text)
    with pytest.raises(DataError) as error:
        load_terms(path)
    assert f"{path}{message}" in str(error.value)


def test_a_missing_list_is_told(tmp_path):
    with pytest.raises(DataError, match="no such file of terms; it maps each group"):
        load_terms(tmp_path / "none.yaml")
