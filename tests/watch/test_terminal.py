"""What a run draws: lines that fit 80 columns and need no colour, and bars on terminals only."""

import io

import pytest
from rich.console import Console

from probatum.manifest import Facts
from probatum.model.load import LoadingProgress
from probatum.training.callbacks import TrainingProgress
from probatum.watch.terminal import TITLES, TerminalWatcher

FACTS: dict[str, Facts] = {
    "data": {"posts": {"train": 3083, "validation": 545, "test": 514}, "findings": ["high: x", "low: y"]},
    "majority": {"posts": 514},
    "baseline": {"posts": 514},
    "training": {"steps": 1155, "start_loss": 0.7, "best_loss": 0.41234, "best_step": 1000},
    "tuned": {"posts": 514},
    "compare": {"outcome": "inconclusive"},
}


def progress(step=3, loss=0.5, validation_loss=None):
    return TrainingProgress(step, 10, loss, validation_loss, 60.0)


def watched(terminal=False, reused=False, width=120):
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=terminal, legacy_windows=False)
    watcher = TerminalWatcher(console)
    for stage, facts in FACTS.items():
        if not reused:
            watcher.begin(stage)
            watcher.advance(stage, progress() if stage == "training" else 5)
            watcher.advance(stage, progress(9, None, 0.4) if stage == "training" else 500)
        watcher.end(stage, facts, 12.34, reused=reused)
    return console.file.getvalue()


def test_where_there_is_no_terminal_each_stage_is_one_line():
    text = watched()
    assert "\x1b" not in text
    assert "\r" not in text
    lines = text.splitlines()
    assert len(lines) == len(FACTS)
    assert [" ".join(line.split()) for line in lines] == [
        "read and audit the posts 12.3 s 3,083 + 545 + 514 posts, 2 findings",
        "score majority 12.3 s 514 posts",
        "score baseline 12.3 s 514 posts",
        "train the adapter 12.3 s 1,155 steps, loss 0.700 → 0.412 at 1,000",
        "score tuned 12.3 s 514 posts",
        "compare and judge 12.3 s inconclusive",
    ]


@pytest.mark.parametrize("width", [40, 80])
def test_a_narrow_console_loses_nothing(width):
    text = watched(width=width)
    assert max(map(len, text.splitlines())) <= width
    assert text.split() == watched().split()


def test_a_stage_that_was_there_already_says_so():
    lines = watched(reused=True).splitlines()
    assert all(" unchanged " in line for line in lines)


@pytest.mark.parametrize(("findings", "told"), [([], "5 posts"), (["x"], "5 posts, 1 finding")])
def test_findings_are_counted(findings, told):
    console = Console(file=io.StringIO(), width=80, color_system=None)
    TerminalWatcher(console).end("data", {"posts": {"test": 5}, "findings": findings}, 0.1, reused=False)
    assert console.file.getvalue().rstrip().endswith(told)


def test_on_a_terminal_a_bar_comes_and_goes():
    text = watched(terminal=True)
    assert "train the adapter" in text
    assert "loss 0.500" in text or "validation 0.400" in text
    assert "\x1b[2K" in text  # the bar's line is cleared again
    assert "500/514" in text


def test_a_stage_that_failed_leaves_the_cursor_as_it_was():
    console = Console(file=io.StringIO(), width=80, color_system=None, force_terminal=True, legacy_windows=False)
    watcher = TerminalWatcher(console)
    watcher.begin("training")
    watcher.close()
    watcher.close()
    hidden, shown = "\x1b[?25l", "\x1b[?25h"
    assert console.file.getvalue().rfind(shown) > console.file.getvalue().rfind(hidden) >= 0


def test_the_bar_of_a_stage_counts_to_the_test_posts():
    console = Console(file=io.StringIO(), width=80, color_system=None)
    watcher = TerminalWatcher(console)
    watcher.end("data", FACTS["data"], 1.0, reused=True)
    watcher.begin("tuned")
    watcher.advance("tuned", 100)
    task = watcher.bar.tasks[0]
    assert (task.completed, task.total) == (100, 514)
    watcher.begin("training")
    watcher.advance("training", progress(4, 0.25, 0.5))
    task = watcher.bar.tasks[0]
    assert (task.completed, task.total, task.fields["note"]) == (4, 10, "loss 0.250 validation 0.500")
    watcher.end("training", FACTS["training"], 1.0, reused=False)
    assert watcher.bar is None


def test_weights_are_counted_while_they_load_and_posts_after():
    console = Console(file=io.StringIO(), width=80, color_system=None)
    watcher = TerminalWatcher(console)
    watcher.end("data", FACTS["data"], 1.0, reused=True)
    watcher.begin("baseline")
    seen = []
    for told in (LoadingProgress(0, 2), LoadingProgress(1, 2), LoadingProgress(2, 2), 7):
        watcher.advance("baseline", told)
        task = watcher.bar.tasks[0]
        seen.append((task.completed, task.total, task.fields["note"]))
    assert seen == [(0, 2, "loading weights"), (1, 2, "loading weights"), (0, None, ""), (7, 514, "")]


def test_progress_before_a_stage_began_is_nothing():
    console = Console(file=io.StringIO())
    TerminalWatcher(console).advance("tuned", 4)
    assert console.file.getvalue() == ""


def test_every_stage_of_a_run_has_a_title():
    from typing import get_args

    from probatum.manifest import ON_VALIDATION
    from probatum.study import System
    from probatum.verdict.decision import NEVER_CHOSEN

    chosen = [system + ON_VALIDATION for system in get_args(System) if system not in NEVER_CHOSEN]
    further = {"cases", "noise floor"}
    assert set(TITLES) == {"data", "training", "compare", *further, *get_args(System), *chosen}
