"""What tells the processes of a crew that one of them is gone, and carries the leader's orders.

Every follower holds a socket to the leader. The kernel closes it with its process, so a death is known at once, also
where the others wait in a GPU's queue for numbers that will never come; a collective's timeout would take minutes.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import selectors
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from probatum.errors import CrewError, ProbatumError

CONNECT_S = 120.0  # for followers, which have nothing else to do then
GRACE_S = 3.0  # for the leader's main thread to end by itself, with its manifest in order
TOLD_GRACE_S = 1.0  # an error that all processes meet is the leader's own to tell
LOSS_S = 3.0  # for a follower's end to be noticed once a collective has failed for it
SHOWN_LINES = 15
ORPHANED = 4


@dataclass(frozen=True)
class Member:
    """A process of a crew, as people know it.

    Attributes:
        rank: its number; the leader is 0.
        gpu: its GPU's name, empty on a CPU.
        device: which GPU that is, as in CUDA_VISIBLE_DEVICES.
        pid: its process.
    """

    rank: int
    gpu: str
    device: str
    pid: int

    def __str__(self) -> str:
        place = f"GPU {self.device}" if self.gpu else "on the CPU"
        return f"rank {self.rank} ({place}, process {self.pid})"


class LeaderLine:
    """The leader's ends of all sockets, and the thread that watches them.

    Args:
        folder: gets the socket, and holds what followers print.
        members: the whole crew.
        command: what goes on with the run.
    """

    def __init__(self, folder: Path, members: list[Member], command: str) -> None:
        self.folder, self.members, self.command = folder, members, command
        self.loss: CrewError | None = None
        self.stopping = False
        self.lost, self.over = threading.Event(), threading.Event()
        self.parent = os.getppid()
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(socket_of(folder))
        self.server.listen(len(members))
        self.followers: dict[int, socket.socket] = {}
        self.told: dict[int, TextIO] = {}

    def connect(self) -> None:
        """Wait for every follower, then begin to watch.

        Raises:
            CrewError: one did not come; all were alive a moment ago.
        """
        self.server.settimeout(CONNECT_S)
        try:
            while len(self.followers) < len(self.members) - 1:
                self._accept()
        except TimeoutError as error:
            missing = [str(member) for member in self.members[1:] if member.rank not in self.followers]
            text = f"{', '.join(missing)} of {len(self.members)} did not connect within {CONNECT_S:g} s"
            raise CrewError(text, self.command) from error
        finally:
            self.server.close()
        signal.signal(signal.SIGTERM, self._stop)
        threading.Thread(target=self._watch, daemon=True).start()

    def _accept(self) -> None:
        connection, _ = self.server.accept()
        connection.settimeout(CONNECT_S)
        lines = connection.makefile()
        try:
            rank = json.loads(lines.readline())
        except TimeoutError:
            lines.close()
            connection.close()
            raise
        connection.settimeout(None)
        self.followers[rank], self.told[rank] = connection, lines

    def order(self, order: list[Any]) -> None:
        """Send an order to every follower; one that is gone is noticed by the watch."""
        line = (json.dumps(order) + "\n").encode()
        for connection in self.followers.values():
            try:
                connection.sendall(line)
            except OSError:
                continue

    def loss_behind(self, error: BaseException) -> CrewError | None:
        """Return the loss of a follower that an error here comes from, `None` if it has other reasons."""
        if not isinstance(error, RuntimeError) or isinstance(error, ProbatumError):
            return None
        self.lost.wait(LOSS_S)
        return self.loss

    def close(self) -> None:
        """End the watch: from now on followers may go."""
        self.over.set()

    def wait_for_followers(self, timeout_s: float) -> None:
        """Wait until every follower has gone, or the time is over."""
        for connection in self.followers.values():
            connection.settimeout(timeout_s)
            try:
                connection.recv(1)
            except OSError:
                continue

    def _watch(self) -> None:
        selector = selectors.DefaultSelector()
        for rank, connection in self.followers.items():
            selector.register(connection, selectors.EVENT_READ, rank)
        while not self.over.is_set():
            for key, _ in selector.select(timeout=1):
                if not self.over.is_set():
                    self._lose(key.data, self.told[key.data].readline())
                return
            if os.getppid() != self.parent:
                self._end(CrewError("the process that started this crew is gone", self.command))
                return

    def _lose(self, rank: int, told: str) -> None:
        if told:
            text, code = json.loads(told)
        else:
            text, code = self._last_words(rank), CrewError.exit_code
        loss = CrewError(f"{self.members[rank]} of {len(self.members)} failed: {text}", self.command, code)
        self._end(loss, TOLD_GRACE_S if told else 0)

    def _end(self, loss: CrewError, grace_s: float = 0) -> None:
        """Raise the loss in the main thread; where that waits for the dead inside of C, end the process from here."""
        self.loss = loss
        self.lost.set()
        if self.over.wait(grace_s):
            return
        os.kill(os.getpid(), signal.SIGTERM)
        if not self.over.wait(GRACE_S):
            print(f"error: {loss}", file=sys.stderr, flush=True)  # noqa: T201  # the main thread holds the console
            os._exit(loss.exit_code)

    def _last_words(self, rank: int) -> str:
        try:
            words = printed_by(self.folder, rank).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            words = ""
        if not words:
            return "it was killed, and left no word (the kernel's log tells if main memory ran out)"
        return "it ended without a reason; its last lines:\n" + "\n".join(words.splitlines()[-SHOWN_LINES:])

    def _stop(self, *_: Any) -> None:
        """On SIGTERM: raise the loss, if that is why it came, else end."""
        if self.over.is_set() or self.stopping:  # torchrun sends one too, which must not raise a second time
            return
        self.stopping = True
        if self.lost.wait(TOLD_GRACE_S) and self.loss is not None:
            raise self.loss
        raise SystemExit(128 + signal.SIGTERM)


class FollowerLine:
    """A follower's end of its socket: orders come in, an error goes out, and the leader's end is the follower's.

    Args:
        folder: where the leader's socket is.
        rank: this follower.
        on_end: called when the leader is gone.
    """

    def __init__(self, folder: Path, rank: int, on_end: Callable[[], None]) -> None:
        self.orders: queue.SimpleQueue[list[Any]] = queue.SimpleQueue()
        self.on_end = on_end
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(socket_of(folder))
        self.socket.sendall(f"{rank}\n".encode())
        threading.Thread(target=self._read, daemon=True).start()

    def next_order(self) -> list[Any]:
        """Wait for an order, however long the leader works on its own."""
        return self.orders.get()

    def tell(self, text: str, exit_code: int) -> None:
        """Tell the leader what went wrong here."""
        try:
            self.socket.sendall((json.dumps([text, exit_code]) + "\n").encode())
        except OSError:
            return

    def _read(self) -> None:
        """Pass orders on until the leader is gone."""
        begun = b""
        with contextlib.suppress(OSError):  # a leader that was killed can leave its end in disorder
            while received := self.socket.recv(4096):
                *lines, begun = (begun + received).split(b"\n")
                for line in lines:
                    self.orders.put(json.loads(line))
        self.on_end()


def socket_of(folder: Path) -> str:
    """Return the address of the leader's socket; nobody else may enter the folder."""
    return str(folder / "leader")


def printed_by(folder: Path, rank: int) -> Path:
    """Return the file that holds what a follower prints."""
    return folder / f"rank{rank}.txt"
