"""Read the predictions of one or more systems from files that were written elsewhere."""

from __future__ import annotations

import gc
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from probatum.data.labels import LabelSet
from probatum.data.predicted.columns import NEEDED, Sheet, read_sheet
from probatum.data.predicted.notes import further_labels, no_probabilities, repeats, strange_words
from probatum.data.predicted.words import as_word, labels_of
from probatum.data.reading.faults import BadRecord, FieldError, bad_record, stop_on
from probatum.data.reading.fields import optional_name, post_text, refuse_broken_text
from probatum.data.reading.formats import Row
from probatum.data.records import Prediction, Status
from probatum.errors import DataError

NO_LABEL = {"", "nan", "null", "n/a", "<na>", "unknown"}
NO_SCORE = NO_LABEL | {"none", "na"}
NO_NAME = {"nan", "null", "<na>"}
OFTEN_EQUAL = ("label", "prediction", "group", "source")
SPELT_ALIKE = ("group", "source")
LONGEST_WORD = 60  # of what stands where a label should; a whole answer would be as long as a post
ADVICE = "mend these lines; a prediction may be any word, but every row needs a true label"


@dataclass(frozen=True)
class PredictedRun:
    """One system's predictions, read from a file.

    Attributes:
        name: what tells it from the others.
        path: its file.
        predictions: one for each row, in the order of the file; their ids are unique.
        ids: the rows' own ids, `None` where a row has none; one may stand twice.
        texts: the rows' posts, `None` where the file has no such column.
        has_scores: whether a column with scores was named.
        unparsed_words: what stood in the place of a predicted label and names none, with how often.
        notes: what a reader should know.
        clusters: what each row shares with others of its cluster (say, a template); empty where no column was named.
    """

    name: str
    path: Path
    predictions: list[Prediction]
    ids: list[str | None]
    texts: list[str | None]
    has_scores: bool
    unparsed_words: dict[str, int]
    notes: list[str] = field(default_factory=list)
    clusters: list[str | None] = field(default_factory=list)


def read_runs(
    paths: Sequence[Path], columns: Mapping[str, str], positive: str | None
) -> tuple[list[PredictedRun], LabelSet]:
    """Read one run from every file, or one for every value of the column that `system` names.

    Args:
        paths: JSON-lines, JSON or CSV files.
        columns: role to column, as `parse_columns` gives it; a role that is left out is looked for by its own name.
        positive: the positive label (default: the task's).

    Returns:
        The runs in the order given, and the labels that their words were resolved with.

    Raises:
        DataError: a file cannot be read, lacks a column or holds a row without a true label, a file is named twice, or
            no true label is the positive one.
    """
    with _no_collection():
        return _read_runs(paths, columns, positive)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from going over millions of rows again and again; none of them is garbage."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


def _read_runs(
    paths: Sequence[Path], columns: Mapping[str, str], positive: str | None
) -> tuple[list[PredictedRun], LabelSet]:
    if len({path.resolve() for path in paths}) < len(paths):
        raise DataError("one file is named twice; a run cannot be held against itself")
    sheets = [read_sheet(path, columns) for path in paths]
    _stop_on_missing_labels(sheets)
    labels = labels_of([as_word(sheet.value(row, "label")) for sheet in sheets for row in sheet.table.rows], positive)
    runs: list[PredictedRun] = []
    for sheet, name in zip(sheets, short_names(paths), strict=True):
        parts = _by_system(sheet)
        for system, rows in parts.items():
            whole = name if system is None else system if len(sheets) == 1 else f"{name}: {system}"
            runs.append(_read_run(whole, sheet, rows, labels))
    return runs, labels


def short_names(paths: Sequence[Path]) -> list[str]:
    """Return what tells files apart: the parts of their paths without those that all begin or end with."""
    if len(paths) == 1:
        return [paths[0].stem]
    parts = [(*path.parent.parts, path.stem) for path in paths]
    shortest = min(len(part) for part in parts)
    start = next((at for at in range(shortest) if len({part[at] for part in parts}) > 1), shortest)
    end = next((at for at in range(1, shortest + 1) if len({part[-at] for part in parts}) > 1), shortest) - 1
    names = [str(Path(*part[start : len(part) - end])) for part in parts]
    return names if "." not in names and len(set(names)) == len(names) else [str(path) for path in paths]


def _stop_on_missing_labels(sheets: Sequence[Sheet]) -> None:
    """Refuse rows without a true label, in all files at once: they can be counted neither right nor wrong."""
    bad: list[BadRecord] = []
    good: set[str] = set()
    for sheet in sheets:
        for row in sheet.table.rows:
            raw = sheet.value(row, "label")
            if type(raw) is str and raw in good:
                continue
            if isinstance(raw, dict | list):
                fault = FieldError(sheet.columns["label"], f"expected a label, found {type(raw).__name__}")
            elif as_word(raw).casefold() in NO_LABEL:
                fault = FieldError(sheet.columns["label"], f"no true label ({str(raw or '')!r})")
            else:
                if type(raw) is str:
                    good.add(raw)
                continue
            bad.append(bad_record(sheet.table.path, row.line, fault))
    stop_on(bad, ADVICE)


def _by_system(sheet: Sheet) -> dict[str | None, list[Row]]:
    parts: dict[str | None, list[Row]] = defaultdict(list)
    if "system" not in sheet.columns:
        return {None: sheet.table.rows}
    for row in sheet.table.rows:
        parts[str(sheet.value(row, "system")).strip()].append(row)
    return parts


