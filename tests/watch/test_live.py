"""A run watched from another shell: in place, in lines, and to its end."""

import io

import pytest
from rich.console import Console

from probatum.model.gpus import Gauge
from probatum.watch import live
from probatum.watch.live import ASCII_BARS, BARS, Canvas, follow, gauge_words, print_status, sparkline
from probatum.watch.status import RunStatus, StageStatus

PROCESS = {"pid": 12345, "host": "here", "started": 0.0}
GPU = Gauge(0, "NVIDIA H200", 60 * 2**30, 140 * 2**30, 0.87, 412.3)


def at_work(step, alive=True):
    stages = [
        StageStatus("data", "done", 1.0),
        StageStatus("training", "running", 5.0 + step, f"step {step} of 100"),
        StageStatus("tuned", "waiting"),
    ]
    progress = {
        "stage": "training",
        "posts_per_s": 12.34,
        "tokens_per_s": 4567.8,
        "gpu_bytes": 2**30,
        "gpu_peak_bytes": 2**31,
    }
    losses = [1.0, 0.5, 0.25]
    return RunStatus("runs/x", alive, stages, None, PROCESS, progress, losses, [GPU])


def ended():
    return RunStatus("runs/x", False, [StageStatus("data", "done", 1.0)], "accepted", PROCESS)


def terminal(width=80, height=24, **options):
    return Console(file=io.StringIO(), width=width, height=height, force_terminal=True, legacy_windows=False, **options)


def screen_of(text):
    """What a terminal shows after it was sent these characters."""
    lines, row, column, at = [""], 0, 0, 0
    while at < len(text):
        rest = text[at:]
        if rest.startswith("\x1b["):
            end = next(i for i, c in enumerate(rest[2:], 2) if c.isalpha())
            count, kind = rest[2:end], rest[end]
            if kind == "A":
                row -= int(count)
            elif kind == "K":
                lines[row] = lines[row][:column]
            elif kind == "J":
                lines[row:] = [lines[row][:column]]
            else:
                assert kind == "m", rest[: end + 1]
            at += end + 1
            continue
        if rest[0] == "\n":
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif rest[0] == "\r":
            column = 0
        else:
            lines[row] = lines[row][:column].ljust(column) + rest[0] + lines[row][column + 1 :]
            column += 1
        at += 1
    return [line.rstrip() for line in lines]


@pytest.fixture
def no_waiting(monkeypatch):
    monkeypatch.setattr(live.time, "sleep", lambda seconds: None)


@pytest.mark.parametrize("colours", [None, "standard"])
def test_the_screen_ends_as_one_print_would_leave_it(no_waiting, colours):
    console, states = terminal(color_system=colours), [at_work(1), at_work(2), at_work(3), ended()]
    last = follow(console, lambda: states.pop(0))
    assert last.outcome == "accepted"
    once = terminal(color_system=None)
    print_status(once, ended())
    assert [line for line in screen_of(console.file.getvalue()) if line] == [
        line for line in screen_of(once.file.getvalue()) if line
    ]


def test_only_lines_that_changed_are_sent():
    console = terminal(color_system=None)
    canvas = Canvas(console)
    canvas.draw(live.view(console, at_work(1)))
    whole = console.file.tell()
    canvas.draw(live.view(console, at_work(2)))
    assert console.file.tell() - whole < 120
    assert "step 2 of 100" in console.file.getvalue()[whole:]
    assert "data" not in console.file.getvalue()[whole:]


def test_a_view_that_shrinks_leaves_nothing_behind():
    console = terminal(color_system=None)
    canvas = Canvas(console)
    canvas.draw("one\ntwo\nthree")
    canvas.draw("one\n2")
    assert [line for line in screen_of(console.file.getvalue()) if line] == ["one", "2"]


def test_a_view_is_never_longer_than_the_terminal():
    console = terminal(height=5, color_system=None)
    Canvas(console).draw("\n".join(map(str, range(50))))
    assert console.file.getvalue().count("\n") == 4


def test_where_there_is_no_terminal_only_changes_are_printed(no_waiting):
    console = Console(file=io.StringIO(), width=80)
    states = [at_work(1), at_work(1), at_work(2), ended()]
    follow(console, lambda: states.pop(0))
    lines = console.file.getvalue().splitlines()
    assert [line.split(" ", 1)[1] for line in lines[:2]] == ["training: step 1 of 100", "training: step 2 of 100"]
    assert "\x1b" not in console.file.getvalue()
    assert lines[-1] == "verdict: accepted"


def test_a_run_that_has_ended_is_printed_once(no_waiting):
    console = terminal(color_system=None)
    follow(console, ended)
    assert console.file.getvalue().count("runs/x: finished, accepted, process 12345") == 1


def test_a_run_that_stopped_in_its_second_go_is_not_finished(no_waiting):
    """Its verdict is that of the go before."""
    stages = [StageStatus("training", "stopped"), StageStatus("compare", "done", 1.0)]
    console = terminal(color_system=None, width=120)
    print_status(console, RunStatus("runs/x", False, stages, "accepted", PROCESS))
    assert "runs/x: not at work" in console.file.getvalue()


def test_another_hosts_run_is_followed_to_its_verdict(no_waiting):
    states = [at_work(1, alive=None), RunStatus("runs/x", None, [], "rejected", PROCESS)]
    assert follow(terminal(), lambda: states.pop(0)).outcome == "rejected"


def test_everything_measured_fits_80_columns_without_colour():
    console = Console(file=io.StringIO(), width=80, color_system=None)
    print_status(console, at_work(7))
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert f"loss {BARS[7]}{BARS[2]}{BARS[0]} 0.250" in text
    assert "12.3 posts/s, 4,567.8 tokens/s" in text
    assert "this run holds 1.0 GiB, at most 2.0 GiB so far" in text
    assert "GPU 0 NVIDIA H200, 60.0 GiB of 140.0 GiB, load 87%, 412 W" in text
    assert "at work, process 12345 begun 19" in text


def test_a_hostile_note_stays_on_its_line():
    stage = StageStatus("training", "failed", None, "ValueError: \x1b[2J\n\u202e[red]x")
    console = Console(file=io.StringIO(), width=80, color_system=None)
    print_status(console, RunStatus("runs/x", False, [stage]))
    text = console.file.getvalue()
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[red]x" in text


@pytest.mark.parametrize(
    ("values", "shown"),
    [([1.0], "▁"), ([2.0, 2.0], "▁▁"), ([0.0, 7.0], "▁█"), ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], BARS)],
)
def test_a_sparkline(values, shown):
    assert sparkline(values) == shown


def test_a_long_sparkline_is_averaged_in_equal_parts():
    assert sparkline([0.0, 2.0, 10.0, 10.0], most=2) == "▁█"
    assert len(sparkline([float(at) for at in range(1234)])) == live.MOST_BARS


def test_a_terminal_that_knows_no_blocks_gets_other_bars():
    console = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"), width=80, color_system=None)
    print_status(console, at_work(1))
    console.file.seek(0)
    assert f"loss {ASCII_BARS[-1]}" in console.file.read()


def test_a_gauge_leaves_out_what_the_gpu_does_not_say():
    assert gauge_words(Gauge(1, "x", None, None, None, None)) == "GPU 1 x"
