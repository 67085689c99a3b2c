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
def quiet() -> Iterator[None]:
    """Silence known notices and everything below an error from the libraries under us."""
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for message in _NOTICES:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
