"""How much memory is free, for people who are about to fill it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch


def free_bytes(device: torch.device) -> int | None:
    """Return the bytes that a process may still take on a device, `None` where that is not known."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return free_host_bytes()


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
