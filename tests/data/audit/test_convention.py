"""Label conventions: finer labels under another label, by group, and those that count differently."""

import pytest
from tests.data.audit.made import made_posts, made_texts

from probatum.data.audit import audit
from probatum.data.audit.convention import labels_of_values
from probatum.data.records import Post


def conventions(files, positive="hate"):
    files = files if isinstance(files, dict) else {"test": files}
    return [each for each in audit(files, positive=positive).findings if each.kind == "convention"]


def finer(values, group="lgbtq", name="p", column="label_multiclass"):
    """Posts with finer labels: (finer label, label) to how many."""
    rows = [pair for pair, count in values.items() for _ in range(count)]
    texts = made_texts(len(rows), seed=name)
    return [
        Post(f"{name}{n}", text, label, group, "s", {column: value})
        for n, ((value, label), text) in enumerate(zip(rows, texts, strict=True))
    ]


COARSE = {("hatespeech", "hate"): 150, ("offensive", "not_hate"): 136, ("normal", "not_hate"): 188}


def test_the_published_convention():
    """136 of 324 LGBTQ+ negatives of the published test are offensive posts."""
    others = finer(
        {("hatespeech", "hate"): 60, ("offensive", "not_hate"): 10, ("normal", "not_hate"): 90}, "mexican", "q"
    )
    (finding,) = conventions([*finer(COARSE), *others])
    assert (finding.severity, finding.count, finding.files) == ("medium", 146, ("test",))
    assert finding.message == (
        "test: label_multiclass 'offensive' counts as not_hate: 146 of 424 not_hate posts "
        "(lgbtq 136 of 324, mexican 10 of 100)"
    )
    common = {"column": "label_multiclass", "value": "offensive", "label": "not_hate"}
    assert list(finding.details) == [
        common | {"group": None, "count": 146, "of": 424},
        common | {"group": "lgbtq", "count": 136, "of": 324},
        common | {"group": "mexican", "count": 10, "of": 100},
    ]


def test_posts_without_groups():
    (finding,) = conventions(finer(COARSE, group=None))
    assert finding.message.endswith("'offensive' counts as not_hate: 136 of 324 not_hate posts")


def test_several_finer_labels_are_one_finding():
    posts = finer(COARSE | {("insult", "not_hate"): 20, ("toxic_mild", "not_hate"): 10})
    (finding,) = conventions(posts)
    assert finding.count == 166
    assert "; 'insult' counts as not_hate: 20 of 354" in finding.message


@pytest.mark.parametrize(
    "values",
    [
        {("hatespeech", "hate"): 100, ("normal", "not_hate"): 100, ("benign_implicit", "not_hate"): 100},
        {("hatespeech", "hate"): 100, ("non-offensive", "not_hate"): 100, ("normal", "not_hate"): 100},
        {("offensive", "hate"): 100, ("hatespeech", "hate"): 100, ("normal", "not_hate"): 100},
        {("hate", "hate"): 100, ("not_hate", "not_hate"): 100},
        {("offensive", "hate"): 50, ("offensive", "not_hate"): 50, ("a", "hate"): 50, ("b", "not_hate"): 50},
        {("hatespeech", "hate"): 100, ("normal", "not_hate"): 100, ("offensive", "not_hate"): 5},
    ],
)
def test_what_goes_without_saying(values):
    assert conventions(finer(values)) == []


def test_without_a_positive_label_every_one_may_be_told():
    assert conventions(finer({("offensive", "hate"): 50, ("worse", "hate"): 50, ("ok", "not_hate"): 99}), "hate") == []
    assert len(conventions(finer(COARSE), None)) == 1


def test_posts_whose_words_are_those_of_the_positive_label():
    """The name of the slice says nothing; that its posts read like hate does."""
    texts = iter(made_texts(900))
    rows = (("x", "hate", "foul"), ("y", "not_hate", "fine"), ("z", "not_hate", "foul"))
    posts = [
        Post(f"{value}{n}", f"{word}{n % 7} {word}{n % 5} {next(texts)}", label, "g", "s", {"rule": value})
        for value, label, word in rows
        for n in range({"x": 400, "y": 300, "z": 40}[value])
    ]
    (finding,) = conventions(posts)
    assert "rule 'z' counts as not_hate: 40 of 340" in finding.message


def test_two_files_with_two_conventions():
    train = finer({("hatespeech", "hate"): 50, ("offensive", "hate"): 40, ("normal", "not_hate"): 90}, name="a")
    test = finer({("hatespeech", "hate"): 50, ("offensive", "not_hate"): 30, ("normal", "not_hate"): 90}, name="b")
    found = conventions({"train": train, "test": test})
    assert [(each.severity, each.files) for each in found] == [("high", ("test", "train")), ("medium", ("test",))]
    assert found[0].count == 30
    assert found[0].message == (
        "label_multiclass 'offensive' counts as hate in train (40 posts) and as not_hate in test (30 posts)"
    )


def test_two_sources_with_two_conventions():
    first = finer({("hatespeech", "hate"): 50, ("offensive", "hate"): 40, ("normal", "not_hate"): 90}, name="a")
    second = finer({("hatespeech", "hate"): 50, ("offensive", "not_hate"): 30, ("normal", "not_hate"): 90}, name="b")
    posts = [*first, *(Post(p.id, p.text, p.label, p.group, "other", p.extra) for p in second)]
    (finding,) = conventions({"train": posts})
    assert (finding.severity, finding.files) == ("high", ("train",))
    assert "in s (40 posts) and as not_hate in other (30 posts)" in finding.message


def test_a_constant_column_of_files_with_one_label_each_is_no_convention():
    hate = finer({("batch 1", "hate"): 50}, name="a")
    rest = finer({("batch 1", "not_hate"): 50}, name="b")
    assert conventions({"a": hate, "b": rest}) == []


@pytest.mark.parametrize("value", [None, "", [], {"a": 1}, True])
def test_values_that_are_no_labels(value):
    posts = made_posts(100, extra=lambda n, _: {"odd": value if n % 3 else "x"})
    assert labels_of_values(posts, "odd") == {}
    assert conventions(posts) == []


def test_a_column_with_a_value_for_every_post():
    assert labels_of_values(made_posts(200, extra=lambda n, _: {"row": n}), "row") == {}
