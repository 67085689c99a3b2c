"""Which column holds what: named, guessed by role, or an error that names those that are there."""

import pytest

from probatum.data.predicted.columns import parse_columns, read_sheet
from probatum.errors import DataError


def test_columns_are_named_by_role():
    named = parse_columns(" text=input_text, Label = true_label ,probability=p,")
    assert named == {"text": "input_text", "label": "true_label", "score": "p"}
    assert parse_columns(None) == parse_columns("") == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("label", "'label' is not ROLE=COLUMN, such as label=true_label"),
        ("label=", "'label=' is not ROLE=COLUMN"),
        ("lable=x", "unknown role 'lable'; did you mean 'label'?"),
        ("label=a,label=b", "'label' is given twice, as 'a' and as 'b'"),
        ("score=a,probability=b", "'score' is given twice"),
        ("label=a,prediction=a", "label and prediction are both 'a'"),
    ],
)
def test_a_mistake_in_columns(given, said):
    with pytest.raises(DataError) as caught:
        parse_columns(given)
    assert said in str(caught.value)


@pytest.mark.parametrize("role", ["prediction", "score", "probability", "system", "cluster"])
def test_a_role_that_would_be_ignored_is_refused(role):
    with pytest.raises(DataError) as caught:
        parse_columns(f"text=a,{role}=b", ("id", "text", "label", "group", "source"))
    named = "score" if role == "probability" else role
    assert str(caught.value) == (
        f"--columns: {named!r} is not read here; the roles are id, text, label, group, source; leave out '{role}=b'"
    )


def test_roles_are_found_by_their_own_names_in_any_case(write):
    path = write("ID;Text;LABEL; Prediction ;Group\n1;a;hate;hate;x\n", "a.csv")
    assert read_sheet(path, {}).columns == {
        "id": "ID", "text": "Text", "label": "LABEL", "prediction": " Prediction ", "group": "Group",
    }  # fmt: skip


def test_a_score_is_read_only_if_named(write):
    path = write([{"label": "hate", "prediction": "hate", "score": 0.5}])
    sheet = read_sheet(path, {})
    assert "score" not in sheet.columns
    assert sheet.notes == ["column 'score' is not read; if it holds the score, say --columns score=score"]
    named = read_sheet(path, {"score": "score"})
    assert named.columns["score"] == "score"
    assert named.notes == []


def test_missing_columns_are_all_named_with_those_that_are_there(write):
    path = write("input_text,true_label,predicted_label\na,hate,hate\n", "a.csv")
    with pytest.raises(DataError) as caught:
        read_sheet(path, {})
    said = str(caught.value)
    assert said.startswith(f"{path}: no column 'label' for the label and 'prediction' for the prediction;")
    assert "the file has: input_text, true_label, predicted_label" in said
    assert said.endswith("--columns label=true_label,prediction=predicted_label")
    assert set(read_sheet(path, parse_columns(said.rpartition(" ")[2])).columns) == {"label", "prediction"}


def test_the_line_to_paste_mends_a_misspelt_name(write):
    path = write("input_text,true_label,predicted_label\na,hate,hate\n", "a.csv")
    with pytest.raises(DataError) as caught:
        read_sheet(path, parse_columns("text=input_text,label=truelabel,prediction=predicted_label"))
    assert str(caught.value).endswith("--columns text=input_text,label=true_label,prediction=predicted_label")


def test_a_file_may_be_said_to_have_no_text(write):
    path = write("id,text,label,prediction\n1,a,hate,hate\n", "a.csv")
    assert set(read_sheet(path, parse_columns("text=")).columns) == {"id", "label", "prediction"}
    with pytest.raises(DataError, match="'text=' is not ROLE=COLUMN"):
        parse_columns("text=", may_be_none=())


def test_a_named_text_that_is_absent_is_an_error(write):
    path = write("text,label,prediction\na,hate,hate\n", "a.csv")
    with pytest.raises(DataError, match=r"no column 'txt' for the text; did you mean 'text'\?"):
        read_sheet(path, {"text": "txt"})


def test_a_named_group_that_is_absent_is_a_note(write):
    sheet = read_sheet(write("label,prediction\nhate,hate\n", "a.csv"), {"group": "target"})
    assert sheet.notes == [
        "no column 'target' for the group, so there is no table by group; the file has: label, prediction"
    ]


def test_one_column_for_label_and_prediction(write):
    path = write("label,x\nhate,hate\n", "a.csv")
    with pytest.raises(DataError, match="label and prediction are both the column 'label'"):
        read_sheet(path, {"prediction": "Label"})


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        ("", "a.csv", "the file is empty"),
        ("\ufeff\n", "a.csv", "the file is empty"),
        ("label,prediction\n", "a.csv", "no rows, only a header"),
        ("[]", "a.json", "no rows"),
        ("label,prediction\nhate\n", "a.csv", "a.csv:2: row: 1 fields where the header has 2"),
        ('{"label": "hate", "prediction": "hate"}\n{"label":\n', "a.jsonl", "a.jsonl:2: row: not JSON"),
    ],
)
def test_files_that_hold_no_usable_rows(write, content, name, said):
    path = write(content, name)
    with pytest.raises(DataError) as caught:
        read_sheet(path, {})
    assert said in str(caught.value)
