"""Where a process begins: errors become one message and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Any

import typer

from probatum.cli.app import app, console, errors, print_json
from probatum.crew.launch import is_follower, is_member
from probatum.errors import ProbatumError

# An unknown flag or a missing argument: click's, of which newer versions of typer bring a copy of their own.
UsageError: Any = typer.BadParameter.__mro__[1]


def main() -> None:
    """Run the command line; errors that a user can meet become one message and an exit code."""
    # Threads that wait by spinning make two busy processes on two cores five times slower; PyTorch reads this once.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if not is_member():
        sys.exit(_exit_code())
    console.quiet = errors.quiet = is_follower()
    code = _exit_code()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a process group whose other processes are gone may wait for them while Python ends


def _exit_code() -> int:
    try:
        return app(standalone_mode=False) or 0
    except UsageError as error:
        _tell_program(error.format_message(), error.exit_code)
        error.show()
        return error.exit_code
    except ProbatumError as error:
        _tell_program(str(error), error.exit_code)
        errors.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        return error.exit_code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception as error:  # Python itself would exit with 1, which means rejected
        _tell_program(f"{type(error).__name__}: {error}", ProbatumError.exit_code)
        traceback.print_exc()
        return ProbatumError.exit_code


def _tell_program(error: str, exit_code: int) -> None:
    """Print an error as JSON where a program reads standard output, so that it is never empty."""
    if "--json" in sys.argv and not is_follower():
        print_json({"error": error, "exit_code": exit_code})
