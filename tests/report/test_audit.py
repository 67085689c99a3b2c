"""An audit on the terminal: counts and findings, whatever stands in the columns."""

import io

from rich.console import Console

from probatum.data.audit import Audit, audit
from probatum.data.audit.findings import Finding
from probatum.data.records import Post
from probatum.report.audit import print_audit

HOSTILE = "[bold red]x[/bold red] \x1b[31mz \u202e end\nsecond line"


def shown(found, width=80):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    print_audit(console, found)
    return console.file.getvalue()


def posts(count=12, group="lgbtq", text="text"):
    return [Post(f"p{n}", f"{text} {n}", "hate" if n % 2 else "not_hate", group, "toxigen") for n in range(count)]


def test_counts_are_shown_by_file_and_column():
    text = shown(audit({"train": posts(1200), "data/test.jsonl": posts(4, group=None, text="other")}))
    words = [line.split() for line in text.splitlines()]
    assert ["train"] in words
    assert ["data/test.jsonl"] in words
    assert ["label", "hate", "600,", "not_hate", "600"] in words
    assert ["group", "lgbtq", "1,200"] in words
    assert ["group", "none", "4"] in words


def test_an_audit_that_found_nothing_says_so():
    assert shown(Audit({}, [])) == "nothing found\n"


def test_findings_are_told_gravest_first_with_advice_and_examples():
    found = audit({"train": posts(8), "test": posts(4)})
    text = shown(found, width=300)
    assert "nothing found" not in text
    at = [text.index(f"{finding.kind}: {finding.message}") for finding in found.findings]
    assert at == sorted(at)
    overlap = next(finding for finding in found.findings if finding.kind == "overlap")
    assert f"high   overlap: {overlap.message}\n       {overlap.advice} (p0, p1, p2, p3)\n" in text


def test_a_finding_without_examples_has_no_brackets():
    finding = Finding("coverage", "low", 0, 0.0, "nothing there", (), "get some")
    assert shown(Audit({}, [finding])) == "low    coverage: nothing there\n       get some\n"


def test_hostile_columns_and_ids_are_shown_harmless():
    bad = [Post(HOSTILE + str(n), "the same", "hate", HOSTILE, "s") for n in range(4)]
    text = shown(audit({"[red]file[/red]": bad}), width=200)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[bold red]x[/bold red]" in text
    assert "[red]file[/red]" in text


def test_many_values_are_cut_and_lines_fit():
    many = [Post(f"p{n}", f"text {n}", "hate", f"group{n:03d}") for n in range(60)]
    text = shown(audit({"train": many}))
    assert "group011 1" in " ".join(text.split())
    assert "group012" not in text.split("finding")[0].split("coverage")[0]
    assert max(map(len, text.splitlines())) <= 80
