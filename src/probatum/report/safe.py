"""A post's text where people read it: hostile until made harmless.

A post can hold terminal escapes, marks that turn the reading direction, Markdown, HTML or a lone surrogate. Whatever it
holds, it comes out as one line of visible text that the terminal, a Markdown reader and a browser show as it is.
"""

from __future__ import annotations

import re
import unicodedata

UNSEEN = "\N{REPLACEMENT CHARACTER}"
ELLIPSIS = "..."
# Joiners that some scripts and emoji need; they can neither turn the direction nor run anything.
HARMLESS_FORMATS = {"\N{ZERO WIDTH JOINER}", "\N{ZERO WIDTH NON-JOINER}"}
HIDDEN = {"Cc", "Cf", "Cs"}  # control, format (bidi marks among them), lone surrogate
TOWER = re.compile(r"([\u0300-\u036f]{4})[\u0300-\u036f]+")  # combining marks that would cover other lines
BREAK = "\N{ZERO WIDTH SPACE}"
MARKUP = re.compile(r"[^\w\s.,:;=?'%+\-/()]|(?<![^\W_])_|_(?![^\W_])")  # an underscore inside a word is no markup
ADDRESS = re.compile(r"(?i)www(?=\.)|&#64;|:(?=/)")
FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
LINE_START = re.compile(r"^(\d*)([-+.)=:])(?=[-+.)=:\s]|$)")  # list, heading underline, delimiter row


def one_line(text: str, longest: int = 200) -> str:
    """Return text as one line of visible characters.

    White space of every kind becomes one space; control and format characters become U+FFFD; towers of combining
    marks are cut.

    Args:
        text: anything.
        longest: most characters; longer text ends in "...".
    """
    spaced = re.sub(r"\s+", " ", text[: longest * 8]).strip()
    visible = "".join(_visible(character) for character in spaced)
    calm = TOWER.sub(r"\1", visible)
    short = len(calm) <= longest and len(text) <= longest * 8
    return calm if short else calm[: longest - len(ELLIPSIS)] + ELLIPSIS


def _visible(character: str) -> str:
    hidden = unicodedata.category(character) in HIDDEN and character not in HARMLESS_FORMATS
    return UNSEEN if hidden else character


def in_markdown(text: str, longest: int = 200) -> str:
    """Return text for any place in a Markdown file, table cells included.

    Every character that Markdown or HTML could read as markup where it stands is written as a numeric character
    reference, which both take as plain text (CommonMark 0.31, section 2.5). Addresses and mentions are broken by a
    zero-width space, because some readers link them even then.

    Args:
        text: anything.
        longest: most characters before escaping.
    """
    line = one_line(text, longest)
    escaped = MARKUP.sub(lambda match: _reference(match[0]), line)
    unlinked = ADDRESS.sub(lambda match: match[0] + BREAK, escaped)
    return LINE_START.sub(lambda match: match[1] + _reference(match[2]), unlinked)


def _reference(character: str) -> str:
    return f"&#{ord(character)};" if character.isascii() else character


def fenced(text: str, language: str = "") -> str:
    """Return text as a Markdown code block whose fence the text cannot close.

    Args:
        text: many lines; control and format characters but line ends and tabs become U+FFFD.
        language: what the block is, for colours.
    """
    lines = "\n".join("".join(c if c == "\t" else _visible(c) for c in line) for line in text.splitlines())
    longest = max((len(run) for run in re.findall(r"`+", lines)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{lines}\n{fence}"


def in_cell(text: str) -> str:
    """Return text for a cell of a CSV file that people open in a spreadsheet.

    A spreadsheet takes a cell for a formula that begins with one of = + - @, their full-width forms, a tab or a line
    end, white space in front or not, quoted or not. An apostrophe in front makes it text (OWASP, CSV injection).

    Args:
        text: anything; nothing of it is lost but lone surrogates and NUL, which no file can hold.
    """
    held = "".join(
        UNSEEN if character == "\0" or "\ud800" <= character <= "\udfff" else character for character in text
    )
    return f"'{held}" if FORMULA.match(held) else held
