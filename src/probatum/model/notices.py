"""Keep what other libraries print about themselves off the terminal."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# transformers 5.23 deprecates a name that 5.17 and PEFT still use; a CPU has nothing to pin.
_NOTICES = (".*gradient_checkpointing.*is deprecated.*", ".*pin_memory.*")
_LOGGERS = ("transformers", "huggingface_hub", "peft", "accelerate")


@contextmanager
def quiet(*, bars: bool = False) -> Iterator[None]:
    """Silence known notices and everything below an error from the libraries under us.

    Args:
        bars: let transformers draw its progress bars, as for weights that take minutes to load.
    """
    from transformers.utils import logging as transformers_logging

    had_bars = transformers_logging.is_progress_bar_enabled()
    if not bars:
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
