"""Wall time of work that a GPU may not have finished yet."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch

BEGAN = time.perf_counter()


def say(*words: Any) -> None:
    """Print at once, with the seconds since this process began."""
    print(f"[{time.perf_counter() - BEGAN:6.1f} s]", *words, flush=True)


class Clock:
    """Starts when all that a device was given before is done."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._wait()
        self.began = time.perf_counter()

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def seconds(self) -> float:
        """Return the seconds since the start, once the device is done."""
        self._wait()
        return time.perf_counter() - self.began


def timed(work: Callable[[], Any], device: torch.device) -> float:
    """Return the seconds that a piece of work takes."""
    clock = Clock(device)
    work()
    return clock.seconds()
