"""The published collections: their formats in small, their faults, and the real files where they are."""

import json
from collections import Counter

import pytest

from probatum.data.labels import LabelSet
from probatum.data.sources import SOURCES, Reading, source_named
from probatum.errors import DataError


@pytest.fixture
def read(write, labels):
    def read_source(name, content, file="file.json", **settings):
        path = write(content, file)
        return SOURCES[name].read(path, Reading(labels, **settings))

    return read_source


def as_csv(rows):
    lines = [",".join(rows[0])] + [",".join(str(value) for value in row.values()) for row in rows]
    return "\n".join(lines) + "\n"


UNIFIED = {
    "text": "a post", "label_binary": "normal", "label_multiclass": "offensive", "target_group_norm": "lgbtq",
    "persona_tag": "lgbtq", "source_dataset": "hatexplain", "rationale_text": None,
    "fine_tuning_embedding": "[PERSONA] a post", "original_id": "17_gab", "split": "val",
}  # fmt: skip


def test_unified(read):
    (post,) = read("unified", json.dumps([UNIFIED])).posts
    assert (post.id, post.text, post.label, post.group, post.source) == (
        "17_gab",
        "a post",
        "not_hate",
        "lgbtq",
        "hatexplain",
    )
    assert post.extra == {
        "label_multiclass": "offensive",
        "persona_tag": "lgbtq",
        "rationale_text": None,
        "split": "val",
    }


def test_unified_with_labels_of_another_name(write):
    labels = LabelSet("toxic", {"toxic": "yes", "fine": "no"})
    path = write(json.dumps([UNIFIED, {**UNIFIED, "original_id": "2", "label_binary": "hate"}]), "u.json")
    assert [post.label for post in SOURCES["unified"].read(path, Reading(labels)).posts] == ["fine", "toxic"]


def test_a_task_with_three_labels(write):
    labels = LabelSet("a", {"a": "a", "b": "b", "c": "c"})
    with pytest.raises(
        DataError, match=r"two labels, 'hate' and 'normal'; the task has 3: a, b, c \(prepare the file as"
    ):
        SOURCES["unified"].read(write(json.dumps([UNIFIED]), "u.json"), Reading(labels))


@pytest.mark.parametrize("name", ["unified", "hatecheck", "toxigen"])
def test_another_file(name, read):
    with pytest.raises(DataError, match=r"file.json: not .*: no column .*; the file has: a, b"):
        read(name, json.dumps([{"a": 1, "b": 2}]))


def test_a_row_without_a_column(read):
    rows = [UNIFIED, {name: value for name, value in UNIFIED.items() if name != "source_dataset"}]
    with pytest.raises(DataError, match=r"file\.json:1: source_dataset: missing"):
        read("unified", json.dumps(rows))


def test_nothing_usable(read):
    with pytest.raises(DataError, match=r"no usable post\n.*: text: missing"):
        read("unified", json.dumps([{**UNIFIED, "text": None}]), on_error="skip")


def test_hatecheck(read):
    row = {"": 0, "functionality": "negate_neg_nh", "case_id": 9, "test_case": "I do not.", "label_gold": "non-hateful",
           "target_ident": "", "templ_id": 3}  # fmt: skip
    (post,) = read("hatecheck", as_csv([row]), "cases.csv").posts
    assert (post.id, post.text, post.label, post.group, post.source) == (
        "hatecheck-9",
        "I do not.",
        "not_hate",
        None,
        "hatecheck",
    )
    assert post.extra == {"functionality": "negate_neg_nh", "case_id": "9", "templ_id": "3"}


def test_toxigen_annotated_is_toxic_above_five_and_a_half(read):
    rows = [
        {"text": "a", "target_group": "women", "toxicity_human": 3.5, "toxicity_ai": 2.0, "intent": 1},
        {"text": "b", "target_group": "women", "toxicity_human": 3.7, "toxicity_ai": 2.0, "intent": 1},
    ]
    posts = read("toxigen", as_csv(rows), "annotated.csv").posts
    assert [(p.text, p.label, p.group, p.source) for p in posts] == [
        ("a", "not_hate", "women", "toxigen"),
        ("b", "hate", "women", "toxigen"),
    ]
    assert posts[0].extra["toxicity_human"] == "3.5"


def test_toxigen_generated(read):
    row = {"prompt": "- x", "generation": "y", "generation_method": "ALICE", "group": "black", "prompt_label": 1,
           "roberta_prediction": 0.9}  # fmt: skip
    result = read("toxigen", [row, {**row, "prompt_label": 0}], "toxigen.jsonl")
    assert [(p.text, p.label, p.group) for p in result.posts] == [("y", "hate", "black"), ("y", "not_hate", "black")]
    assert result.posts[0].extra["generation_method"] == "ALICE"


