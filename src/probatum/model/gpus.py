"""What NVIDIA's management library (NVML) says of GPUs: load, memory, power, energy.

It needs no CUDA context, so a look from another shell takes nothing of the GPU.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


def own_gpus(count: int) -> list[str]:
    """Return NVML's ids of the first so many GPUs that PyTorch sees, which may be in another order than NVML's."""
    import torch

    return [f"GPU-{torch.cuda.get_device_properties(at).uuid}" for at in range(min(count, torch.cuda.device_count()))]


def gauges(ids: Sequence[str]) -> list[Gauge]:
    """Return GPUs by their ids; none where there is no NVML."""
    with _nvml() as nvml:
        return [_gauge(nvml, handle) for handle in _handles(nvml, ids)] if nvml else []


def energy_j(ids: Sequence[str]) -> float | None:
    """Return the joules that some GPUs have drawn since their driver was loaded, whoever used them.

    `None` where one of them has no such counter (before Volta, MIG slices), there are none, or there is no NVML.
    """
    with _nvml() as nvml:
        if not nvml:
            return None
        counts = [_ask(nvml, nvml.nvmlDeviceGetTotalEnergyConsumption, handle) for handle in _handles(nvml, ids)]
    return sum(counts) / 1000 if counts and None not in counts else None


class EnergyMeter:
    """Counts what the GPUs of a run draw from here on, by their own counters.

    Args:
        ids: the GPUs; none on a CPU, whose energy is not counted.
    """

    def __init__(self, ids: Sequence[str]) -> None:
        self.ids, self.began_j = ids, energy_j(ids) if ids else None

    @property
    def spent_j(self) -> float | None:
        """Joules up to now; `None` where they cannot be counted."""
        now_j = energy_j(self.ids) if self.began_j is not None else None
        return None if now_j is None or self.began_j is None else round(now_j - self.began_j, 3)


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


def _handles(nvml: Any, ids: Sequence[str]) -> list[Any]:
    found = []
    for name in ids:
        try:
            found.append(nvml.nvmlDeviceGetHandleByUUID(name))
        except nvml.NVMLError:
            continue  # gone, or a MIG slice that only its own driver's version of NVML knows
    return found


def _gauge(nvml: Any, handle: Any) -> Gauge:
    index = _ask(nvml, nvml.nvmlDeviceGetIndex, handle)
    memory = _ask(nvml, nvml.nvmlDeviceGetMemoryInfo, handle)
    load = _ask(nvml, nvml.nvmlDeviceGetUtilizationRates, handle)
    power = _ask(nvml, nvml.nvmlDeviceGetPowerUsage, handle)
    return Gauge(
        index=-1 if index is None else int(index),
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
