"""Open a file of records: the whole of its text, or an error that says what to do."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from probatum.errors import DataError


def load_text(path: Path) -> str:
    """Read a text file as UTF-8, with or without a byte order mark.

    Bytes that are not UTF-8 become lone surrogates, so that the record with them can be named and the others kept.

    Raises:
        DataError: there is no such file, it is a folder, it is empty, it is UTF-16, or it cannot be read.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file{_near(path)}") from error
    except IsADirectoryError as error:
        raise DataError(f"{path}: a folder; name one file of posts in it{_files_in(path)}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{path}: UTF-16 text; save it as UTF-8")
    text = raw.decode("utf-8", errors="surrogateescape").removeprefix("\ufeff")
    if not text.strip():
        raise DataError(f"{path}: the file is empty")
    return text


def _near(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; there is no folder {path.parent} either"
    names = sorted(item.name for item in path.parent.iterdir())
    near = get_close_matches(path.name, names, n=3)
    return f"; did you mean {', '.join(near)}?" if near else f"{_files_in(path.parent)}"


def _files_in(folder: Path) -> str:
    names = sorted(item.name for item in folder.iterdir() if item.is_file())
    if not names:
        return f"; {folder} holds no files"
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"; {folder} holds {', '.join(names[:5])}{more}"
