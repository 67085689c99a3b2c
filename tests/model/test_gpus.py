"""What NVML says, where there is one; and silence where there is none."""

from types import SimpleNamespace

import pynvml
import pytest

from probatum.model.gpus import EnergyMeter, energy_j, gauges


def test_without_gpus_nothing_is_asked():
    assert gauges([]) == []
    assert energy_j([]) is None
    assert EnergyMeter([]).spent_j is None


def has_nvml():
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return False
    pynvml.nvmlShutdown()
    return True


@pytest.mark.skipif(has_nvml(), reason="this machine has NVML")
def test_without_the_driver_nothing_is_known():
    assert gauges(["GPU-x"]) == []
    assert energy_j(["GPU-x"]) is None


@pytest.mark.gpu
@pytest.mark.skipif(not has_nvml(), reason="no NVML here")
def test_a_real_gpu_counts_its_energy():
    pynvml.nvmlInit()
    name = pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetHandleByIndex(0))
    (gauge,) = gauges([name])
    assert 0 < gauge.used_bytes <= gauge.total_bytes
    assert EnergyMeter([name]).spent_j >= 0


class Nvml(SimpleNamespace):
    """NVML's answers as an H200 gave them, with a second GPU that says little."""

    class NVMLError(Exception):
        pass

    joules = 13_383_548

    def nvmlInit(self):
        pass

    def nvmlShutdown(self):
        pass

    def nvmlDeviceGetHandleByUUID(self, name):
        if name not in ("GPU-a", "GPU-b"):
            raise self.NVMLError
        return name

    def answer(self, handle, value):
        if handle == "GPU-b":
            raise self.NVMLError
        return value

    def nvmlDeviceGetIndex(self, handle):
        return 0 if handle == "GPU-a" else 1

    def nvmlDeviceGetName(self, handle):
        return "NVIDIA H200"

    def nvmlDeviceGetMemoryInfo(self, handle):
        return self.answer(handle, SimpleNamespace(used=648347648, total=150754820096))

    def nvmlDeviceGetUtilizationRates(self, handle):
        return self.answer(handle, SimpleNamespace(gpu=100))

    def nvmlDeviceGetPowerUsage(self, handle):
        return self.answer(handle, 682649)

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):
        self.joules += 1000
        return self.answer(handle, self.joules)


@pytest.fixture
def nvml(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pynvml", Nvml())


def test_answers_become_gauges(nvml):
    first, second = gauges(["GPU-a", "GPU-gone", "GPU-b"])
    assert (first.index, first.name, first.load, first.watts) == (0, "NVIDIA H200", 1.0, 682.649)
    assert (first.used_bytes, first.total_bytes) == (648347648, 150754820096)
    assert (second.index, second.used_bytes, second.load, second.watts) == (1, None, None, None)


def test_energy_is_what_was_drawn_meanwhile(nvml):
    meter = EnergyMeter(["GPU-a"])
    assert meter.spent_j == pytest.approx(1.0)
    assert meter.spent_j == pytest.approx(2.0)


def test_one_gpu_that_cannot_count_leaves_the_whole_unknown(nvml):
    assert energy_j(["GPU-a", "GPU-b"]) is None
    assert EnergyMeter(["GPU-b"]).spent_j is None
