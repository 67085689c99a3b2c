"""A text that takes seconds to make, kept between processes in the user's cache folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from probatum.artifacts import write_text_atomic


def kept(name: str, make: Callable[[], str], folder: Path | None = None) -> str:
    """Return a text from the cache folder; where it is not there whole, make it and keep it.

    The first line of the file is the SHA-256 of the rest, so that a damaged file is made again. A folder that cannot
    be read or written costs time, never the text.

    Args:
        name: of the file; it changes with whatever the text depends on.
        make: makes the text.
        folder: where it is kept [default: `cache_folder()`].
    """
    with suppress(OSError, RuntimeError):  # RuntimeError: a user without a home
        folder = folder or cache_folder()
        text = _whole(folder / name)
        if text is not None:
            return text
    text = make()
    if folder is not None:
        with suppress(OSError):
            write_text_atomic(folder / name, f"{_digest(text)}\n{text}")
    return text


def cache_folder() -> Path:
    """Return where this user's programs keep what they can make again (XDG base directories 0.8; macOS: Library)."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "probatum"
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".cache") / "probatum"


def _whole(path: Path) -> str | None:
    """Return what was kept, `None` where it is absent or damaged."""
    if not path.is_file():
        return None
    digest, _, text = path.read_bytes().decode("utf-8", "replace").partition("\n")
    return text if digest == _digest(text) else None


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
