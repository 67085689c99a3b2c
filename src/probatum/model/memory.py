"""How much memory is free, for people who are about to fill it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import torch

GIB = 2**30
CONTEXT_BYTES = GIB  # CUDA's context, kernels and libraries: on the device, and not in PyTorch's count


def free_bytes(device: torch.device, limit: int | None = None, *, sharers: int = 1) -> int | None:
    """Return the bytes that a process may still take on a device, `None` where that is not known.

    Args:
        device: where.
        limit: take no more than so many in all; on a GPU, `CONTEXT_BYTES` of them are CUDA's own.
        sharers: processes of a crew: each has a GPU of its own, but all share the main memory.
    """
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
        return free if limit is None else max(0, min(free, limit - CONTEXT_BYTES))
    free_host = free_host_bytes()
    return limit if free_host is None else min(free_host // sharers, limit or free_host)


def enforce_limit(device: torch.device, limit: int | None) -> None:
    """Let PyTorch take no more of a GPU than a limit leaves beside CUDA's own `CONTEXT_BYTES`; a CPU is not bounded."""
    if device.type == "cuda":
        total = torch.cuda.mem_get_info(device)[1]
        most = total if limit is None else max(0, limit - CONTEXT_BYTES)
        torch.cuda.set_per_process_memory_fraction(min(1.0, most / total))


class Peak:
    """Holds a prediction against what a GPU's allocator counts from here on.

    Args:
        device: where.
        predicted: bytes.
    """

    def __init__(self, device: torch.device, predicted: int) -> None:
        self.device, self.predicted = device, predicted
        if device.type == "cuda":
            gc.collect()  # captured steps of a training that is over
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(device)

    def facts(self) -> dict[str, int]:
        """Return the prediction, and on a GPU the most that was held and the most of it that was in use."""
        facts = {"predicted_peak_bytes": self.predicted}
        if self.device.type == "cuda":
            facts["peak_bytes"] = torch.cuda.max_memory_reserved(self.device)
            facts["used_peak_bytes"] = torch.cuda.max_memory_allocated(self.device)
        return facts


def free_host_bytes(root: Path = Path("/")) -> int | None:
    """Return the main memory that a process may still take: what Linux calls available, within its cgroups' limits.

    What only caches files is free in both: the kernel gives it up when it is wanted. Without `/proc/meminfo` (macOS,
    Windows) the answer is `None`.

    Args:
        root: where `proc` and `sys` are.
    """
    try:
        lines = (root / "proc/meminfo").read_text(encoding="ascii").splitlines()
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        available = int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None
    return max(0, min([available, *_left_in_cgroups(root)]))


def _left_in_cgroups(root: Path) -> Iterator[int]:
    """Yield what each limit on the way from this process's cgroup (version 2) to the root leaves."""
    try:
        rows = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    own = next((row.removeprefix("0::").strip("/") for row in rows if row.startswith("0::")), "")
    mount = root / "sys/fs/cgroup"
    group = mount / own
    while group.is_relative_to(mount):
        try:
            limit = (group / "memory.max").read_text(encoding="ascii").strip()
            used = int((group / "memory.current").read_text(encoding="ascii"))
            if limit != "max":
                yield int(limit) - used + _cached(group)
        except (OSError, ValueError):
            pass  # no limit here: the root has none, and a container may not see its parents
        group = group.parent


def _cached(group: Path) -> int:
    try:
        lines = (group / "memory.stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))


def size_words(num_bytes: int) -> str:
    """Return bytes as people read them."""
    return f"{num_bytes / GIB:.1f} GiB" if num_bytes >= GIB else f"{num_bytes / 2**20:.0f} MiB"
