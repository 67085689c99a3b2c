"""HTML from Python, where every text is escaped unless it was made here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from probatum.report.safe import one_line

VOID = {"input", "meta", "br", "hr"}


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """Return an element; a child that is no `Markup` is text.

    Args:
        name: of the element.
        children: text, markup, or `None` for nothing.
        attributes: of the element; `class_` is `class`, `aria_label` is `aria-label`, `True` stands without a value,
            and `None` and `False` are left out.
    """
    written = Markup("").join(
        _attribute(key, value) for key, value in attributes.items() if value is not None and value is not False
    )
    if name in VOID:
        return Markup("<{}{}>").format(Markup(name), written)
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), written, joined(children))


def _attribute(key: str, value: object) -> Markup:
    name = Markup(key.rstrip("_").replace("_", "-"))
    return Markup(" {}").format(name) if value is True else Markup(' {}="{}"').format(name, value)


def joined(children: Iterable[object]) -> Markup:
    """Return children one after the other, text escaped."""
    return Markup("").join(escape(child) for child in children if child is not None)


def outside(text: str, longest: int = 300) -> Markup:
    """Return a text from outside as one line that keeps its reading direction to itself."""
    return tag("bdi", one_line(text, longest))


def table(header: Sequence[object], rows: Iterable[Sequence[object]], *, caption: str, class_: str = "") -> Markup:
    """Return a table that scrolls sideways on its own; the first cell of a row names it.

    Args:
        header: the columns' names.
        rows: cells, text or markup.
        caption: what the table shows, for those who cannot see it.
        class_: of the table.
    """
    head = tag("thead", tag("tr", *(tag("th", cell, scope="col") for cell in header)))
    body = tag("tbody", *(_row(header, row) for row in rows))
    named = tag("caption", caption, class_="unseen")
    inner = tag("table", named, head, body, class_=class_ or None)
    return tag("div", inner, class_="wide", tabindex="0", role="region", aria_label=caption)


def _row(header: Sequence[object], row: Sequence[object]) -> Markup:
    """Return a row; each cell keeps its column's name, for screens too narrow to show the header."""
    cells = (tag("td", cell, data_of=name) for name, cell in zip(header[1:], row[1:], strict=True))
    return tag("tr", tag("th", row[0], scope="row"), *cells)
