"""Traces of writing: each is named in words, and none is told of posts whose labels' authors write almost alike."""

import unicodedata

import pytest
from tests.data.audit.made import made_posts

from probatum.data.audit import audit
from probatum.data.audit.association import lift
from probatum.data.audit.leaks import find_leaks

HATE = 0.9  # of the hate posts have the mark, and a tenth of the others


def marked(n):
    """Whether post n has the mark: of the odd ones, which are hate, nine in ten, of the even ones one in ten."""
    return (n // 2 % 10 < 9) if n % 2 else n // 2 % 10 == 9


def leaks_of(mark, count=600):
    return find_leaks(made_posts(count, text=lambda n, text: mark(text) if marked(n) else text))


@pytest.mark.parametrize(
    ("mark", "says"),
    [
        (lambda text: text + ".", "ends with a punctuation mark; ends with '.'"),
        (lambda text: text + "!", "ends with '!'"),
        (lambda text: text + " ;", "ends with ';'"),
        (lambda text: "- " + text, "does not begin with '-'"),
        (lambda text: text.capitalize(), "begins with a capital letter"),
        (str.upper, "has a word in capitals; is written in capitals alone"),
        (lambda text: "RT " + text, "begins with RT"),
        (lambda text: text.replace(" ", " 3 ", 1), "has a digit"),
        (lambda text: text.replace(" ", " https://t.co/x ", 1), "has a link"),
        (lambda text: text.replace(" ", " @ann ", 1), "has a user's name after @"),
        (lambda text: text.replace(" ", " #so ", 1), "has a hashtag"),
        (lambda text: text.replace(" ", " \U0001f642 ", 1), "has an emoji"),
        (lambda text: text.replace(" ", ' "so" ', 1), "has a straight double quote"),
        (lambda text: text.replace(" ", " it's ", 1), "has a straight single quote"),
        (lambda text: text.replace(" ", " it’s ", 1), "has a typographic quote"),
        (lambda text: text.replace(" ", " — ", 1), "has a long dash"),
        (lambda text: text.replace(" ", " ... ", 1), "has three dots"),
        (lambda text: text.replace(" ", " … ", 1), "has an ellipsis that is one character"),
        (lambda text: text.replace(" ", "\t", 1), "has a tab"),
        (lambda text: text.replace(" ", " été ", 1), "has a character outside ASCII"),
        (lambda text: text.replace(" ", " e\u0301 ", 1), "not in Unicode's form NFC"),
        (lambda text: text.replace("a", "ａ"), "has full-width or mathematical letters"),
        (lambda text: text.replace(" ", "  ", 1), "has two spaces in a row"),
        (lambda text: text.replace(" ", "\n", 1), "has a line break"),
        (lambda text: text + " ", "ends with white space"),
        (lambda text: f"“{text}”", "is wrapped in typographic quotes"),
        (lambda text: text[:20].rstrip(), "has more than 20 characters"),
        (lambda text: text + " and on and on and on and on and on and on", "has more than"),
    ],
)
def test_each_is_named(mark, says):
    found = leaks_of(mark)
    assert any(says in finding.message for finding in found), [finding.message for finding in found]
    assert max(finding.details[0]["accuracy"] for finding in found) == pytest.approx(0.9, abs=0.01)


def test_a_mark_of_all_posts_of_a_label_is_high_and_told_once():
    posts = made_posts(600, text=lambda n, text: text + "." * (n % 2))
    (finding,) = [each for each in audit({"train": posts}).findings if each.kind == "format_leak"]
    assert (finding.severity, finding.count) == ("high", 300)
    assert finding.message.startswith("text: ends with a punctuation mark; ends with '.': 50.0% of the posts, 100.0%")


def test_what_writers_do_a_little_more_often_is_not_told():
    """15 points more often: with 4,000 posts far beyond chance, and still no preparation's doing."""
    posts = made_posts(4000, text=lambda n, text: text + "." * (n // 2 % 20 < (4 if n % 2 else 1)))
    assert find_leaks(posts) == []


def test_what_follows_from_a_stronger_trace_is_not_told_again():
    """A placeholder makes its posts longer, and begins them with a sign: neither is news."""
    (finding,) = leaks_of(lambda text: f"<user> {text}")
    assert "has the placeholder <user>" in finding.message
    assert "characters" not in finding.message


def test_nfc_is_what_differs():
    assert unicodedata.normalize("NFC", "e\u0301") == "é", "the mark above is one that NFC would put together"


@pytest.mark.parametrize(
    ("holds", "is_label", "expected"),
    [("1100", "1100", 1.0), ("0011", "1100", -1.0), ("1010", "1100", 0.0), ("1110", "1100", 0.5), ("11", "11", 0.0)],
)
def test_lift(holds, is_label, expected):
    from numpy import array

    holds, is_label = array(list(holds)) == "1", array(list(is_label)) == "1"
    assert lift(holds, is_label) == expected
    assert lift(holds, is_label, holds) == 0.0, "what is held against itself tells nothing more"
