"""The command line as tests call it: in this process, or as a process of its own where that is what a test is about."""

import contextlib
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from probatum import cli

SRC = Path(__file__).parents[1] / "src"
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(SRC), os.environ.get("PYTHONPATH", "")]),
    "COLUMNS": "80",
    "OMP_WAIT_POLICY": "PASSIVE",
}
SECONDS = 500


@dataclass(frozen=True)
class Ended:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


def run(*arguments, cwd=".", **environment):
    """Run `probatum ARGUMENTS` in this process, in a folder and with more environment; PyTorch is loaded once for all.

    What libraries read of the environment when they are imported needs `run_apart`.
    """
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(cwd),
        patch.dict(os.environ, ENVIRONMENT | environment),
        patch.object(sys, "argv", ["probatum", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            cli.main()
        except SystemExit as left:
            return Ended(int(left.code or 0), out.getvalue(), err.getvalue())
    raise AssertionError("the command line always leaves with an exit code")


def run_apart(*arguments, cwd=".", before=("-m", "probatum"), **environment):
    """Run `probatum ARGUMENTS` as a process of its own; `before` may name other code that leads to it."""
    done = subprocess.run(
        [sys.executable, *before, *map(str, arguments)],
        cwd=cwd, env=ENVIRONMENT | environment, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


def start(*arguments, **options):
    """Start `probatum ARGUMENTS` as a process of its own, for a test that will kill it."""
    command = [sys.executable, "-m", "probatum", *map(str, arguments)]
    return subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def printed(*arguments, cwd=".", code=0, **environment):
    """Run `probatum ARGUMENTS` in this process, see it end with this code, and return what it printed."""
    done = run(*arguments, cwd=cwd, **environment)
    assert done.code == code, f"exit code {done.code}\n{done.out}\n{done.err}"
    return done.out
