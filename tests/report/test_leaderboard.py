"""The leaderboard in a terminal and as a page."""

import io
import re
from dataclasses import replace
from html.parser import HTMLParser

from rich.console import Console
from tests.verdict.test_leaderboard import POSTS, SETTINGS, entry, posts_of

from probatum.report.leaderboard import print_leaderboard
from probatum.report.leaderboard_page import leaderboard_page, write_leaderboard_page
from probatum.verdict.leaderboard import rank

HOSTILE = "</td><script>alert(1)</script>\u202e[red]x[/red]"


def some(**changes):
    entries = [
        replace(entry("runs/a", 190, POSTS, prompt="baseline", rank=16), seconds=1234.5, cost=2.5),
        replace(entry("runs/b", 120, POSTS, prompt="few_shot", rank=4), seconds=3.2, cost=0.0123),
        entry("runs/c", 30, posts_of(40, "other")),
    ]
    return rank([replace(one, **changes) for one in entries], "f1", SETTINGS, {"runs/d": "not scored yet: tuned"})


def printed(found, width=80):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    print_leaderboard(console, found)
    return console.file.getvalue()


def test_it_fits_80_columns_without_colour():
    text = printed(some())
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    words = " ".join(text.split())
    assert "1 of 1 others are behind the best in F1" in words
    assert "rank 16" in words
    assert "Board 2, apart: other test posts: 0 of its 40 texts" in words
    assert "runs/d: not scored yet: tuned" in words
    assert "1,234" in words or "1,235" in words
    assert "0.012" in words


def test_hostile_names_are_shown_as_they_are():
    text = printed(some(system=HOSTILE), width=300)
    assert "<script>alert(1)</script>" in text
    assert "\u202e" not in text


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.names, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += attrs


def test_the_page_needs_no_script_and_fetches_nothing(tmp_path):
    write_leaderboard_page(some(system=HOSTILE, run=HOSTILE), tmp_path / "board.html")
    page = (tmp_path / "board.html").read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(page)
    assert "script" not in tags.names
    assert not {name for name, _ in tags.attributes} & {"src", "href", "onclick", "style"}
    assert not re.search(r"https?:|url\(|@import", page)
    assert "\u202e" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_page_says_all_that_the_terminal_says():
    page = leaderboard_page(some())
    for words in ("other test posts: 0 of its 40", "not scored yet: tuned", "minus the best", "few_shot", "0.012"):
        assert words in page
