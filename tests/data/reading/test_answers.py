"""Which label an answer gives, and which answers give none."""

import pytest

from probatum.data.reading.answers import label_of_answer
from probatum.data.reading.faults import FieldError


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("hate", "hate"),
        (" Not_Hate\n", "not_hate"),
        ('"hate".', "hate"),
        ("hate<|endoftext|>", "hate"),
        ("The post is not hate.", "not_hate"),
        ("not-hate, I think", "not_hate"),
        ('{"label": "hate"}', "hate"),
        ('{"classification": "hate_speech", "reasoning": "it is not normal"}', "hate"),
        ('{{"classification": "not_hate", "reasoning": "This text does not contain hate speech."}}', "not_hate"),
        ('{"Label": "hate", "why": "an "unescaped" quote"}', "hate"),
        ('```json\n{"label": "normal"}\n```', "not_hate"),
    ],
)
def test_answers(answer, label, labels):
    assert label_of_answer(answer, labels) == label


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("perhaps", "no label in 'perhaps'; known: hate, normal, not hate"),
        ("hate or normal", "more than one label in 'hate or normal': hate, not_hate"),
        ("no hate here", "a label and a negation in 'no hate here': cannot tell which is meant"),
        ("it isn't hate", 'a label and a negation in "it isn\'t hate": cannot tell which is meant'),
        ('{"label": "hate", "answer": "normal"}', "gives two labels, hate and not_hate: "),
        ('{"label": 3}', "no label in '{\"label\": 3}'; known: hate, normal, not hate"),
        ("hateful " * 20, "no label in 'hateful hateful hateful hateful hateful hateful hateful hat…'; known: "),
    ],
)
def test_answers_without_one_label(answer, reason, labels):
    with pytest.raises(FieldError) as caught:
        label_of_answer(answer, labels)
    assert caught.value.reason.startswith(reason)
