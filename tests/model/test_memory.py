"""Free memory, from the files in which Linux tells it."""

import sys

import pytest
import torch

from probatum.model.memory import CONTEXT_BYTES, Peak, enforce_limit, free_bytes, free_host_bytes

MIB = 2**20


@pytest.fixture
def machine(tmp_path):
    """Write the files of a machine; returns its root."""

    def make(available_mib=1000, own="/a/b", **groups):
        files = {"proc/self/cgroup": f"0::{own}\n"}
        if available_mib is not None:
            files["proc/meminfo"] = f"MemTotal: 9999999 kB\nMemFree: 1 kB\nMemAvailable: {available_mib * 1024} kB\n"
        for name, (limit, current_mib, cached_mib) in groups.items():
            folder = f"sys/fs/cgroup/{name.replace('_', '/')}"
            files[f"{folder}/memory.max"] = "max" if limit is None else str(limit * MIB)
            files[f"{folder}/memory.current"] = str(current_mib * MIB)
            files[f"{folder}/memory.stat"] = f"anon 5\ninactive_file {cached_mib * MIB}\n"
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return make


def test_what_is_available_not_what_is_free(machine):
    assert free_host_bytes(machine()) == 1000 * MIB


@pytest.mark.parametrize(
    ("groups", "left_mib"),
    [
        ({"a_b": (None, 10, 0)}, 1000),
        ({"a_b": (300, 100, 0)}, 200),
        ({"a_b": (300, 100, 60)}, 260),
        ({"a_b": (None, 10, 0), "a": (150, 100, 0)}, 50),
        ({"a_b": (5000, 10, 0)}, 1000),
        ({"a_b": (100, 130, 0)}, 0),
    ],
)
def test_the_narrowest_cgroup_counts(machine, groups, left_mib):
    assert free_host_bytes(machine(**groups)) == left_mib * MIB


def test_a_container_sees_its_own_cgroup_as_the_root(machine):
    root = machine(own="/")
    (root / "sys/fs/cgroup").mkdir(parents=True)
    (root / "sys/fs/cgroup/memory.max").write_text(str(70 * MIB))
    (root / "sys/fs/cgroup/memory.current").write_text("0\n")
    assert free_host_bytes(root) == 70 * MIB


def test_it_is_not_known_where_there_is_no_meminfo(machine):
    assert free_host_bytes(machine(available_mib=None)) is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads this machine's /proc")
def test_this_machine_has_some():
    assert free_bytes(torch.device("cpu")) > MIB


def test_a_gpu_is_asked_itself(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (7, 9))
    assert free_bytes(torch.device("cuda")) == 7


def test_a_limit_bounds_what_is_free(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (70 * 10**9, 80 * 10**9))
    gpu = torch.device("cuda")
    assert free_bytes(gpu, None) == free_bytes(gpu, 79 * 10**9) == 70 * 10**9
    assert free_bytes(gpu, 40 * 10**9) == 40 * 10**9 - CONTEXT_BYTES
    assert free_bytes(gpu, 5) == 0
    monkeypatch.setattr("probatum.model.memory.free_host_bytes", lambda: 1000)
    cpu = torch.device("cpu")
    assert [free_bytes(cpu, limit) for limit in (None, 500, 5000)] == [1000, 500, 1000]
    monkeypatch.setattr("probatum.model.memory.free_host_bytes", lambda: None)
    assert [free_bytes(cpu, limit) for limit in (None, 500)] == [None, 500]


def test_a_limit_is_kept_by_pytorch_on_a_gpu_alone(monkeypatch):
    shares = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (1, 100 * 2**30))
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", shares.append)
    for kind, limit in (("cuda", 51 * 2**30), ("cuda", None), ("cpu", 51 * 2**30), ("cuda", 500 * 2**30)):
        enforce_limit(torch.device(kind), limit)
    assert shares == [0.5, 1.0, 1.0]


def test_a_cpu_has_a_prediction_and_no_peak():
    assert Peak(torch.device("cpu"), 7).facts() == {"predicted_peak_bytes": 7}


def test_processes_of_a_crew_share_the_main_memory(monkeypatch):
    monkeypatch.setattr("probatum.model.memory.free_host_bytes", lambda: 1000 * MIB)
    cpu = torch.device("cpu")
    assert free_bytes(cpu, sharers=4) == free_bytes(cpu, 900 * MIB, sharers=4) == 250 * MIB
    assert free_bytes(cpu, 100 * MIB, sharers=4) == 100 * MIB
