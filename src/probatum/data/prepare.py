"""Read one source, split it, and write the files that a study reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from probatum.artifacts import write_text_atomic
from probatum.data.labels import LabelSet
from probatum.data.normalise import normalise_text
from probatum.data.readers import DEFAULT_MARKER, OnError
from probatum.data.reading.columns import ColumnNames, PostColumns
from probatum.data.reading.faults import BadRecord
from probatum.data.reading.frames import Frame
from probatum.data.records import Post, write_jsonl, write_posts
from probatum.data.sources import Reading, source_named
from probatum.data.split import split
from probatum.data.strategy import strategy_yaml
from probatum.data.written import LISTING, WrittenFiles, refuse_inputs
from probatum.errors import DataError

NAMES = ("train.jsonl", "validation.jsonl", "test.jsonl", "skipped.jsonl", "prompt.yaml")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was written.

    Attributes:
        files: `train`, `validation`, `test`, `skipped`, `prompt` to the path written; only those that there are.
        counts: posts in each file written, `skipped` records, `overlap` posts of train and validation whose text stands
            in the test file too, and `limited` posts that `limit` left out.
        skipped: the records that could not be read.
        frame: what stood around every post, for ready prompts and chat files.
    """

    files: dict[str, Path]
    counts: dict[str, int]
    skipped: list[BadRecord] = field(default_factory=list)
    frame: Frame | None = None


def prepare(
    source: str,
    path: Path,
    out: Path,
    *,
    labels: LabelSet,
    test: Path | None = None,
    columns: ColumnNames | None = None,
    marker: str = DEFAULT_MARKER,
    validation_share: float = 0.15,
    test_share: float = 0.0,
    seed: int = 0,
    on_error: OnError = "stop",
    drop_overlap: bool = False,
    limit: int | None = None,
) -> Prepared:
    """Turn a source's file into `train.jsonl`, `validation.jsonl` and, where there is one, `test.jsonl`.

    Args:
        source: a name from `SOURCES`.
        path: the file to split.
        out: the folder to write to; what an earlier prepare wrote there, and nobody changed, is replaced or removed.
        labels: the task's labels.
        test: a second file of the same source, written whole as the test posts (default: the one that the source is
            published with, if it lies beside `path` and no `test_share` is asked for).
        columns: which columns hold what, for the source `files`.
        marker: in ready prompts, the text after which the answer stands.
        validation_share: share of the posts of `path` that validate, at least 0 and below 1.
        test_share: share of the posts of `path` that test; 0 with `test`.
        seed: of the split.
        on_error: on a bad record, stop, or skip it and count it.
        drop_overlap: take posts whose text stands in the test file out of train and validation.
        limit: keep at most so many posts of each file.

    Raises:
        DataError: a file or a share is wrong, a record is bad and `on_error` is stop, an input lies where something
            would be written, or a file there is not of an earlier prepare.
    """
    if test is None and not test_share:
        test = _published_test(source, path)
    shares = _shares(validation_share, test_share, test)
    refuse_inputs(out, (*NAMES, LISTING), [path] if test is None else [path, test])
    reading = Reading(labels, columns or PostColumns(), marker, on_error)
    read = source_named(source).read(path, reading)
    sides, skipped, overlap = split(read.posts, shares, seed), list(read.skipped), 0
    if test is not None:
        held_out = source_named(source).read(test, replace(reading, frame=read.frame))
        skipped += held_out.skipped
        apart = {side: without_texts_of(posts, held_out.posts) for side, posts in sides.items()}
        overlap = len(read.posts) - sum(map(len, apart.values()))
        sides = (apart if drop_overlap else sides) | {"test": held_out.posts}
        if not sides["train"]:
            raise DataError(f"{path}: every post stands in {test} too; nothing is left to train on")
    kept = {side: members[:limit] for side, members in sides.items()}
    files = _write(out, kept, skipped, strategy_yaml(read.frame, path.name) if read.frame else None)
    counts = {side: len(members) for side, members in kept.items()}
    limited = sum(map(len, sides.values())) - sum(counts.values())
    counts |= {"skipped": len(skipped), "overlap": overlap, "limited": limited}
    return Prepared(files, counts, skipped, read.frame)


def without_texts_of(posts: Sequence[Post], held_out: Sequence[Post]) -> list[Post]:
    """Return the posts whose normalised text stands in no held-out post."""
    texts = {normalise_text(post.text) for post in held_out}
    return [post for post in posts if normalise_text(post.text) not in texts]


def _published_test(source: str, path: Path) -> Path | None:
    name = source_named(source).test_file
    beside = path.with_name(name) if name else None
    return beside if beside is not None and beside != path and beside.is_file() else None


def _shares(validation: float, test_share: float, test: Path | None) -> dict[str, float]:
    if test is not None and test_share:
        raise DataError(f"give a test file or a test share, not both (found {test} and {test_share})")
    if not (validation >= 0 and test_share >= 0 and validation + test_share < 1):
        raise DataError(
            f"the shares of validation and test must be at least 0 and leave posts to train on, "
            f"found {validation} and {test_share}"
        )
    shares = {"train": 1 - validation - test_share, "validation": validation, "test": test_share}
    return {side: share for side, share in shares.items() if share}


def _write(
    out: Path, sides: dict[str, list[Post]], skipped: Sequence[BadRecord], strategy: str | None
) -> dict[str, Path]:
    """Write what there is and remove what an earlier prepare left under the same names."""
    writers = {side: (f"{side}.jsonl", partial(write_posts, posts=posts)) for side, posts in sides.items()}
    if skipped:
        writers["skipped"] = "skipped.jsonl", partial(write_jsonl, rows=[record.to_json() for record in skipped])
    if strategy is not None:
        writers["prompt"] = "prompt.yaml", partial(write_text_atomic, text=strategy)
    names = {name for name, _ in writers.values()}
    written = WrittenFiles(out)
    written.check(sorted(names))
    files = {kind: written.write(name, write) for kind, (name, write) in writers.items()}
    written.forget(set(NAMES) - names)
    return files
