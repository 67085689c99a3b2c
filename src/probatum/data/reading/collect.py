"""From rows to posts: one by one, so that a bad row costs itself only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from probatum.data.reading.columns import ColumnNames, require_column
from probatum.data.reading.faults import BadRecord, FieldError, bad_record
from probatum.data.reading.fields import extra_columns, optional_name, refuse_broken_text
from probatum.data.reading.formats import Row, Table
from probatum.data.reading.frames import Frame
from probatum.data.reading.ready import MESSAGES, ReadyPrompt
from probatum.data.records import Post


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What a file held.

    Attributes:
        posts: the good records, in the order of the file.
        skipped: the bad ones.
        frame: what stands around every post, for ready prompts and chat files.
    """

    posts: list[Post]
    skipped: list[BadRecord]
    frame: Frame | None = None


def build_post(
    path: Path, row: Row, columns: ColumnNames, text: str, label: str, *, ready: ReadyPrompt | None = None
) -> Post:
    """Build the post of a row whose text and label are known.

    Args:
        path: the file, whose name makes the id where the row has none.
        row: the row.
        columns: which columns hold what; the rest becomes further columns.
        text: the post's own text.
        label: its label, resolved.
        ready: the prompt that it came in, if it did.

    Raises:
        FieldError: another field of the row is wrong.
    """
    refuse_broken_text(row.values)
    id_ = optional_name(row.values.get(columns.id or "id"), columns.id or "id")
    group, source = columns.group or "group", columns.source or "source"
    used = {columns.id or "id", columns.text, columns.label, group, source} | ({MESSAGES} if ready else set())
    return Post(
        id=id_ or f"{path.stem}-{row.number}",
        text=text,
        label=label,
        group=optional_name(row.values.get(group), group),
        source=optional_name(row.values.get(source), source),
        extra=extra_columns(row.values, used),
        prompt=ready.whole() if ready else None,
        answer=ready.answer if ready else None,
    )


def collect_posts(
    table: Table,
    columns: ColumnNames,
    rows: Iterable[Row],
    to_post: Callable[[Row], Post],
    *,
    bad: Iterable[BadRecord] = (),
    frame: Frame | None = None,
) -> ReadResult:
    """Build the posts one by one; a bad record, or an id that stands twice, costs itself only.

    Args:
        table: the file.
        columns: which columns hold what.
        rows: the rows to build from.
        to_post: builds one post, or raises `FieldError`.
        bad: bad records found before, beside those of the table.
        frame: what stands around every post, for the result.

    Raises:
        DataError: a column that the user named is in no row.
    """
    for role in ("id", "group", "source"):
        if (name := getattr(columns, role)) is not None:
            require_column(table, role, name)
    posts: list[Post] = []
    skipped = [*table.bad, *bad]
    lines: dict[str, int] = {}
    for row in rows:
        try:
            post = to_post(row)
            if post.id in lines:
                raise FieldError(columns.id or "id", f"{post.id!r} stands already in line {lines[post.id]}")
        except FieldError as fault:
            skipped.append(bad_record(table.path, row.line, fault))
        else:
            posts.append(post)
            lines[post.id] = row.line
    return ReadResult(posts, sorted(skipped, key=lambda record: record.line), frame)
