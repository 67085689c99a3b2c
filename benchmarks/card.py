"""The card that a benchmark runs on: its name and its memory as seen from outside."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading

import torch


def visible(gpus: int) -> dict[str, str]:
    """Return the environment in which a process sees the first so many GPUs; a trainer would take all that it sees."""
    return {"CUDA_VISIBLE_DEVICES": ",".join(map(str, range(gpus)))}


class MemoryWatch(threading.Thread):
    """Lets `nvidia-smi` look at the card every second: from outside, as asking CUDA could spoil a capture."""

    COMMAND = ("nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "-i", "0")

    def __init__(self, device: torch.device) -> None:
        super().__init__(daemon=True)
        self.device, self.ended = device, threading.Event()
        self.shown_gb: float | None = None

    def __enter__(self) -> MemoryWatch:
        if self.device.type == "cuda" and shutil.which(self.COMMAND[0]):
            self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        if self.ident is not None:
            self.join()

    def run(self) -> None:
        while not self.ended.wait(1.0):
            shown = subprocess.run(self.COMMAND, capture_output=True, text=True, check=False).stdout.strip()
            if shown.isdigit():
                self.shown_gb = max(self.shown_gb or 0.0, int(shown) * 2**20 / 1e9)

    def figures(self) -> dict[str, float | None]:
        """Return the peaks so far in GB: PyTorch's reserved memory with the CUDA context, and what the card showed."""
        if self.device.type != "cuda":
            return {"peak_gb": peak_host_gb(), "shown_gb": None}
        free, total = torch.cuda.mem_get_info(self.device)
        context = total - free - torch.cuda.memory_reserved(self.device)
        peak = torch.cuda.max_memory_reserved(self.device) + context
        return {"peak_gb": peak / 1e9, "shown_gb": self.shown_gb, "context_gb": context / 1e9}


def peak_host_gb() -> float:
    """Return the most main memory that this process has held."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def hardware() -> str:
    """Name the GPUs, or the lack of any, and the processor's cores."""
    cores = f"{len(os.sched_getaffinity(0))} CPU cores"
    if not torch.cuda.is_available():
        return f"no GPU, {cores}"
    memory = torch.cuda.mem_get_info()[1] / 2**30
    return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()} ({memory:.0f} GiB), {cores}"
