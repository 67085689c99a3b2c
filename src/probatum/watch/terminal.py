"""What a person sees while a run works: one line a stage, a bar for the one at work."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from probatum.manifest import ON_VALIDATION, Facts
from probatum.pipeline import Watcher

TITLES = {
    "data": "read and audit the posts",
    "majority": "score majority",
    "linear": "score linear",
    "baseline": "score baseline",
    "training": "train the adapter",
    "tuned": "score tuned",
    "compare": "compare and judge",
    "linear_validation": "linear on validation",
    "baseline_validation": "baseline on validation",
    "tuned_validation": "tuned on validation",
    "cases": "read cases, make swaps",
    "noise floor": "score baseline again",
}


class TerminalWatcher(Watcher):
    """Draws a bar for the stage at work and leaves a line for each that is done.

    Args:
        console: where to draw; a console that is no terminal gets the lines alone.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bar: Progress | None = None
        self.task = TaskID(0)
        self.num_posts: dict[str, int] = {}

    def begin(self, stage: str) -> None:
        """Draw an empty bar."""
        self.bar = Progress(
            TextColumn("  {task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self.task = self.bar.add_task(TITLES.get(stage, stage), total=None, note="")
        self.bar.start()

    def advance(self, stage: str, progress: Any) -> None:
        """Fill the bar."""
        if self.bar is None:
            return
        if hasattr(progress, "num_tensors"):
            note = "loading weights" if progress.tensors < progress.num_tensors else ""
            self.bar.update(self.task, completed=progress.tensors, total=progress.num_tensors, note=note)
            if not note:  # count and time left are of the stage's own work from here on
                self.bar.remove_task(self.task)
                self.task = self.bar.add_task(TITLES.get(stage, stage), total=None, note="")
            return
        if isinstance(progress, int):
            side = "validation" if stage.endswith(ON_VALIDATION) else "test"
            self.bar.update(self.task, completed=progress, total=self.num_posts.get(side))
            return
        losses = [
            f"{name} {value:.3f}"
            for name, value in (("loss", progress.loss), ("validation", progress.validation_loss))
            if value is not None
        ]
        self.bar.update(self.task, completed=progress.step, total=progress.num_steps, note=" ".join(losses))

    def end(self, stage: str, facts: Facts, seconds: float, *, reused: bool) -> None:
        """Replace the bar by a line."""
        self.close()
        if stage == "data":
            self.num_posts = facts["posts"]
        took = "unchanged" if reused else f"{seconds:.1f} s"
        line = f"  {TITLES.get(stage, stage):<24} {took:>9}  {_summary(stage, facts)}"
        self.console.print(line, highlight=False, markup=False)

    def close(self) -> None:
        """Take the bar away, as after a stage that failed: a terminal has no cursor while there is one."""
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


def _summary(stage: str, facts: Facts) -> str:
    """Return what a stage gave, in at most 42 characters for a study of ordinary size."""
    if stage == "data":
        counts = " + ".join(f"{count:,}" for count in facts["posts"].values())
        findings = len(facts["findings"])
        return f"{counts} posts" + (f", {findings} finding{'s' * (findings != 1)}" if findings else "")
    if "summary" in facts:
        return str(facts["summary"])
    if "best_step" in facts:
        losses = f"{facts['start_loss']:.3f} → {facts['best_loss']:.3f}"
        return f"{facts['steps']:,} steps, loss {losses} at {facts['best_step']:,}"
    if stage == "compare":
        return str(facts["outcome"])
    return f"{facts['posts']:,} posts"
