"""Start a command line once for every GPU, and end it as one."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from probatum.errors import CrewError

POLL_S = 0.1
END_S = 15.0  # for the others to end by themselves once one has
MEMBER = ("RANK", "LOCAL_RANK", "WORLD_SIZE")  # what torchrun tells its processes

Process = subprocess.Popen[bytes]


def is_member() -> bool:
    """Whether this process was started as one of several, by `launch` or by torchrun."""
    return all(name in os.environ for name in MEMBER) and os.environ["WORLD_SIZE"] != "1"


def is_follower() -> bool:
    """Whether this process was started as one of several and is not the first."""
    return is_member() and os.environ["RANK"] != "0"


def launch(arguments: Sequence[str], size: int) -> int:
    """Run `probatum ARGUMENTS` in `size` processes of this machine, with the environment that torchrun gives.

    Torch's elastic launcher would take the exit codes 1 (rejected) and 3 (inconclusive) for crashes.

    Args:
        arguments: the command line.
        size: processes, one for each GPU.

    Returns:
        The leader's exit code.

    Raises:
        CrewError: a process could not be started, the leader was killed, or a follower ended before the crew was
            complete.
    """
    threads = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // size))}  # unless the user says otherwise
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
    shared = threads | os.environ | place | {"WORLD_SIZE": str(size), "LOCAL_WORLD_SIZE": str(size)}
    command = [sys.executable, "-m", "probatum", *arguments]
    told = shlex.join(["probatum", *arguments])
    members: list[Process] = []
    try:
        for rank in range(size):
            members.append(_start(command, shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}))
        with _forwarding_signals(members[0]):
            return _wait(members, told)
    except OSError as error:
        raise CrewError(f"rank {len(members)} of {size} could not be started ({error.strerror})", told) from error
    finally:
        _end(members)


def _start(command: Sequence[str], environment: dict[str, str]) -> Process:
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        process_group=0,  # so that a terminal's Ctrl-C comes once, from here, and to the leader alone
    )


def _wait(members: Sequence[Process], command: str) -> int:
    leader, *followers = members
    failed_s: float | None = None
    while (code := leader.poll()) is None:
        time.sleep(POLL_S)
        if failed_s is None and any(follower.poll() for follower in followers):
            failed_s = time.monotonic()
        if failed_s is not None and time.monotonic() - failed_s > END_S:  # the leader itself tells within seconds
            rank, failed = next((rank, one) for rank, one in enumerate(members) if one.poll())
            raise CrewError(f"rank {rank} of {len(members)} ended with {failed.returncode}", command)
    if code < 0:
        raise CrewError(f"rank 0 of {len(members)} was killed ({signal.Signals(-code).name})", command)
    return code


def _end(members: Sequence[Process]) -> None:
    """Wait for every process to end; kill those that do not."""
    if members and members[0].poll() is None:
        members[0].kill()
    deadline = time.monotonic() + END_S
    for member in members:
        try:
            member.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            member.kill()
            member.wait()


@contextmanager
def _forwarding_signals(leader: Process) -> Iterator[None]:
    """Hand Ctrl-C and SIGTERM on to the leader, which ends the others."""

    def forward(number: int, _: Any) -> None:
        leader.send_signal(number)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
