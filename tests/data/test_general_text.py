"""The user's own general text: both forms, and every error."""

import pytest

from probatum.data.general_text import read_paragraphs
from probatum.errors import DataError


def test_paragraphs_are_parted_by_blank_lines(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes("\ufeffOne line,\r\nand its second.\r\n \t\r\n\r\nAnother.\n".encode())
    assert read_paragraphs(path) == ["One line,\r\nand its second.", "Another."]


def test_lines_of_json_are_paragraphs(tmp_path):
    path = tmp_path / "text.jsonl"
    path.write_text('{"text": "One."}\n\n{"text": " Two.\\n\\nStill two. "}\n')
    assert read_paragraphs(path) == ["One.", "Two.\n\nStill two."]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"Only one.\n", "1 paragraph; the loss on general text needs at least 2"),
        ("a.txt", b"  \n", "the file is empty"),
        ("a.txt", b"fine\n\nbad \xff\n", ":3: not UTF-8 text; save the file as UTF-8"),
        ("a.jsonl", b'{"text": "x"}\n{"txt": "y"}\n', ":2: column 'text' must hold a paragraph (missing)"),
        ("a.jsonl", b'{"text": "x"}\n{"text": 3}\n', ":2: column 'text' must hold a paragraph (found 3)"),
        ("a.jsonl", b'{"text": "x"}\n{"text"\n', ":2"),
    ],
)
def test_what_is_no_text_is_told(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_paragraphs(path)
    assert str(path) in str(error.value)
    assert message in str(error.value)


def test_a_missing_text_is_told(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_paragraphs(tmp_path / "none.txt")
