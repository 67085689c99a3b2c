"""A leaderboard for the terminal, at most 80 columns wide, and as a page."""

from __future__ import annotations

import math

from rich.console import Console, RenderableType
from rich.text import Text

from probatum.report.safe import one_line
from probatum.report.tables import plain, titled_table, with_span
from probatum.verdict.leaderboard import Board, Leaderboard, Row
from probatum.verdict.wording import metric_name

STYLES = {"best": "bold green", "behind": "red", "not shown to be behind": ""}
MOST_RUNS = 3


def print_leaderboard(console: Console, found: Leaderboard) -> None:
    """Print every board, why it stands apart, and the runs that could not be shown."""
    for number, board in enumerate(found.boards, 1):
        if board.apart:
            console.print(plain(f"Board {number}, apart: {board.apart}."))
        _print_board(console, board, found)
    for name, why in found.unread.items():
        console.print(plain(f"{one_line(name, 60)}: {why}"))


def _print_board(console: Console, board: Board, found: Leaderboard) -> None:
    name = metric_name(found.metric)
    columns = ["", "system", name, f"{name} - best", "p", "seconds"]
    priced = any(row.cost is not None for row in board.rows)
    table = titled_table(f"{board.n:,} posts, {board.positive} is positive", *columns, *(["cost"] if priced else []))
    for row in board.rows:
        style = STYLES[row.standing]
        cells: list[RenderableType] = [
            Text(str(row.place), style=style), plain(system_words(row)), with_span(row.figure),
            "best" if row.standing == "best" else with_span(row.behind, sign=True),
            p_words(row), amount(row.seconds),
        ]  # fmt: skip
        table.add_row(*cells, *([cost_words(row.cost)] if priced else []))
    console.print(table)
    console.print(plain(board_sentence(board, found)))
    console.print()


def board_sentence(board: Board, found: Leaderboard) -> str:
    """Return what the tests of a board say together."""
    rivals = board.rows[1:]
    if not rivals:
        return "One system alone: nothing to test it against."
    level = [row for row in rivals if row.standing != "behind"]
    name = metric_name(found.metric)
    alpha = f"{1 - found.confidence:.2g}"
    ahead = f"{len(rivals) - len(level)} of {len(rivals)} others are behind the best in {name}"
    clusters = f" {board.clusters[0].upper()}{board.clusters[1:]}." if board.clusters else ""
    rest = f"; {len(level)} not shown to be" if level else ""
    return (
        f"{ahead}{rest} (p below {alpha}; paired permutation test, by Holm over the board). "
        f"The best was chosen on these very posts, which flatters it.{clusters}"
    )


def system_words(row: Row) -> str:
    """Return a row's system, runs and settings as one text."""
    runs = ", ".join(one_line(run, 60) for run in row.runs[:MOST_RUNS])
    more = f" and {len(row.runs) - MOST_RUNS} more" if len(row.runs) > MOST_RUNS else ""
    settings = "".join(f", {name} {one_line(value, 60)}" for name, value in row.settings.items() if value != "None")
    return f"{row.system} in {runs}{more}{settings}"


def p_words(row: Row) -> str:
    """Return the corrected p-value, a dash for the best."""
    if math.isnan(row.p_holm):
        return "-"
    return "<0.001" if row.p_holm < 0.001 else f"{row.p_holm:.3f}"


def amount(value: float | None) -> str:
    """Return seconds, a dash where not known."""
    return "-" if value is None else f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"


def cost_words(value: float | None) -> str:
    """Return a cost, a dash where not known; small ones keep two digits."""
    return "-" if value is None else f"{value:,.2f}" if value >= 1 else f"{value:.2g}"
