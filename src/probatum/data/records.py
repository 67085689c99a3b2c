"""The records that every stage passes on: a post, and a system's prediction for it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from probatum.artifacts import write_text_atomic
from probatum.errors import DataError

POST_FIELDS = ("id", "text", "label", "group", "source")


@dataclass(frozen=True, slots=True)
class Post:
    """One labelled post.

    Attributes:
        id: unique within its file.
        text: what somebody wrote; hostile data, never markup.
        label: a label of the task, already resolved from its aliases.
        group: the community that the post is about, if known.
        source: the collection that it comes from, if known.
        extra: every further column of its file.
        prompt: the whole ready prompt that the post was found in, if it came in one (never written back).
        answer: the raw answer that followed that prompt (never written back).
    """

    id: str
    text: str
    label: str
    group: str | None = None
    source: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    prompt: str | None = None
    answer: str | None = None

    def column(self, name: str) -> Any:
        """Return the value of a column by name, `None` where the post has no such column."""
        return getattr(self, name) if name in POST_FIELDS else self.extra.get(name)

    def to_json(self) -> dict[str, Any]:
        """Return the post as one flat JSON object, its own fields first."""
        return {name: getattr(self, name) for name in POST_FIELDS} | dict(self.extra)


class Status(StrEnum):
    """What became of one post in scoring."""

    OK = "ok"
    UNPARSED = "unparsed"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one system said about one post.

    Attributes:
        id: the post's id.
        label: the true label.
        group: the post's group.
        source: the post's source.
        score: probability of the positive label in [0, 1]; NaN where the system gives none.
        prediction: the predicted label; `None` unless `status` is ok.
        status: ok, unparsed (an answer with no label in it) or error.
        answer: the system's answer in words, as it came.
        truncated: whether the post was cut to fit.
        otherwise: the label that it has if the score is below the threshold; `None` where there is no score.
    """

    id: str
    label: str
    group: str | None
    source: str | None
    score: float
    prediction: str | None
    status: Status = Status.OK
    answer: str | None = None
    truncated: bool = False
    otherwise: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the prediction as a JSON object; an unknown score is null."""
        row = {f.name: getattr(self, f.name) for f in fields(self)}
        row["score"] = None if math.isnan(self.score) else self.score
        return row


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as JSON lines; the file appears whole or not at all.

    Line and paragraph separators are escaped, so that one row is one line for every reader.
    """
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    safe = (line.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\x85", "\\u0085") for line in lines)
    write_text_atomic(path, "".join(line + "\n" for line in safe))


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a JSON-lines file that Probatum wrote.

    Raises:
        DataError: a line is not a JSON object.
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{path}:{number}: not JSON ({error.msg})") from error
            if not isinstance(row, dict):
                raise DataError(f"{path}:{number}: expected a JSON object, found {type(row).__name__}")
            yield row


def write_posts(path: Path, posts: Iterable[Post]) -> None:
    """Write posts as JSON lines."""
    write_jsonl(path, (post.to_json() for post in posts))


def read_written_posts(path: Path) -> list[Post]:
    """Read posts that `write_posts` wrote; for files from elsewhere there is `readers.read_posts`."""
    posts = []
    for row in read_jsonl(path):
        known = {name: row.pop(name) for name in POST_FIELDS}
        posts.append(Post(**known, extra=row))
    return posts


def write_predictions(path: Path, predictions: Iterable[Prediction]) -> None:
    """Write predictions as JSON lines."""
    write_jsonl(path, (prediction.to_json() for prediction in predictions))


def read_predictions(path: Path) -> list[Prediction]:
    """Read a `predictions.jsonl` that Probatum wrote.

    Raises:
        DataError: the file is missing or a line is not a prediction.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; score the system first (probatum score --help)")
    predictions = []
    for number, row in enumerate(read_jsonl(path), 1):
        try:
            score = math.nan if row["score"] is None else float(row["score"])
            row_fields = {**row, "score": score, "status": Status(row["status"])}
            predictions.append(Prediction(**row_fields))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}:{number}: not a prediction ({error})") from error
    return predictions
