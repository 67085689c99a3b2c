"""report.html as a file: what it holds, what its policy forbids, how large it is."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from tests.report.contents import make_content, make_posts

from probatum.report.page import render_page
from probatum.report.page.embed import chart_library, json_for_script
from probatum.report.page.html import outside, table, tag

SCRIPT = re.compile(r"<script(?P<kind>[^>]*)>(?P<text>.*?)</script>", re.DOTALL)


class Elements(HTMLParser):
    """Every element with its attributes, and whether all that opens closes."""

    def __init__(self, page):
        super().__init__()
        self.found, self.open = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in ("meta", "input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page():
    return render_page(make_content())


def test_the_markup_closes_and_asks_for_nothing(page):
    elements = Elements(page)
    assert not elements.open
    for name, attributes in elements.found:
        assert not {"src", "srcset", "style", "action"} & attributes.keys(), name
        assert not any(key.startswith("on") for key in attributes), name
        assert attributes.get("href", "#").startswith("#"), name
    assert not {"link", "img", "iframe", "object", "base"} & {name for name, _ in elements.found}


def test_ids_are_unique_and_labels_lead_to_something(page):
    elements = Elements(page).found
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in elements:
        for key in ("aria-labelledby", "aria-describedby", "for"):
            assert set(attributes.get(key, "").split()) <= set(ids)


def test_the_policy_allows_these_scripts_and_nothing_else(page):
    policy = next(a["content"] for _, a in Elements(page).found if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    run = [one["text"] for one in SCRIPT.finditer(page) if "json" not in one["kind"]]
    assert len(run) == 2
    for text in run:
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy


def test_it_repeats_byte_for_byte(page):
    assert render_page(make_content()) == page


def test_the_posts_come_back_from_the_page(page):
    content = make_content()
    posts = json.loads(next(one["text"] for one in SCRIPT.finditer(page) if "data-posts" in one["kind"]))
    assert posts["texts"] == [post.text for post in content.evidence.posts]
    assert posts["systems"]["tuned"]["scores"] == content.scores("tuned").tolist()
    names, codes = posts["columns"]["group"].values()
    assert [names[code] for code in codes] == [post.group for post in content.evidence.posts]


@pytest.mark.parametrize(
    "value",
    [
        "</script><!--<script>&amp;", "\u2028\u2029", "\ud800 alone", "\x00\x1f\x7f", {"<a>": [1, None, 0.1]},
        "é שלום \U0001f600",
    ],
)  # fmt: skip
def test_json_in_a_script_element_is_safe_and_the_same_value(value):
    written = json_for_script(value)
    assert not set("<>&\u2028\u2029") & set(written)
    written.encode("utf-8")
    assert json.loads(written) == value


def test_undefined_numbers_are_null():
    assert json_for_script([float("nan"), float("inf"), 1.5]) == "[null,null,1.5]"


def test_the_library_cannot_end_its_element():
    library = chart_library()
    assert "</script" not in library.lower()
    assert "<!--" not in library


def test_it_is_small_enough():
    posts = make_posts(1009)
    size = len(render_page(make_content(posts)).encode())
    assert size < 5_000_000 - 3 * 1009 * 1000  # as much again as texts of 1,000 characters would add three times


def test_markup_is_escaped_unless_made_here():
    assert tag("p", "<b>", tag("i", "&"), None, class_='a"b', hidden=True, id=None) == (
        '<p class="a&#34;b" hidden>&lt;b&gt;<i>&amp;</i></p>'
    )
    assert outside("a\u202e<b>\nc") == "<bdi>a\N{REPLACEMENT CHARACTER}&lt;b&gt; c</bdi>"
    assert '<td data-of="&lt;">&gt;</td>' in table(("", "<"), [("x", ">")], caption="c")


def test_sections_without_data_are_left_out():
    posts = make_posts(40)
    content = make_content(posts)
    plain = make_content([type(p)(p.id, p.text, p.label) for p in posts], criteria=[])
    assert 'id="groups"' in render_page(content)
    page = render_page(plain)
    for name in ("groups", "criteria"):
        assert f'id="{name}"' not in page
    assert 'id="posts"' in page


def test_it_says_what_ran_and_what_the_change_comes_to(page):
    content = make_content()
    change = content.change
    assert "builtin, 300 test posts, 2026-11-23 00:02 UTC" in page
    assert f"{len(change.fixed)} posts fixed, {len(change.broken)} broken." in page
    assert "ab" * 32 in page
    assert "cost of the whole run" in page


def test_why_a_criterion_did_not_pass_stands_once():
    content = make_content()
    page = render_page(content)
    for result in content.verdict.criteria:
        assert page.count(str(outside(result.reason, 600))) == 1, result.text
