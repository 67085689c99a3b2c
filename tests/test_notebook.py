"""A study, a run and a verdict in a notebook: escaped, without script."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from probatum import Run, Study
from probatum.manifest import RunFolder
from tests.report.test_markdown import study as verdict_study

HOSTILE = "</td></table><script>alert(1)</script><img src=x onerror=alert(1)>\u202e"


class Page(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.open = set(), "", []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def study():
    settings = {"name": "demo", "data": {"train": "t.jsonl", "validation": "v.jsonl"}, "model": {"name": HOSTILE}}
    return Study.model_validate(settings)


def shown(thing):
    page = Page(thing._repr_html_())
    assert page.open == []
    assert page.tags <= {"p", "strong", "h4", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "bdi"}
    assert "\u202e" not in page.text
    return page.text


def test_a_study(study):
    text = shown(study)
    assert "Study demo" in text
    assert "<script>alert(1)</script>" in text
    assert "F1 gain over baseline is at least 0.005" in text
    assert "half of validation" in text


def test_a_verdict():
    verdict, _ = verdict_study()
    verdict = replace(verdict, notes=[HOSTILE], sentence=HOSTILE)
    text = shown(verdict)
    assert "ACCEPTED" in text
    assert text.count("<script>alert(1)</script>") == 2
    assert "400 posts" in text


def test_the_outcome_is_said_once():
    verdict, _ = verdict_study()
    assert shown(replace(verdict, sentence="Accepted: all passed.")).startswith("ACCEPTED: all passed.")
    rejected = replace(verdict, outcome="rejected", sentence="Rejected (1 failed). Failed: x.")
    assert shown(rejected).startswith("REJECTED (1 failed). Failed: x.")


def test_a_run_with_and_without_a_verdict(study):
    verdict, _ = verdict_study()
    folder = RunFolder(Path("runs/<b>"))
    assert "not judged yet" in shown(Run(study, folder))
    assert "runs/<b>" in shown(Run(study, folder, verdict))
