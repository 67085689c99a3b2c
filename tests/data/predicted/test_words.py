"""Which label a word names."""

import pytest

from probatum.data.predicted.words import as_word, labels_of
from probatum.errors import DataError


def test_the_tasks_own_names():
    labels = labels_of(["hate", "normal"], None)
    named = [labels.resolve(word) for word in ("HATE", "Normal", "not_hate", "Not Hate", "unknown", "", "hateful")]
    assert named == ["hate", "not_hate", "not_hate", "not_hate", None, None, None]
    assert labels.positive == "hate"


def test_the_positive_label_may_be_the_tasks_negative_one():
    assert labels_of(["hate", "normal"], "Normal").positive == "not_hate"


def test_further_true_labels_are_labels_of_their_own():
    labels = labels_of(["hate", "offensive", "normal"], "hate")
    assert [labels.resolve(word) for word in ("Offensive", "normal")] == ["offensive", "not_hate"]


def test_other_words_come_from_the_true_labels():
    labels = labels_of(["Toxic", "benign", "benign"], "TOXIC")
    assert labels.resolve("toxic") == labels.positive
    assert labels.resolve("Benign") == "benign"
    assert labels.resolve("hate") is None


def test_with_one_class_alone_the_negative_is_not_the_positive():
    labels = labels_of(["toxic"], "toxic")
    assert labels.resolve("not toxic") == "not_toxic"


def test_a_positive_label_that_is_not_there():
    with pytest.raises(DataError, match=r"no true label is 'toxic'; there are: 'benign' \(2\), 'bad' \(1\)$"):
        labels_of(["benign", "bad", "benign"], "toxic")


@pytest.mark.parametrize("positive", ["hate", "not_hate", None])
def test_labels_of_which_the_task_knows_none_are_not_all_negative(positive):
    """0 and 1 would all count as not hate, and every answer as right."""
    with pytest.raises(DataError, match=r"there are: '0' \(2\), '1' \(1\)"):
        labels_of(["0", "1", "0"], positive)


def test_labels_are_told_as_they_are_written():
    """As they have to be given, each with the spellings that count as the same label."""
    words = ["not_hate", "Not Hate", "not_hate", "hate", as_word("-1")]
    with pytest.raises(DataError) as caught:
        labels_of(words, "toxic")
    assert str(caught.value).endswith("there are: 'not_hate' or 'Not Hate' (3), 'hate' (1), '-1' (1)")


def test_of_many_labels_the_most_frequent_are_told():
    with pytest.raises(DataError) as caught:
        labels_of([f"l{n}" for n in range(20) for _ in range(n + 1)], "toxic")
    assert str(caught.value).endswith("'l9' (10), 'l8' (9), …")


def test_a_positive_label_that_has_to_be_said():
    with pytest.raises(DataError, match=r"which true label is the positive one\? there are: 'toxic' \(1\).*--positive"):
        labels_of(["toxic", "benign"], None)


@pytest.mark.parametrize(
    ("raw", "word"),
    [(1, "1"), (1.0, "1"), ("1.0", "1"), ("-1", "minus 1"), (True, "True"), (None, ""), (' "hate". ', "hate")],
)
def test_values_as_words(raw, word):
    assert as_word(raw) == word


def test_plus_and_minus_one_are_two_labels():
    labels = labels_of([as_word(1), as_word(-1)], "1")
    assert labels.resolve(as_word("-1.0")) not in {None, labels.resolve(as_word(1.0))}
