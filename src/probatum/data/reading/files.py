"""Open a file of records: the whole of its text, or an error that says what to do."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from probatum.errors import DataError

EXPORT = "save it as CSV, JSON or JSON lines, in UTF-8"
BINARY = {
    b"\xff\xfe": ("UTF-16", "save it as UTF-8"),
    b"\xfe\xff": ("UTF-16", "save it as UTF-8"),
    b"\x1f\x8b": ("compressed with gzip", "unpack it first (gunzip)"),
    b"PK\x03\x04": ("a ZIP archive or an Excel file", f"unpack it, or {EXPORT}"),
    b"PAR1": ("a Parquet file", EXPORT),
    b"BZh": ("compressed with bzip2", "unpack it first (bunzip2)"),
    b"\xfd7zXZ": ("compressed with xz", "unpack it first (unxz)"),
    b"\x28\xb5\x2f\xfd": ("compressed with zstd", "unpack it first (unzstd)"),
}
SEEN, MOST_NULLS = 4096, 0.02  # so many null bytes at the beginning are no hostile post, but another format


def load_text(path: Path) -> str:
    """Read a text file as UTF-8, with or without a byte order mark.

    Bytes that are not UTF-8 become lone surrogates, so that the record with them can be named and the others kept.

    Raises:
        DataError: there is no such file, it is a folder, it is empty, it is no UTF-8 text, or it cannot be read.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file{_near(path)}") from error
    except IsADirectoryError as error:
        raise DataError(f"{path}: a folder; name one file of posts in it{_files_in(path)}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    _refuse_other_formats(path, raw)
    text = raw.decode("utf-8", errors="surrogateescape").removeprefix("\ufeff")
    if not text.strip():
        raise DataError(f"{path}: the file is empty")
    return text


def _refuse_other_formats(path: Path, raw: bytes) -> None:
    """Refuse what is no text, told by its first bytes, before it is read as one long column name."""
    for start, (what, to_do) in BINARY.items():
        if raw.startswith(start):
            raise DataError(f"{path}: {what}, not UTF-8 text; {to_do}")
    if raw[:SEEN].count(0) > MOST_NULLS * SEEN:
        raise DataError(f"{path}: not UTF-8 text, but full of null bytes; {EXPORT}")


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
