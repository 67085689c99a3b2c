"""How fast a stage goes, measured by the process that does it."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from probatum.manifest import Facts

WINDOW_S = 30.0


class Pace:
    """Turns what a stage reports into what a look from another shell wants to know.

    Args:
        gpus: NVML's ids of the GPUs that the run uses.
        clock: seconds.
    """

    def __init__(self, gpus: Callable[[], Sequence[str]], clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.gpus = gpus
        self.stage = ""
        self.marks: deque[tuple[float, int, int | None]] = deque()

    def facts(self, stage: str, progress: Any, num_posts: int | None) -> Facts:
        """Return where a stage stands: counts, posts and tokens a second, seconds left, memory.

        Rates are over the last half minute of the stage's own work, not of loading weights.

        Args:
            stage: the stage.
            progress: posts done, or a `TrainingProgress` or a `LoadingProgress`.
            num_posts: posts that a stage which counts posts has to do, if known.
        """
        if isinstance(progress, int):
            rates = self._rates(stage, progress, None)
            left = _left(rates, None if num_posts is None else num_posts - progress)
            return {"posts": progress, "num_posts": num_posts, **rates, "left_s": left, **self._memory()}
        told = asdict(progress)
        if "step" in told:
            told |= self._rates(stage, told.pop("posts"), told.pop("tokens"))
        return told | self._memory()

    def _rates(self, stage: str, posts: int, tokens: int | None) -> Facts:
        if stage != self.stage or (self.marks and posts < self.marks[-1][1]):
            self.stage, self.marks = stage, deque()
        now = self.clock()
        self.marks.append((now, posts, tokens))
        while now - self.marks[0][0] > WINDOW_S and len(self.marks) > 2:
            self.marks.popleft()
        began, first_posts, first_tokens = self.marks[0]
        if now <= began:
            return {}
        rates = {"posts_per_s": (posts - first_posts) / (now - began)}
        if tokens is not None and first_tokens is not None:
            rates["tokens_per_s"] = (tokens - first_tokens) / (now - began)
        return rates

    def _memory(self) -> Facts:
        """Return the bytes that PyTorch holds on this process's GPU, and which GPUs the run uses; nothing without any.

        The bytes are the allocator's own count: no call to the driver disturbs a graph that is being captured.
        """
        torch = sys.modules.get("torch")
        if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
            return {}
        held, peak = torch.cuda.memory_reserved(), torch.cuda.max_memory_reserved()
        return {"gpu_bytes": held, "gpu_peak_bytes": peak, "gpus": list(self.gpus())}


def _left(rates: Facts, posts: int | None) -> float | None:
    return posts / rates["posts_per_s"] if posts is not None and rates.get("posts_per_s") else None
