"""Start a run that outlives its terminal."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from probatum.artifacts import short_path
from probatum.errors import StageError
from probatum.manifest import RunFolder
from probatum.watch.status import is_held

LOG = "run.log"
POLL_S = 0.1
BEGIN_S = 60.0  # to import everything and take the run folder


@dataclass(frozen=True)
class Detached:
    """A run that was started.

    Attributes:
        pid: of its process, which leads a session and a process group of its own.
        log: what it prints.
        code: its exit code, if it ended before it took its run folder.
    """

    pid: int
    log: Path
    code: int | None


def detach(arguments: Sequence[str], folder: RunFolder) -> Detached:
    """Start `probatum ARGUMENTS` in a session of its own, and wait until it has taken its run folder.

    It has no terminal that could hang up, and ignores the signal for it (SIGHUP) from its first instruction on. Its
    input is empty; what it prints is appended to `run.log` in the run folder.

    Args:
        arguments: the command line.
        folder: the run folder that it will use.

    Raises:
        StageError: a process works in that folder already.
    """
    lock = folder.path / ".lock"
    if lock.is_file() and is_held(lock):
        raise StageError(
            f"{folder.path}: another process works in this run folder; "
            f"look with `probatum status {shlex.quote(short_path(folder.path))}`, or choose another with --out"
        )
    folder.path.mkdir(parents=True, exist_ok=True)
    log, began = folder.path / LOG, time.time()
    # A program inherits what its starter ignores. Ctrl-C must stop it even where a shell's & had ignored that.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "probatum", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + BEGIN_S
    while (code := process.poll()) is None and time.monotonic() < deadline:
        if _began(folder) >= began:
            break
        time.sleep(POLL_S)
    return Detached(process.pid, log, code)


def _began(folder: RunFolder) -> float:
    """Return when the last process took the folder (seconds since 1970), 0 if none ever did.

    Read from the manifest: asking the lock again and again could come between it and the process that wants it.
    """
    try:
        return float(json.loads(folder.manifest.read_text(encoding="utf-8"))["process"]["started"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0
