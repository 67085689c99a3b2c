"""Every error a user can meet.

ProbatumError
├── InputError (ValueError)         exit code 2: what the user gave is wrong
│   ├── StudyError                  the study file
│   ├── DataError                   a file of posts or predictions
│   ├── PromptError                 a strategy, a template, or a prompt that cannot be rendered
│   └── ModelError                  a model or adapter that cannot be found or loaded
└── StageError (RuntimeError)       exit code 4: a stage of a run failed
    ├── TrainingError               training cannot go on (NaN, no gradient, out of memory)
    └── CrewError                   one of several processes failed
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class ProbatumError(Exception):
    """The root: what failed, what was given, what is allowed, and what to do next."""

    exit_code = 4


class InputError(ProbatumError, ValueError):
    """What the user gave is wrong."""

    exit_code = 2


class StudyError(InputError):
    """The study file is wrong."""


class DataError(InputError):
    """A file of posts or predictions is wrong."""


class PromptError(InputError):
    """A strategy or template is wrong, or a prompt cannot be rendered."""


class ModelError(InputError):
    """A model, tokenizer or adapter cannot be found or loaded."""


class StageError(ProbatumError, RuntimeError):
    """A stage of a run failed."""


class TrainingError(StageError):
    """Training cannot go on."""


class CrewError(StageError):
    """One of the processes that share a run failed.

    Args:
        text: which, and what it said.
        command: what goes on with the run.
        exit_code: that of the process's own error.
    """

    def __init__(self, text: str, command: str, exit_code: int = StageError.exit_code) -> None:
        super().__init__(f"{text}\nthe run has ended, what it finished is kept; to go on: {command}")
        self.exit_code = exit_code


def did_you_mean(given: str, allowed: Iterable[str]) -> str:
    """Name the nearest allowed value, or list them all.

    Args:
        given: what the user wrote.
        allowed: every valid value.

    Returns:
        A sentence to append to an error message.
    """
    choices = sorted(allowed)
    near = get_close_matches(given, choices, n=1)
    return f"did you mean {near[0]!r}?" if near else "allowed: " + ", ".join(choices)
