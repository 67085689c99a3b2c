"""An option that takes all the values behind it, as `--against A B` does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from typer.core import TyperCommand

SPREAD = "--against"


class SpreadingCommand(TyperCommand):
    """A command whose `--against A B` means `--against A --against B`, which is all that click can read."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Spread the option's values before click reads them."""
        valued = [name for param in self.params if not getattr(param, "is_flag", True) for name in param.opts]
        return super().parse_args(ctx, spread(args, valued))


def spread(args: Sequence[str], valued: Iterable[str]) -> list[str]:
    """Repeat `--against` before each value that follows one, up to the next option.

    Args:
        args: what stands behind the verb.
        valued: the options that take a value, so that it is not held for a file.

    Returns:
        The same with the option repeated. Where no file stands anywhere else, the first value alone is the option's and
        the rest are the files.
    """
    takes_value = set(valued)
    plain: list[str] = []
    runs: list[list[str]] = []
    num_files, at = 0, 0
    while at < len(args):
        arg = args[at]
        at += 1
        if arg == "--":
            num_files += len(args) - at
            plain += [arg, *args[at:]]
            break
        if arg == SPREAD:
            start = at
            while at < len(args) and not args[at].startswith("-"):
                at += 1
            runs.append(list(args[start:at]))
            continue
        plain.append(arg)
        if arg in takes_value and at < len(args):
            plain.append(args[at])
            at += 1
        else:
            num_files += not arg.startswith("-")
    if not all(runs):
        return list(args)  # an option without a value: click says so
    files = [value for run in runs for value in run[1:]] if not num_files else []
    kept = [value for run in runs for value in (run if num_files else run[:1])]
    return [*(part for value in kept for part in (SPREAD, value)), *files, *plain]
