"""A run as a person sees it from another shell: once, or redrawn until it ends; 80 columns, colour not needed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from probatum.model.gpus import Gauge
from probatum.report.safe import one_line
from probatum.watch.status import RunStatus, StageStatus, clock

STYLES = {"done": "green", "running": "yellow", "stopped": "red", "failed": "red", "waiting": "dim"}
BARS, ASCII_BARS = "▁▂▃▄▅▆▇█", "_.-=*#"
MOST_BARS = 40
ERASE_LINE, ERASE_BELOW = "\x1b[K", "\x1b[J"  # from the cursor to the end
LONGEST_NOTE = 2000


def print_status(console: Console, status: RunStatus) -> None:
    """Print a run's stages, one line each, and what is measured of the one at work."""
    console.print(view(console, status))
    if status.outcome is not None:
        console.print(f"verdict: {status.outcome}", markup=False, highlight=False)


def follow(console: Console, read: Callable[[], RunStatus], every_s: float = 2.0) -> RunStatus:
    """Show a run until its process ends.

    A terminal gets the same lines redrawn in place, a few times a minute or as often as asked, and never the whole
    screen. Anything else (a file, a pipe, a dumb terminal) gets a line whenever something has changed.

    Args:
        console: where to.
        read: reads the run's status.
        every_s: seconds between two looks.

    Returns:
        The last status.
    """
    status = read()
    if not console.is_terminal or console.is_dumb_terminal:
        return _follow_in_lines(console, read, status, every_s)
    canvas = Canvas(console)
    while is_at_work(status):
        canvas.draw(view(console, status))
        time.sleep(every_s)
        status = read()
    canvas.clear()
    print_status(console, status)
    return status


class Canvas:
    """Lines at the foot of a terminal that are drawn again in place; only those that changed are sent.

    Rich's own live display erases every line before it writes them all: over a slow line that flickers.

    Args:
        console: a terminal.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.lines: list[str] = []
        self.size = console.size

    def draw(self, shown: RenderableType) -> None:
        """Draw a view over the one before."""
        with self.console.capture() as captured:
            self.console.print(shown)
        lines = captured.get().splitlines()[: self.console.height - 1]
        if self.console.size != self.size:  # the terminal has laid out the old lines anew: where, nobody knows
            self.lines, self.size = [], self.console.size
        out = [_up(len(self.lines))]
        for at, line in enumerate(lines):
            same = at < len(self.lines) and self.lines[at] == line
            out.append("\n" if same else f"\r{line}{ERASE_LINE}\n")
        out.append(ERASE_BELOW if len(self.lines) > len(lines) else "")
        self.lines = lines
        self._send("".join(out))

    def clear(self) -> None:
        """Take the view away."""
        self._send(_up(len(self.lines)) + "\r" + ERASE_BELOW)
        self.lines = []

    def _send(self, text: str) -> None:
        self.console.file.write(text)
        self.console.file.flush()


def _up(lines: int) -> str:
    return f"\x1b[{lines}A" if lines else ""


def _follow_in_lines(console: Console, read: Callable[[], RunStatus], status: RunStatus, every_s: float) -> RunStatus:
    told = ""
    while is_at_work(status):
        running = next((stage for stage in status.stages if stage.state == "running"), None)
        line = "" if running is None else one_line(f"{running.name}: {running.note or 'at work'}", LONGEST_NOTE)
        if line and line != told:
            console.print(f"{datetime.now():%H:%M:%S} {line}", markup=False, highlight=False, soft_wrap=True)
            told = line
        time.sleep(every_s)
        status = read()
    print_status(console, status)
    return status


def is_at_work(status: RunStatus) -> bool:
    """Whether there is more to see: its process lives or, on another host, no stage has failed and none is judged."""
    if status.alive is not None:
        return status.alive
    return status.outcome is None and not any(stage.state == "failed" for stage in status.stages)


def view(console: Console, status: RunStatus) -> RenderableType:
    """Return a run as lines for a console of any width."""
    table = Table(box=None, pad_edge=False)
    for name in ("stage", "state", "time", "where it stands"):
        table.add_column(name, justify="right" if name == "time" else "left", no_wrap=name == "state")
    for stage in status.stages:
        took = "" if stage.seconds is None else clock(stage.seconds)
        note = Text(one_line(stage.note, LONGEST_NOTE))
        table.add_row(stage.name, Text(stage.state, style=STYLES[stage.state]), took, note)
    running = next((stage for stage in status.stages if stage.state == "running"), None)
    lines = [] if running is None else measures(console, status, running)
    return Group(Text(_title(status), style="bold"), table, *(Text(f"  {line}") for line in lines))


def _title(status: RunStatus) -> str:
    folder, process = one_line(status.folder, 300), status.process
    if not process:
        return folder
    began = datetime.fromtimestamp(process["started"])  # a reader's own clock
    state = {True: "at work", False: "not at work", None: f"on {one_line(str(process['host']), 60)}"}[status.alive]
    if status.outcome is not None and not status.alive and all(stage.state == "done" for stage in status.stages):
        state = f"finished, {status.outcome}"
    return f"{folder}: {state}, process {process['pid']} begun {began:%Y-%m-%d %H:%M}"


def measures(console: Console, status: RunStatus, running: StageStatus) -> list[str]:
    """Return what is measured of the stage at work: losses, rates, memory, GPUs."""
    told = status.progress if status.progress.get("stage") == running.name else {}
    lines = []
    if running.name == "training" and len(status.losses) > 1:
        lines.append(f"loss {sparkline(status.losses, _bars(console))} {status.losses[-1]:.3f}")
    rates = [f"{told[key]:,.1f} {unit}" for key, unit in RATES.items() if told.get(key) is not None]
    if rates:
        lines.append(", ".join(rates))
    if told.get("gpu_bytes") is not None:
        lines.append(f"this run holds {_gib(told['gpu_bytes'])}, at most {_gib(told['gpu_peak_bytes'])} so far")
    return lines + [gauge_words(gauge) for gauge in status.gpus]


RATES = {"posts_per_s": "posts/s", "tokens_per_s": "tokens/s"}


def sparkline(values: list[float], bars: str = BARS, most: int = MOST_BARS) -> str:
    """Return values as a row of bars, the lowest of all the lowest bar; more than fit are averaged in equal parts."""
    if len(values) > most:
        edges = [round(at * len(values) / most) for at in range(most + 1)]
        values = [sum(values[low:high]) / (high - low) for low, high in pairwise(edges)]
    low, high = min(values), max(values)
    scale = (len(bars) - 1) / (high - low) if high > low else 0.0
    return "".join(bars[round((value - low) * scale)] for value in values)


def _bars(console: Console) -> str:
    return BARS if console.encoding.lower().startswith("utf") else ASCII_BARS


def gauge_words(gauge: Gauge) -> str:
    """Return one GPU in at most 78 columns."""
    parts = [f"GPU {gauge.index} {one_line(gauge.name, 30)}"]
    if gauge.used_bytes is not None and gauge.total_bytes is not None:
        parts.append(f"{_gib(gauge.used_bytes)} of {_gib(gauge.total_bytes)}")
    if gauge.load is not None:
        parts.append(f"load {gauge.load:.0%}")
    if gauge.watts is not None:
        parts.append(f"{gauge.watts:.0f} W")
    return ", ".join(parts)


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