@pytest.mark.parametrize(
    ("value", "reason"),
    [("", "missing"), ("high", "expected a number, found 'high'"), ("0.5", "expected 0 or 1, found '0.5'")],
)
def test_toxigen_numbers(value, reason, read):
    rows = [{"generation": "y", "group": "g", "prompt_label": label} for label in (1, value)]
    (record,) = read("toxigen", as_csv(rows), "t.csv", on_error="skip").skipped
    assert (record.line, record.field, record.reason) == (3, "prompt_label", reason)


def entry(*labels, targets=(), tokens=("a", "post")):
    annotators = [
        {"label": label, "annotator_id": n, "target": list(targets[n]) if n < len(targets) else ["None"]}
        for n, label in enumerate(labels)
    ]
    return {"annotators": annotators, "rationales": [], "post_tokens": list(tokens)}


def test_hatexplain(read):
    content = {
        "1_gab": entry("hatespeech", "offensive", "hatespeech", targets=[["Women"], ["Women", "Arab"], ["Women"]]),
        "2_gab": entry("offensive", "offensive", "normal", targets=[["Arab"], ["Women"]]),
        "3_gab": entry("hatespeech", "offensive", "normal"),
    }
    result = read("hatexplain", json.dumps(content))
    assert [(p.id, p.text, p.label, p.group, p.source, dict(p.extra)) for p in result.posts] == [
        ("1_gab", "a post", "hate", "Women", "hatexplain", {"label_multiclass": "hatespeech"}),
        ("2_gab", "a post", "not_hate", None, "hatexplain", {"label_multiclass": "offensive"}),
    ]
    (tie,) = result.skipped
    assert (tie.field, tie.reason) == (
        "annotators", "3_gab: no majority among the annotators (hatespeech, offensive, normal)"
    )  # fmt: skip


def test_hatexplain_names_lines(read):
    content = {"1_gab": entry("normal"), "2_gab": entry("hatespeech", "offensive")}
    (tie,) = read("hatexplain", json.dumps(content, indent=1)).skipped
    assert json.dumps(content, indent=1).split("\n")[tie.line - 1].strip() == '"2_gab": {'


@pytest.mark.parametrize(
    ("broken", "field", "reason"),
    [
        ({"annotators": []}, "annotators", "2_gab: expected a list of annotators"),
        ({"annotators": [{"label": "bad"}]}, "annotators", "unknown label 'bad'; known: hatespeech, offensive, normal"),
        ({"post_tokens": "a post"}, "post_tokens", "2_gab: expected a list of tokens"),
    ],
)
def test_bad_hatexplain_entries(broken, field, reason, read):
    content = {"1_gab": entry("normal"), "2_gab": {**entry("normal"), **broken}}
    (record,) = read("hatexplain", json.dumps(content), on_error="skip").skipped
    assert record.field == field
    assert record.reason.endswith(reason)


@pytest.mark.parametrize(("content", "reason"), [("{", "not JSON"), ("[]", "not HateXplain's dataset.json")])
def test_not_hatexplain(content, reason, read):
    with pytest.raises(DataError, match=reason):
        read("hatexplain", content)


def test_no_such_source():
    with pytest.raises(DataError, match="no source 'hatexplane'; did you mean 'hatexplain'"):
        source_named("hatexplane")


def test_every_source_says_what_it_is():
    assert all(source.name == name and source.about and source.licence for name, source in SOURCES.items())


def test_real_unified(shared_data, labels):
    reading = Reading(labels, on_error="skip")
    train = SOURCES["unified"].read(shared_data / "unified" / "unified_train.json", reading)
    test = SOURCES["unified"].read(shared_data / "unified" / "unified_val.json", reading)
    assert (len(train.posts), len(train.skipped)) == (3628, 0)
    assert Counter(post.label for post in train.posts) == {"hate": 1703, "not_hate": 1925}
    assert Counter(post.group for post in train.posts) == {"lgbtq": 1763, "middle_east": 1020, "mexican": 845}
    assert (len(test.posts), len(test.skipped)) == (514, 0)
    assert [post.id for post in test.posts if not post.text] == ["toxigen_193572"]


def test_real_hatecheck(shared_data, labels):
    posts = SOURCES["hatecheck"].read(shared_data / "hatecheck" / "test_suite_cases.csv", Reading(labels)).posts
    assert len(posts) == 3728
    assert Counter(post.label for post in posts) == {"hate": 2563, "not_hate": 1165}
    assert len({post.extra["functionality"] for post in posts}) == 29