def _read_run(name: str, sheet: Sheet, rows: Sequence[Row], labels: LabelSet) -> PredictedRun:
    reader = _RowReader(sheet, labels)
    bad: list[BadRecord] = []
    for row in rows:
        try:
            reader.read(row)
        except FieldError as fault:
            bad.append(bad_record(sheet.table.path, row.line, fault))
    stop_on(bad, "mend these lines")
    ids, texts, lines = reader.ids, reader.texts, [row.line for row in rows]
    again = repeats("an id", ids, lines) or ([] if any(ids) else repeats("a text", texts, lines))
    return PredictedRun(
        name=name,
        path=sheet.table.path,
        predictions=reader.predictions,
        ids=ids,
        texts=texts,
        clusters=reader.clusters if "cluster" in sheet.columns else [],
        has_scores="score" in sheet.columns,
        unparsed_words=dict(reader.unparsed_words.most_common()),
        notes=[
            *sheet.notes,
            *again,
            *further_labels(reader.predictions, labels),
            *strange_words(reader.unparsed_words, len(rows), labels),
            *no_probabilities(reader.predictions, sheet.table.path, lines),
        ],
    )


class _RowReader:
    """Reads the rows of one run; what was read so far makes ids unique and gives names their spelling.

    A value that stands in many rows, such as a label or a group, is parsed once.
    """

    def __init__(self, sheet: Sheet, labels: LabelSet) -> None:
        self.columns = sheet.columns
        self.stem = sheet.table.path.stem
        self.resolve = cache(labels.resolve)
        self.parsed: dict[str, dict[str, str | None]] = {role: {} for role in OFTEN_EQUAL}
        self.broken_column = _broken([column for role, column in sheet.columns.items() if role != "text"])
        self.predictions: list[Prediction] = []
        self.ids: list[str | None] = []
        self.texts: list[str | None] = []
        self.clusters: list[str | None] = []
        self.unparsed_words: Counter[str] = Counter()
        self.seen: set[str] = set()
        self.spellings: dict[str, str] = {}

    def read(self, row: Row) -> None:
        """Add a row.

        Raises:
            FieldError: one of its fields is wrong; nothing was added.
        """
        if self.broken_column:
            raise self.broken_column
        values = row.values
        own_id = self._cell("id", values)
        label, predicted = self._cell("label", values), self._cell("prediction", values)
        group, source, cluster = (self._cell(role, values) for role in ("group", "source", "cluster"))
        score, text = self._score(values), self._text(values)
        assert label is not None  # `labels_of` took every true label in
        if predicted is None:
            raw = values.get(self.columns["prediction"])
            self.unparsed_words["" if raw is None else str(raw).strip()[:LONGEST_WORD]] += 1
        status = Status.UNPARSED if predicted is None else Status.OK
        self.predictions.append(Prediction(self._unique(own_id, row), label, group, source, score, predicted, status))
        self.ids.append(own_id)
        self.texts.append(text)
        self.clusters.append(cluster)

    def _cell(self, role: str, values: Mapping[str, Any]) -> str | None:
        """Return what stands in the column of a role, `None` where there is no column or nothing in it."""
        column = self.columns.get(role)
        raw = None if column is None else values.get(column)
        if column is None or raw is None:
            return None
        if type(raw) is not str or role not in self.parsed:
            return self._parse(role, column, raw)
        known = self.parsed[role]
        if raw not in known:
            known[raw] = self._parse(role, column, raw)
        return known[raw]

    def _parse(self, role: str, column: str, raw: Any) -> str | None:
        refuse_broken_text({column: raw})
        if role in NEEDED:
            return None if isinstance(raw, dict | list) else self.resolve(as_word(raw))
        name = _name(raw, column)
        # as it was first spelt, so that case alone does not part a group in two
        return name if name is None or role not in SPELT_ALIKE else self.spellings.setdefault(name.casefold(), name)

    def _score(self, values: Mapping[str, Any]) -> float:
        column = self.columns.get("score")
        return math.nan if column is None else _score(values.get(column), column)

    def _text(self, values: Mapping[str, Any]) -> str | None:
        """Return a post; it only pairs and is never shown, so a broken one does no harm."""
        column = self.columns.get("text")
        raw = None if column is None else values.get(column)
        return None if column is None or raw is None else post_text(raw, column)

    def _unique(self, own_id: str | None, row: Row) -> str:
        unique = own_id or f"{self.stem}-{row.number}"
        while unique in self.seen:
            unique += f" (line {row.line})"
        self.seen.add(unique)
        return unique


def _broken(columns: Sequence[str]) -> FieldError | None:
    try:
        refuse_broken_text(dict.fromkeys(columns))
    except FieldError as fault:
        return fault
    return None


def _name(raw: Any, column: str) -> str | None:
    if isinstance(raw, bool):
        return str(raw)
    name = optional_name(raw, column)
    return None if name is None or name.casefold() in NO_NAME else name


def _score(raw: Any, column: str) -> float:
    """Return a score, NaN where there is none.

    Raises:
        FieldError: it is no number.
    """
    if raw is None or str(raw).strip().casefold() in NO_SCORE:
        return math.nan
    try:
        score = float(raw)
    except (TypeError, ValueError):
        raise FieldError(column, f"expected a number, found {str(raw)[:60]!r}") from None
    if math.isinf(score):
        raise FieldError(column, f"expected a finite number, found {str(raw)[:60]!r}")
    return score
