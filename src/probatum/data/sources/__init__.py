"""Where posts come from: the published collections, one file each, and `files` for everything else."""

from __future__ import annotations

from pathlib import Path

from probatum.data.readers import ReadResult, read_posts
from probatum.data.sources import hatecheck, hatexplain, toxigen, unified
from probatum.data.sources.source import Reading, Source
from probatum.errors import DataError, did_you_mean


def read_files(path: Path, reading: Reading) -> ReadResult:
    """Read posts from a JSONL, JSON, CSV, ready-prompt or chat file with the user's own columns.

    Raises:
        DataError: the file cannot be used, or a record is bad and the user chose to stop.
    """
    return read_posts(path, reading.labels, reading.columns, reading.marker, reading.on_error, frame=reading.frame)


FILES = Source("files", "your own posts: JSONL, JSON, CSV, ready prompts or chat messages", "yours", read_files)

SOURCES: dict[str, Source] = {
    source.name: source for source in (unified.SOURCE, hatexplain.SOURCE, toxigen.SOURCE, hatecheck.SOURCE, FILES)
}


def source_named(name: str) -> Source:
    """Return a source by its name.

    Raises:
        DataError: there is none of that name.
    """
    if name not in SOURCES:
        raise DataError(f"no source {name!r}; {did_you_mean(name, SOURCES)}")
    return SOURCES[name]
