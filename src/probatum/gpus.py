"""What NVIDIA's management library (NVML) says of GPUs: load, memory, power, energy. No PyTorch, no CUDA context."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Gauge:
    """One GPU at one moment; `None` where it does not say.

    Attributes:
        index: NVML's, which is nvidia-smi's.
        name: of the product.
        used_bytes: by all processes.
        total_bytes: there are.
        load: share of the last moment in which a kernel ran, in [0, 1].
        watts: drawn.
    """

    index: int
    name: str
    used_bytes: int | None
    total_bytes: int | None
    load: float | None
    watts: float | None


def gauges() -> list[Gauge]:
    """Return every GPU that CUDA_VISIBLE_DEVICES leaves visible; none where there is no NVML."""
    with _nvml() as nvml:
        return [_gauge(nvml, index, handle) for index, handle in _handles(nvml)] if nvml else []


def energy_j() -> float | None:
    """Return the joules that the visible GPUs have drawn since their driver was loaded, whoever used them.

    `None` where one of them has no such counter (before Volta, MIG slices) or there is no NVML.
    """
    with _nvml() as nvml:
        if not nvml:
            return None
        counts = [_ask(nvml, nvml.nvmlDeviceGetTotalEnergyConsumption, handle) for _, handle in _handles(nvml)]
    return sum(counts) / 1000 if counts and None not in counts else None


@contextmanager
def _nvml() -> Iterator[Any]:
    """Yield the library, begun; `None` where the package or the driver is not there."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except ImportError:
        yield None
        return
    except pynvml.NVMLError:
        yield None
        return
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()


def _handles(nvml: Any) -> Iterator[tuple[int, Any]]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    wanted = None if visible is None else [name.strip() for name in visible.split(",")]
    for index in range(nvml.nvmlDeviceGetCount()):
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        if wanted is None or str(index) in wanted or _ask(nvml, nvml.nvmlDeviceGetUUID, handle) in wanted:
            yield index, handle


def _gauge(nvml: Any, index: int, handle: Any) -> Gauge:
    memory = _ask(nvml, nvml.nvmlDeviceGetMemoryInfo, handle)
    load = _ask(nvml, nvml.nvmlDeviceGetUtilizationRates, handle)
    power = _ask(nvml, nvml.nvmlDeviceGetPowerUsage, handle)
    return Gauge(
        index=index,
        name=str(_ask(nvml, nvml.nvmlDeviceGetName, handle)),
        used_bytes=None if memory is None else int(memory.used),
        total_bytes=None if memory is None else int(memory.total),
        load=None if load is None else load.gpu / 100,
        watts=None if power is None else power / 1000,
    )


def _ask(nvml: Any, question: Any, handle: Any) -> Any:
    """Return an answer, `None` where this GPU does not give it."""
    try:
        return question(handle)
    except nvml.NVMLError:
        return None
