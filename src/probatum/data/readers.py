"""Read labelled posts from any of the file formats, naming every bad line by file, line and field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from probatum.data.labels import LabelSet
from probatum.data.reading.answers import label_of_answer, resolve_label
from probatum.data.reading.collect import ReadResult, build_post, collect_posts
from probatum.data.reading.columns import ColumnNames, PostColumns, require_column
from probatum.data.reading.faults import BadRecord, FieldError, bad_record, stop_on
from probatum.data.reading.fields import post_text
from probatum.data.reading.formats import Row, Table, read_rows
from probatum.data.reading.frames import Frame
from probatum.data.reading.ready import MESSAGES, ReadyPrompt, frame_of, split_chat, split_marked
from probatum.data.records import POST_FIELDS, Post
from probatum.errors import DataError

OnError = Literal["stop", "skip"]
DEFAULT_MARKER = "### Classification:"


def read_posts(
    path: Path,
    labels: LabelSet,
    columns: ColumnNames | None = None,
    marker: str = DEFAULT_MARKER,
    on_error: OnError = "stop",
    *,
    frame: Frame | None = None,
) -> ReadResult:
    """Read the posts of a JSONL, JSON, CSV, ready-prompt or chat file.

    Args:
        path: the file; its format is told by its content and its suffix.
        labels: the task's labels and what else they are called.
        columns: which columns hold what (default: those of the files that Probatum writes).
        marker: in ready prompts, the text after which the answer stands.
        on_error: `stop` raises one error that lists the bad records; `skip` returns them.
        frame: in whole prompts, what stands around every post (default: inferred from the file itself).

    Returns:
        The posts, the bad records, and the frame where the file holds whole prompts.

    Raises:
        DataError: the file as a whole cannot be used, or a record is bad and `on_error` is stop.
    """
    table = read_rows(path)
    result = posts_of_table(table, labels, columns or PostColumns(), marker, frame)
    if on_error == "stop":
        stop_on(result.skipped)
    if not result.posts:
        raise DataError(f"{path}: no usable post" + "".join(f"\n{record}" for record in result.skipped[:20]))
    return result


def posts_of_table(
    table: Table, labels: LabelSet, columns: ColumnNames, marker: str, frame: Frame | None = None
) -> ReadResult:
    """Turn the rows of a file into posts, whichever of the three ways it holds them."""
    names = table.columns()
    if columns.text not in names and set(POST_FIELDS) <= set(names):
        columns = PostColumns()  # a file that `prepare` wrote, from one with the columns that the user named
    if MESSAGES in names and columns.text not in names:
        return _read_ready(table, labels, columns, lambda row: split_chat(row.values.get(MESSAGES)), "", given=frame)
    require_column(table, "text", columns.text)
    if _has_marker(table, columns.text, marker):
        return _read_ready(
            table,
            labels,
            columns,
            lambda row: split_marked(_text(row, columns), marker, columns.text),
            marker,
            given=frame,
        )
    require_column(table, "label", columns.label)
    return collect_posts(table, columns, table.rows, lambda row: _plain_post(table.path, row, labels, columns))


def raw_answers(table: Table, columns: ColumnNames, marker: str) -> list[str]:
    """Return the answers that stand in a file's prompts or chats, as they came; none where it holds plain posts."""
    names = table.columns()
    if MESSAGES in names and columns.text not in names:
        prompts, _ = _split_all(table, lambda row: split_chat(row.values.get(MESSAGES)))
    elif _has_marker(table, columns.text, marker):
        prompts, _ = _split_all(table, lambda row: split_marked(_text(row, columns), marker, columns.text))
    else:
        return []
    return [prompt.answer for prompt in prompts.values() if prompt.answer is not None]


def _text(row: Row, columns: ColumnNames) -> str:
    return post_text(row.values.get(columns.text), columns.text)


def _has_marker(table: Table, column: str, marker: str) -> bool:
    """Whether most texts hold the marker; a single hostile post does not make a file one of prompts."""
    texts = [value for row in table.rows if isinstance(value := row.values.get(column), str)]
    return bool(texts) and bool(marker) and 2 * sum(marker in text for text in texts) > len(texts)


def _plain_post(path: Path, row: Row, labels: LabelSet, columns: ColumnNames) -> Post:
    text = _text(row, columns)
    label = resolve_label(row.values.get(columns.label), labels, columns.label)
    return build_post(path, row, columns, text, label)


def _read_ready(
    table: Table,
    labels: LabelSet,
    columns: ColumnNames,
    split: Callable[[Row], ReadyPrompt],
    marker: str,
    *,
    given: Frame | None,
) -> ReadResult:
    prompts, bad = _split_all(table, split)
    if not prompts:
        return ReadResult([], sorted([*table.bad, *bad], key=lambda record: record.line))
    frame = given or frame_of(list(prompts.values()), marker)
    field = columns.text if marker else MESSAGES

    def to_post(row: Row) -> Post:
        ready = prompts[row.number]
        label = _ready_label(row, ready, labels, columns)
        if (cut := frame.cut(ready.content)) is None:
            raise FieldError(field, f"another frame than the other prompts; it begins {ready.content[:40]!r}")
        text, slots = cut
        post = build_post(table.path, row, columns, post_text(text, field), label, ready=ready)
        return replace(post, extra={**slots, **post.extra})

    rows = [row for row in table.rows if row.number in prompts]
    return collect_posts(table, columns, rows, to_post, bad=bad, frame=frame)


def _split_all(table: Table, split: Callable[[Row], ReadyPrompt]) -> tuple[dict[int, ReadyPrompt], list[BadRecord]]:
    """Split every row into prompt and answer; returns the row's number to its prompt, and the bad rows."""
    prompts: dict[int, ReadyPrompt] = {}
    bad: list[BadRecord] = []
    for row in table.rows:
        try:
            prompts[row.number] = split(row)
        except FieldError as fault:
            bad.append(bad_record(table.path, row.line, fault))
    return prompts, bad


def _ready_label(row: Row, ready: ReadyPrompt, labels: LabelSet, columns: ColumnNames) -> str:
    """Return the label of the answer or of the label column; where both stand, they must agree."""
    raw = row.values.get(columns.label)
    if ready.answer is None:
        if raw is None:
            raise FieldError(columns.label, "no answer after the prompt, and no label in the column either")
        return resolve_label(raw, labels, columns.label)
    label = label_of_answer(ready.answer, labels)
    if raw is not None and (other := resolve_label(raw, labels, columns.label)) != label:
        raise FieldError(columns.label, f"the column says {other!r}, the answer in the prompt says {label!r}")
    return label
