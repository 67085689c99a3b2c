"""Where the time on a device goes, by kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity

from benchmarks.clock import say
from probatum.training.callbacks import TrainingProgress

ROWS = 24


def profile(work: Callable[[], Any], device: torch.device) -> dict[str, Any]:
    """Return what a piece of work spends on the device: `device_ms`, `kernels` launched, and the dearest of them."""
    with torch.profiler.profile(activities=_activities(device)) as profiler:
        work()
        _wait(device)
    return _table(profiler, device)


class Profiler:
    """Told of every step of a training, profiles the one after `step`.

    Attributes:
        found: what `profile` returns, once that step is done.
    """

    def __init__(self, step: int, device: torch.device) -> None:
        self.step, self.device = step, device
        self.found: dict[str, Any] = {}
        self.profiler = torch.profiler.profile(activities=_activities(device))

    def __call__(self, progress: TrainingProgress) -> None:
        """Begin after the step, end after the next."""
        if progress.step == self.step:
            _wait(self.device)
            self.profiler.start()
        elif progress.step == self.step + 1:
            _wait(self.device)
            self.profiler.stop()
            self.found = _table(self.profiler, self.device)


def _activities(device: torch.device) -> list[ProfilerActivity]:
    return [ProfilerActivity.CUDA if device.type == "cuda" else ProfilerActivity.CPU]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _table(profiler: Any, device: torch.device) -> dict[str, Any]:
    spent = lambda event: event.self_device_time_total if device.type == "cuda" else event.self_cpu_time_total
    events = sorted((event for event in profiler.key_averages() if spent(event)), key=lambda event: -spent(event))
    rows = [
        {"kernel": event.key[:90], "ms": round(spent(event) / 1e3, 3), "count": event.count} for event in events[:ROWS]
    ]
    total_ms = round(sum(spent(event) for event in events) / 1e3, 3)
    say(f"profile: {total_ms} ms, {sum(event.count for event in events)} kernels")
    for row in rows[:12]:
        print(f"    {row['ms']:10.3f} ms {row['count']:6d}x {row['kernel']}", flush=True)
    return {"device_ms": total_ms, "kernels": sum(event.count for event in events), "rows": rows}
