"""The posts of a study: its files read, split where there is no test, and cut down for a first try."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from probatum.data.normalise import normalise_text
from probatum.data.readers import read_posts
from probatum.data.reading.faults import BadRecord
from probatum.data.reading.frames import Frame
from probatum.data.records import Post
from probatum.data.split import split
from probatum.errors import DataError
from probatum.study import Study

SIDES = ("train", "validation", "test")
MOST_OVERLAP = 0.01  # share of the test posts that may stand in training without a doubt about the verdict


@dataclass(frozen=True)
class Gathered:
    """A study's posts.

    Attributes:
        sides: `train`, `validation` and `test` to their posts.
        skipped: records that could not be read, under `on_error: skip`.
        frame: what stood around every post, where the files hold whole prompts.
        notes: what a reader of the verdict should know about the data.
        doubts: what forbids to accept a model on these posts.
    """

    sides: dict[str, list[Post]]
    skipped: list[BadRecord] = field(default_factory=list)
    frame: Frame | None = None
    notes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def gather(study: Study) -> Gathered:
    """Read the posts that a study names.

    Without a test file, validation is split in two halves, stratified and seeded, and a note says so. Posts of the test
    that also stand in training stay where they are, counted in a note: the audit names them. Which posts are drawn
    hangs on `data.seed` alone, so that a study of training seeds is decided by the same posts.

    Raises:
        DataError: a file cannot be used, has a bad record (under `on_error: stop`), or is too small to split.
    """
    sides: dict[str, list[Post]] = {}
    skipped: list[BadRecord] = []
    notes: list[str] = []
    frame: Frame | None = None
    for side in SIDES:
        path: Path | None = getattr(study.data, side)
        if path is None:
            continue
        read = read_posts(
            path, study.task.label_set(), study.data.columns, study.data.marker, study.data.on_error, frame=frame
        )
        sides[side], frame = read.posts, frame or read.frame
        skipped += read.skipped
    if "test" not in sides:
        sides |= _halves(sides["validation"], study)
        notes.append(
            f"there is no test file: validation was split into {len(sides['validation'])} posts that choose "
            f"and {len(sides['test'])} that decide"
        )
    notes += _pooled(sides, study.task.positive)
    if skipped:
        notes.append(f"{len(skipped)} records could not be read and were skipped: see data/skipped.jsonl")
    doubts = []
    if study.limit is not None and any(len(posts) > study.limit for posts in sides.values()):
        sides = {side: sample(posts, study.limit, study.data.seed) for side, posts in sides.items()}
        doubts.append(
            f"this was a first try on {study.limit} posts of each file; to decide, run it without limit: in the study "
            "and without --limit"
        )
    overlap = _overlap(sides)
    if overlap > MOST_OVERLAP * len(sides["test"]):
        doubts.append(f"{_overlap_told(overlap, sides)}: a model that has seen them is not tested by them")
    elif overlap:
        notes.append(_overlap_told(overlap, sides))
    return Gathered(sides, skipped, frame, notes, doubts)


def _pooled(sides: dict[str, list[Post]], positive: str) -> list[str]:
    """Say which labels are one in every figure, where more than one is not the positive label."""
    counts = Counter(post.label for posts in sides.values() for post in posts if post.label != positive)
    if len(counts) < 2:
        return []
    return [
        f"labels that count as not {positive}: {', '.join(f'{label} ({n:,})' for label, n in counts.most_common())}"
    ]


def sample(posts: Sequence[Post], count: int, seed: int) -> list[Post]:
    """Draw posts in proportion to label, group and source, in their order; all of them where there are no more."""
    if len(posts) <= count:
        return list(posts)
    share = count / len(posts)
    drawn = split(posts, {"rest": 1 - share, "drawn": share}, seed)["drawn"][:count]
    ids = {post.id for post in drawn}
    return [post for post in posts if post.id in ids]


def _halves(validation: Sequence[Post], study: Study) -> dict[str, list[Post]]:
    halves = split(validation, {"validation": 0.5, "test": 0.5}, study.data.seed)
    if len(validation) < 4 or not all(halves.values()):
        texts = len({normalise_text(post.text) for post in validation})
        found = f"{len(validation)} posts" + ("" if texts == len(validation) else f" (distinct texts: {texts})")
        raise DataError(
            f"{study.data.validation}: {found} are too few to split into validation and test; "
            "name a file of test posts in data.test"
        )
    return halves


def _overlap(sides: dict[str, list[Post]]) -> int:
    seen = {normalise_text(post.text) for side in ("train", "validation") for post in sides[side]}
    return sum(normalise_text(post.text) in seen for post in sides["test"])


def _overlap_told(overlap: int, sides: dict[str, list[Post]]) -> str:
    return f"{overlap} of {len(sides['test'])} test posts also stand in train or validation: see data/audit.json"
