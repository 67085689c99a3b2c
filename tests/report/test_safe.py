"""Hostile text comes out as plain text, everywhere."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from probatum.report.safe import fenced, in_cell, in_markdown, one_line

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1)) ![x](http://evil.example/pixel.png)",
    "a | b | c",
    "`code` ``` fence",
    "# heading\n\n- list\n> quote\n---",
    "*bold* __bold__ _it_ ~~gone~~ $x$",
    "<http://evil.example> http://evil.example www.evil.example me@evil.example",
    "[ref]: http://evil.example",
    "&lt;script&gt; &#60;b&#62; \\<b\\>",
    "\x1b[31mred\x1b[0m\x07\x00",
    "\u202eevil\u202c \u2066x\u2069 \u200f",
    "1. one",
    "- one",
    "===",
    ":--- | ---",
    "line\u2028two\u2029three\x85four\rfive",
    "\ud800 lone",
    "=cmd()",
]
BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


@pytest.mark.parametrize("text", HOSTILE)
def test_one_line_is_visible_and_one_line(text):
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in line)
    assert not BIDI & set(line)
    line.encode("utf-8")


def test_terminal_escapes_and_bidi_marks_are_shown_as_replaced():
    assert one_line("\x1b[31mred") == "\ufffd[31mred"
    assert one_line("a\u202eb") == "a\ufffdb"
    assert one_line("  a \n\t b\u2028c ") == "a b c"


def test_what_people_write_is_left_alone():
    for text in (
        "naïve – “quoted” 日本語 עברית",
        "👩\u200d👩\u200d👧 ✊🏽",
        "می\u200cخواهم",
        "co-operate; it's 50% (ok?)",
    ):
        assert one_line(text) == text
    assert in_markdown("it's label_multiclass: 0.5 (ok?), -0.074") == "it's label_multiclass: 0.5 (ok?), -0.074"


def test_long_text_is_cut_and_says_so():
    assert one_line("x" * 300, 50) == "x" * 47 + "..."
    assert one_line("x" * 50, 50) == "x" * 50
    assert one_line(" " * 5000 + "x", 50).endswith("...")


def test_a_tower_of_marks_is_cut():
    assert one_line("a" + "\u0301" * 50 + "b") == "a" + "\u0301" * 4 + "b"


def parsed(markdown):
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown)


def inline_types(tokens):
    return {child.type for token in tokens for child in token.children or []}


def assert_plain_text(text):
    """A paragraph, a list item and a table cell of the escaped text hold it and nothing else."""
    escaped = in_markdown(text)
    alone, item = parsed(escaped), parsed(f"- **id**: {escaped}")
    cell = parsed(f"| a | b |\n| --- | --- |\n| {escaped} | end |")
    assert inline_types([*alone, *cell]) <= {"text", "text_special"}
    assert inline_types(item) <= {"text", "text_special", "strong_open", "strong_close"}
    assert [token.type for token in alone] in ([], ["paragraph_open", "inline", "paragraph_close"])
    assert sum(token.type == "td_open" for token in cell) == 2
    shown = "".join(child.content for token in alone for child in token.children or [])
    assert shown.replace("\u200b", "") == one_line(text).replace("\u200b", "")


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_holds_it_as_plain_text(text):
    assert_plain_text(text)


@given(st.text(max_size=80))
def test_markdown_holds_any_text_as_plain_text(text):
    assert_plain_text(text)


@given(st.text(alphabet="#-*_`|<>[]()!&;:=+.1a \n\\~", max_size=30))
def test_markdown_holds_any_markup_as_plain_text(text):
    assert_plain_text(text)


def test_addresses_and_mentions_are_broken_for_readers_that_link_bare_ones():
    escaped = in_markdown("http://evil.example www.evil.example @someone")
    assert "://" not in escaped
    assert "www." not in escaped
    assert "@" not in escaped


def test_no_raw_markup_is_left():
    for text in HOSTILE:
        assert not set('<>|`[]*~\\$@{}!"') & set(in_markdown(text))


def test_a_fence_is_longer_than_any_in_the_text():
    block = fenced("name: x\n````\n# out\n\x1b", "yaml")
    assert block == "`````yaml\nname: x\n````\n# out\n\ufffd\n`````"
    (token,) = MarkdownIt().parse(block)
    assert token.type == "fence"


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", '=cmd|"/c calc"!A1']
)
def test_a_cell_that_would_be_a_formula_is_text(text):
    assert in_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "plain", "1+1", "a=b", "'=1", "\u202eabc", '"quoted"', "two\nlines"])
def test_any_other_cell_is_kept_to_the_letter(text):
    assert in_cell(text) == text


def test_a_cell_can_always_be_written():
    held = in_cell("a\0b\ud800c")
    assert held == "a\ufffdb\ufffdc"
    assert held.encode("utf-8").decode("utf-8") == held
