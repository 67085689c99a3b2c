"""Probatum: fine-tune a language model on labelled posts and get a verdict that holds up."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Run", "Study", "Verdict", "__version__", "run"]

if TYPE_CHECKING:
    from probatum.pipeline import Run, run
    from probatum.study import Study
    from probatum.verdict.results import Verdict

_HOMES = {
    "Run": "probatum.pipeline",
    "run": "probatum.pipeline",
    "Study": "probatum.study",
    "Verdict": "probatum.verdict.results",
}


def __getattr__(name: str) -> Any:
    """Import the public names at first use, so that `probatum --help` stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module 'probatum' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
