"""A folder of files that Probatum may write again, because it knows that it wrote them: nobody's work is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from probatum.artifacts import sha256_file, write_json_atomic
from probatum.errors import DataError

LISTING = "prepared.json"


class WrittenFiles:
    """The files that `prepare` wrote to a folder, by the SHA-256 that it left them with, kept in `prepared.json`.

    Args:
        folder: where they are; it need not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hashes = _read(folder / LISTING)

    def ours(self, name: str) -> bool:
        """Whether a file is as it was left."""
        path = self.folder / name
        return not path.is_symlink() and path.is_file() and self.hashes.get(name) == sha256_file(path)

    def check(self, names: Iterable[str]) -> None:
        """See that files may be written.

        Raises:
            DataError: one is there and was not written by `prepare`, or was changed since.
        """
        for name in names:
            path = self.folder / name
            if (path.exists() or path.is_symlink()) and not self.ours(name):
                why = "was changed since prepare wrote it" if name in self.hashes else "was not written by prepare"
                raise DataError(f"{path}: {why} and would be overwritten; choose another --out, or move it away")

    def write(self, name: str, write: Callable[[Path], None]) -> Path:
        """Write a file and list it."""
        path = self.folder / name
        write(path)
        self._list(self.hashes | {name: sha256_file(path)})
        return path

    def forget(self, stale: Collection[str]) -> None:
        """Remove the listed files that are as they were left; those that somebody changed stay, and are his."""
        for name in sorted(set(stale) & self.hashes.keys()):
            if self.ours(name):
                (self.folder / name).unlink()
        self._list({name: digest for name, digest in self.hashes.items() if name not in stale})

    def _list(self, hashes: dict[str, str]) -> None:
        self.hashes = hashes
        write_json_atomic(self.folder / LISTING, {"files": hashes})


def refuse_inputs(folder: Path, names: Iterable[str], inputs: Iterable[Path]) -> None:
    """See that nothing that is read lies where something is written or removed; links are followed.

    Raises:
        DataError: an input does.
    """
    outputs = {(folder / name).resolve() for name in names}
    for path in inputs:
        if path.resolve() in outputs:
            raise DataError(f"{path}: is read, and lies where prepare would write; choose another --out than {folder}")


def _read(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8"))["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: no listing of prepare ({error!r}); choose another --out, or move it away") from error
