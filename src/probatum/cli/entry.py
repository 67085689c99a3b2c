"""Where a process begins: errors become one message and an exit code."""

from __future__ import annotations

import os
import sys
import traceback

from probatum.cli.app import app, console, errors, print_json
from probatum.crew.launch import is_follower, is_member
from probatum.errors import ProbatumError


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
        app()
    except ProbatumError as error:
        if "--json" in sys.argv and not is_follower():  # a program reads standard output, also when there is an error
            print_json({"error": str(error), "exit_code": error.exit_code})
        errors.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        return error.exit_code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception:  # Python itself would exit with 1, which means rejected
        traceback.print_exc()
        return ProbatumError.exit_code
    return 0
