"""The rules by which a label is read from a generated answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.data.labels import LabelSet
from probatum.scoring.parse import parse_answer
from probatum.study import Task

TWO = Task().label_set()
THREE = LabelSet("hate", {"hate": "hate", "offensive": "offensive", "normal": "normal"})

HATE = [
    "hate", " hate", "Hate.", "HATE", "hateful", "hate speech", "**hate**", '"hate"', "'hate'", "`hate`",
    "### Classification: hate", "Answer: hate", "The final answer is: hate", "The label is hate",
    '{"label": "hate"}', '```json\n{"label": "hate", "reason": "not a normal post"}\n```', '{"label": "hate", "rat',
    "{'classification': 'hate'}", "hate\n\nThe post attacks a group", "hate\n\nIt is not normal to say so",
    "hate. I can't help with that.", "Hate speech: yes", "hate: nothing else fits", "It can't be normal: hate",
    "hate. Calling this not hate would be wrong.", "This is hate speech, no doubt.", "not normal", "It's hateful!",
    "<think>not hate?</think>hate", "<|channel|>final<|message|>hate<|return|>", "(hate)", "{hate}", "- hate",
    "<|channel|>analysis<|message|>maybe normal<|end|><|start|>assistant<|channel|>final<|message|>hate",
]  # fmt: skip
NOT_HATE = [
    "not hate", "not_hate", "Not-Hate", "non-hate", "nonhate normal", "NOT HATE.", "normal", "Normal post",
    "this is not hate speech", "This isn't hate.", "This isn’t hateful", "no hate", "no hate speech here",
    "It does not contain any hate speech", "The post doesn't express hate", "not considered hate", "anti-hate",
    'not "hate"', "**not** hate", '{"label": "not_hate"}', '{"label": "not hate", "why": "no hate in it"}',
    "not hate\n\nThe post is not hate.", "Classification: not hate", "without hate", "It cannot be considered hate.",
    "not hate. The word hate is quoted.", "Hate speech: no", "hate: false", "Is it hate speech? No.", "hate = 0",
    "Hate: no hate here",
]  # fmt: skip
UNPARSED = [
    "", "   ", "\n", "The post mentions nothing", "unknown", "I'm sorry, but I can't help with that.", "abnormal",
    "hater", "whatever", "hate or not hate", "hate, not hate", "hate/not hate", "hate\nnot hate", "- hate\n- not hate",
    "either hate or normal", "I hate to say it, but it is normal", "<think>this is hate", "{",
    "I'm sorry, but I can't assist with hateful content.", "I cannot determine whether this is hate.",
    "I’m unable to classify hate speech", "I can't really say if it's hate", '{"hate": false}',
    "<|channel|>analysis<|message|>The post is hate", '{"label": ""}', "h", "ħate", "nothing",
]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "label"),
    [(a, "hate") for a in HATE] + [(a, "not_hate") for a in NOT_HATE] + [(a, None) for a in UNPARSED],
)
def test_two_labels(answer, label):
    assert parse_answer(answer, TWO) == label


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("offensive", "offensive"),
        ("offensive, not hateful", "offensive"),
        ("not hate", None),
        ("isn't hate", None),  # which of the other two?
        ("not offensive", None),
        ("hate", "hate"),
        ("hate and offensive", None),
        ("normal", "normal"),
    ],
)
def test_three_labels(answer, label):
    assert parse_answer(answer, THREE) == label


def test_names_are_text_and_not_patterns():
    labels = LabelSet("c++", {"c++": "c++", "c": "c (plain)"})
    assert parse_answer("c++", labels) == "c++"
    assert parse_answer("c+", labels) == "c"
    assert parse_answer("It is C.", labels) == "c"


@given(st.text(max_size=60))
def test_any_text_has_a_label_or_none_and_case_does_not_matter(answer):
    assert parse_answer(answer, TWO) in {"hate", "not_hate", None}
    if answer.isascii():
        assert parse_answer(answer.upper(), TWO) == parse_answer(answer.lower(), TWO)


@given(
    st.text('*`"#()[]>“” \t-', max_size=5), st.text('*`"#()[]>“” \t-.!', max_size=5), st.sampled_from(list(TWO.words))
)
def test_what_stands_around_a_label_does_not_matter(before, after, label):
    assert parse_answer(before + TWO.words[label] + after, TWO) == label


def test_a_name_that_begins_with_a_negation_is_a_name():
    labels = LabelSet("hate", {"hate": "hate", "offensive": "offensive", "neither": "not hate"})
    assert parse_answer("not hate", labels) == "neither"
    assert parse_answer("isn't hate", labels) is None


def test_a_long_answer_takes_no_time():
    assert parse_answer("not " * 20_000 + "<think>" * 1000, TWO) is None
