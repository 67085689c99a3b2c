"""The classifier that sees formatting alone: what it sees, what it finds, and when it is quiet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.audit.made import made_posts, made_texts

from probatum.data.audit import audit
from probatum.data.audit.formatting import find_formatting, skeleton
from probatum.data.records import Post


def leaks(posts):
    return [each for each in audit({"train": posts}).findings if each.kind == "format_leak"]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Hello, World!!", "^Aa, Aa!!$"),
        ("IT costs 300€  (really)", "^A a 0€  (a)$"),
        ("été ÜBER", "^a A$"),
        ("a_b 1.5\n", "^a_a 0.0\n$"),
        ("", "^$"),
        ("中文 текст", "^a a$"),
        ("🙂 ok", "^🙂 a$"),
    ],
)
def test_skeleton(text, seen):
    assert skeleton(text) == seen


@given(st.lists(st.text("abcdefg", min_size=1), min_size=1), st.lists(st.text("stuvwxyz", min_size=1), min_size=1))
def test_words_are_not_seen(words, others):
    others = (others * len(words))[: len(words)]
    assert skeleton(", ".join(words)) == skeleton(", ".join(others))


def test_a_long_text_is_seen_at_both_ends():
    assert skeleton("A. " * 100_000 + "end!").endswith("A. a!$")


def told_by_all(posts):
    """The classifier's finding; a fifth of a leak may be told by a single trace beside it."""
    (finding,) = [each for each in leaks(posts) if "auroc" in each.details[0]]
    return finding


def sometimes(n, text):
    """Hate posts have one of five marks, in turn, none of which is in more than a fifth of them."""
    marks = ("{} !", "* {}", "{} ;", "# {}", "{}~")
    return marks[n // 2 % 5].format(text) if n % 2 else text


def test_many_small_traces_together_tell_the_label():
    finding = told_by_all(made_posts(600, text=sometimes))
    assert (finding.severity, finding.count) == ("high", 600)
    assert "formatting alone, without a single word, tells the label with AUROC 1.00" in finding.message
    assert finding.files == ("train",)
    assert finding.details[0]["auroc"] == pytest.approx(1.0)


def test_what_one_trace_tells_is_not_told_again():
    (finding,) = leaks(made_posts(600, text=lambda n, text: text + " " * (n % 2)))
    assert finding.message.startswith("text: ends with white space")


def test_half_a_leak_is_medium():
    posts = made_posts(600, text=lambda n, text: sometimes(n, text) if n // 10 % 10 < 6 else text)
    finding = told_by_all(posts)
    assert finding.severity == "medium"
    assert 0.75 <= finding.details[0]["auroc"] < 0.9


def test_prompts_are_seen_whole():
    frames = ("Text: {}\nAnswer: ", "Text : {}\nAnswer: ", "Text: {}\n\nAnswer: ", "Text: {} \nAnswer: ")
    posts = made_posts(600, prompt=lambda n, text: frames[1 + n // 2 % 3 if n % 2 else 0].format(text))
    (finding,) = find_formatting(posts)
    assert finding.severity == "high"


def test_content_alone_is_no_leak():
    """The words tell the label of every post, its setting nothing."""
    signs = ("", ",", "!", "...", ' "so"')
    texts = made_texts(600)
    posts = [
        Post(f"p{n}", f"{('good', 'bad')[n % 2]} {text}{signs[n // 2 % 5]}", ("not_hate", "hate")[n % 2])
        for n, text in enumerate(texts)
    ]
    assert find_formatting(posts) == []


def test_a_habit_of_a_source_is_low():
    """The second source sets its posts otherwise and has most of the hate; within a source that tells nothing."""
    posts = made_posts(
        600,
        source=lambda n, _: "b" if n % 2 != (n % 14 == 0) else "a",
        text=lambda n, text: sometimes(2 * n + 1, text) if n % 2 != (n % 14 == 0) else text,
    )
    finding = told_by_all(posts)
    assert finding.severity == "low"
    assert "mostly because sources differ" in finding.message


@pytest.mark.parametrize("few", [0, 1, 19])
def test_too_few_posts_of_a_label(few):
    posts = [post for post in made_posts(400, text=sometimes) if post.label == "not_hate"]
    posts += [post for post in made_posts(400, text=sometimes) if post.label == "hate"][:few]
    assert find_formatting(posts) == []


def test_one_text_for_all():
    assert find_formatting(made_posts(400, text=lambda *_: "the same")) == []
