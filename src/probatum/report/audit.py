"""An audit for the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from probatum.data.audit import Audit
from probatum.report.safe import one_line

LONGEST = 1000
STYLES = {"high": "bold red", "medium": "yellow", "low": "dim"}


def print_audit(console: Console, audit: Audit) -> None:
    """Print the counts by label, group and source, then the findings, gravest first."""
    for file, columns in audit.counts.items():
        console.print(Text(one_line(file, LONGEST)), soft_wrap=True)
        table = Table(box=None, show_header=False, pad_edge=False)
        for column, counts in columns.items():
            shown = ", ".join(f"{one_line(value, 30)} {count:,}" for value, count in list(counts.items())[:12])
            table.add_row(column, Text(shown))
        console.print(table)
    for finding in audit.findings:
        line = Text(f"{finding.severity:<6} ", style=STYLES[finding.severity])
        line.append(f"{finding.kind}: {one_line(finding.message, LONGEST)}", style="default")
        console.print(line)
        examples = ", ".join(one_line(post, 40) for post in finding.example_ids)
        console.print(Text(f"       {finding.advice}" + (f" ({examples})" if examples else ""), style="dim"))
    if not audit.findings:
        console.print("nothing found")
