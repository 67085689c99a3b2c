"""Keep what other libraries print about themselves off the terminal."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from typing import Any

# transformers 5.23 deprecates a name that 5.17 and PEFT still use; a CPU has nothing to pin.
_NOTICES = (".*gradient_checkpointing.*is deprecated.*", ".*pin_memory.*")
LOADING = "Loading weights"  # what transformers calls its bar
_LOGGERS = ("transformers", "huggingface_hub", "peft", "accelerate")


@contextmanager
def quiet() -> Iterator[None]:
    """Silence known notices, bars, and everything below an error from the libraries under us."""
    from transformers.utils import logging as transformers_logging

    had_bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for message in _NOTICES:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        if had_bars:
            transformers_logging.enable_progress_bar()
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def counted(report: Callable[[int, int], None]) -> Iterator[None]:
    """Tell how far transformers is with reading weights, in place of its bar.

    Its bar would not be seen: a bar of ours is on the terminal at that time and takes what is written to it.

    Args:
        report: told how many tensors are read, and of how many.
    """
    from transformers.utils.logging import set_tqdm_hook

    def follow(bar: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if options.get("desc") == LOADING and arguments and isinstance(arguments[0], Sized):
            return _count(arguments[0], report)
        return bar(*arguments, **options)

    before = set_tqdm_hook(follow)
    try:
        yield
    finally:
        set_tqdm_hook(before)


def _count(items: Any, report: Callable[[int, int], None]) -> Iterator[Any]:
    report(0, len(items))
    for number, item in enumerate(items, start=1):
        yield item
        report(number, len(items))
