"""A process that is gone is told of at once, also where the leader waits inside of C."""

import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from probatum.crew.lifeline import LeaderLine, Member, socket_of
from probatum.errors import CrewError

SRC = Path(__file__).parents[2] / "src"
LEADER = """
    import ctypes, os, sys
    from pathlib import Path
    from probatum.errors import CrewError
    from probatum.crew.lifeline import FollowerLine, LeaderLine, Member, printed_by
    folder = Path(sys.argv[1])
    members = [Member(rank, "H200", str(rank), 100 + rank) for rank in range(2)]
    line = LeaderLine(folder, members, "probatum run study.yaml --gpus 2")
    if os.fork() == 0:
        follower = FollowerLine(folder, 1, lambda: os._exit(0))
        follower.next_order()
        printed_by(folder, 1).write_text("NCCL WARN the link is down")
        {end}
        os._exit(9)
    line.connect()
    mutex = ctypes.create_string_buffer(64)
    try:
        line.order(["score", "baseline"])
        while True:
            ctypes.CDLL(None).pthread_mutex_lock(mutex)  # the second time it waits for ever, deaf to signals
    except CrewError as error:  # the follower was gone before this one waited
        print("error:", error, file=sys.stderr)
        sys.exit(error.exit_code)
"""


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        ("pass", 4, "rank 1 (GPU 1, process 101) of 2 failed: it ended without a reason; its last lines:\nNCCL WARN"),
        ("follower.tell('no such model', 2)", 2, "rank 1 (GPU 1, process 101) of 2 failed: no such model"),
    ],
)
def test_a_leader_that_waits_for_the_dead_ends(tmp_path, end, code, said):
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LEADER.format(end=end)), str(tmp_path)],
        env={"PYTHONPATH": str(SRC)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith(f"error: {said}")
    assert done.stderr.endswith("what it finished is kept; to go on: probatum run study.yaml --gpus 2\n")
    assert time.monotonic() - began < 15


def test_a_follower_that_does_not_connect_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("probatum.crew.lifeline.CONNECT_S", 0.1)
    members = [Member(rank, "H200", str(rank), 100 + rank) for rank in range(3)]
    line = LeaderLine(tmp_path, members, "probatum run study.yaml --gpus 3")
    with socket.socket(socket.AF_UNIX) as silent:  # it connects, and never says who it is
        silent.connect(socket_of(tmp_path))
        with pytest.raises(
            CrewError, match=r"^rank 1 \(GPU 1, process 101\), rank 2 .* of 3 did not connect within 0.1 s"
        ):
            line.connect()
    assert line.server.fileno() == -1
