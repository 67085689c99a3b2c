"""The application, its consoles, and how it prints."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console

from probatum import __version__
from probatum.errors import InputError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Fine-tune a language model on labelled posts and get a verdict that holds up.\n\n"
    "Begin with [bold]probatum demo[/bold]. Exit codes: 0 accepted or done, 1 rejected, 2 the input is wrong, "
    "3 inconclusive, 4 anything else.",
)
console = Console(emoji=False)
errors = Console(stderr=True, emoji=False)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="print the version and leave", is_eager=True)] = False,
) -> None:
    """Answer --version."""
    if show:
        console.print(__version__)
        raise typer.Exit


def refuse_flags(given: dict[str, Any], why: str) -> None:
    """Refuse flags that would be ignored.

    Raises:
        InputError: one of them was given.
    """
    if wrong := [f"--{name.replace('_', '-')}" for name, value in given.items() if value]:
        raise InputError(f"{' and '.join(wrong)}: not for this; {why}")


def print_json(value: Any) -> None:
    """Print what a program reads."""
    print(json.dumps(value, indent=2, ensure_ascii=False))  # noqa: T201  # programs want no console's wrapping


def say(line: str) -> None:
    """Print a line as it is: a path stays whole for copying."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def say_next(command: str) -> None:
    """Print the command that a user would type next."""
    say(f"next: {command}")
