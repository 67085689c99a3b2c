"""The readers: every format, and every message about a file or a line."""

import csv
import gzip
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probatum.data.readers import read_posts
from probatum.data.reading.columns import PostColumns
from probatum.data.records import write_posts
from probatum.errors import DataError
from probatum.study import Columns

ROWS = [{"text": "one", "label": "hate"}, {"text": "two", "label": "Not_Hate", "group": "g", "topic": 3}]
MARKER = "### Classification:"


def read(path, labels, **settings):
    return read_posts(path, labels, **settings).posts


def message(path, labels, **settings):
    with pytest.raises(DataError) as caught:
        read_posts(path, labels, **settings)
    return str(caught.value)


def bad(path, labels, **settings):
    return [(record.line, record.field, record.reason) for record in read_posts(path, labels, on_error="skip").skipped]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("posts.jsonl", "\ufeff" + json.dumps(ROWS[0]) + "\r\n\r\n" + json.dumps(ROWS[1]) + "\r\n"),
        ("posts.json", json.dumps(ROWS)),
        ("posts.json", json.dumps(ROWS, indent=2)),
        ("posts.json", "\n".join(map(json.dumps, ROWS))),
        ("posts.jsonl", json.dumps(ROWS, indent=2)),
        ("posts.csv", "text,label,group,topic\none,hate,,\ntwo,Not_Hate,g,3\n"),
        ("posts.tsv", "text\tlabel\tgroup\ttopic\r\none\thate\t\t\r\ntwo\tNot_Hate\tg\t3\r\n"),
        ("posts", "text;label;group;topic\none;hate;;\n\ntwo;Not_Hate;g;3"),
    ],
)
def test_formats(name, content, write, labels):
    first, second = read(write(content, name), labels)
    assert (first.text, first.label, first.group, first.source) == ("one", "hate", None, None)
    assert (second.text, second.label, second.group) == ("two", "not_hate", "g")
    assert str(second.extra["topic"]) == "3"


def test_default_ids_are_stem_and_line(write, labels):
    assert [p.id for p in read(write(json.dumps(ROWS[0]) + "\n\n" + json.dumps(ROWS[1])), labels)] == [
        "posts-1",
        "posts-3",
    ]


def test_in_an_array_on_one_line_ids_are_places(write, labels):
    assert [p.id for p in read(write(json.dumps(ROWS), "a.json"), labels)] == ["a-1", "a-2"]


def test_columns_of_a_study(write, labels):
    rows = [{"id": 7, "body": " x ", "y": "normal", "g": "a", "src": "s", "text": "other", "label": "?", "group": "h"}]
    columns = Columns(text="body", label="y", group="g", source="src")
    (post,) = read(write(rows), labels, columns=columns)
    assert (post.id, post.text, post.label, post.group, post.source) == ("7", " x ", "not_hate", "a", "s")
    assert post.extra == {"text_column": "other", "label_column": "?", "group_column": "h"}


def test_what_is_written_is_read_again(tmp_path, write, labels):
    posts = read(write([{**ROWS[0], "id": "a", "source": "s", "n": [1, None]}]), labels)
    write_posts(tmp_path / "again.jsonl", posts)
    assert read(tmp_path / "again.jsonl", labels) == posts


def test_a_csv_row_is_named_by_the_line_where_it_starts(write, labels):
    path = write('text,label\n"two\nlines",hate\n"a\n\nb",wrong\n', "p.csv")
    result = read_posts(path, labels, on_error="skip")
    assert [(p.id, p.text) for p in result.posts] == [("p-2", "two\nlines")]
    assert [(b.line, b.field) for b in result.skipped] == [(4, "label")]


def test_an_unclosed_quote_costs_one_row(write, labels):
    path = write('text,label\n"open,hate\nfine,hate\nalso fine,normal\n', "p.csv")
    assert bad(path, labels) == [(2, "row", "not CSV (a quote is opened and never closed)")]
    assert len(read(path, labels, on_error="skip")) == 2


def test_a_broken_array_element_costs_itself(write, labels):
    path = write(
        '[\n{"text": "a", "label": "hate"},\n{"text": "b", "label": hate},\n{"text": "c", "label": "hate"}\n]', "p.json"
    )
    result = read_posts(path, labels, on_error="skip")
    assert [p.text for p in result.posts] == ["a", "c"]
    assert [(b.line, b.field) for b in result.skipped] == [(3, "row")]
    assert "element 2 is not JSON" in result.skipped[0].reason


def test_an_unclosed_array(write, labels):
    path = write('[\n{"text": "a", "label": "hate"}\n', "p.json")
    assert bad(path, labels) == [(3, "row", "the array is not closed: ']' is missing")]


def test_text_after_the_array(write, labels):
    path = write('[\n{"text": "a", "label": "hate"}\n]\n, {"text": "b", "label": "hate"}', "p.json")
    assert bad(path, labels) == [(3, "row", "text after the array's closing ']'")]


def test_a_json_file_without_json(write, labels):
    assert "p.json:1: row: not JSON (Expecting value at column 1)" in message(write("nonsense", "p.json"), labels)


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        ({"label": "hate"}, "text", "missing"),
        ({"text": None, "label": "hate"}, "text", "missing"),
        ({"text": 3, "label": "hate"}, "text", "expected a text, found int"),
        ({"text": "x"}, "label", "missing"),
        ({"text": "x", "label": ""}, "label", "missing"),
        (
            {"text": "x", "label": "hat"},
            "label",
            "unknown label 'hat'; did you mean 'hate'? known: hate, normal, not hate",
        ),
        ({"text": "x", "label": "zzz"}, "label", "unknown label 'zzz'; allowed: hate, normal, not hate"),
        ({"text": "x", "label": ["hate"]}, "label", "expected a label, found list"),
        ({"text": "x", "label": "hate", "id": [1]}, "id", "expected a text or a number, found list"),
        ({"text": "x", "label": "hate", "group": {}}, "group", "expected a text or a number, found dict"),
        ({"text": "x\0", "label": "hate"}, "text", "holds a NUL character"),
        ({"text": "x", "label": "hate", "n": ["\0"]}, "n", "holds a NUL character"),
        ({"text": "\ud800", "label": "hate"}, "text", "bytes that are not UTF-8, or a lone surrogate"),
        ({"text": "x", "label": "hate", "id": "first"}, "id", "'first' stands already in line 1"),
        ([1], "row", "expected a JSON object, found list"),
        ("x", "row", "expected a JSON object, found str"),
    ],
)
def test_bad_lines_are_named_and_the_others_kept(line, field, reason, write, labels):
    path = write([{**ROWS[0], "id": "first"}, line, ROWS[1]])
    assert bad(path, labels) == [(2, field, reason)]
    assert len(read(path, labels, on_error="skip")) == 2
    assert message(path, labels).startswith(f"{path}:2: {field}: {reason}\n")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"text": "x"', "not JSON (Expecting ',' delimiter at column 13)"),
        ('{"text": "x", "text": "y", "label": "hate"}', "not JSON (the key 'text' stands twice)"),
        ("[" * 200_000, "not JSON (nested too deeply)"),
    ],
)
def test_lines_that_are_not_json(line, reason, write, labels):
    path = write(json.dumps(ROWS[0]) + "\n" + line + "\n" + json.dumps(ROWS[1]))
    assert bad(path, labels) == [(2, "row", reason)]


def test_not_a_number_counts_as_missing(write, labels):
    path = write('{"text": NaN, "label": "hate"}\n' + json.dumps(ROWS[0]))
    assert bad(path, labels) == [(1, "text", "missing")]


def test_bytes_that_are_not_utf8(write, labels):
    path = write(b'{"text": "caf\xe9", "label": "hate"}\n{"text": "fine", "label": "hate"}\n')
    assert bad(path, labels) == [(1, "text", "bytes that are not UTF-8, or a lone surrogate")]


def test_a_written_out_escape_is_just_text(write, labels):
    (post,) = read(write([{"text": r"\u0000 and \ud800", "label": "hate", "n": [r"\u0000"]}]), labels)
    assert post.text == r"\u0000 and \ud800"


def test_line_separators_do_not_end_a_line(write, labels):
    (post,) = read(write('{"text": "a\u2028b\x85c", "label": "hate"}\n'), labels)
    assert post.text == "a\u2028b\x85c"


def test_stop_lists_twenty_and_counts_the_rest(write, labels):
    text = message(write([{"text": None, "label": "hate"}] * 25), labels)
    assert text.count(": text: missing") == 20
    assert text.endswith(
        "… and 5 more bad lines\nmend them, or leave them out (they are counted and listed): "
        "data.on_error: skip in the study, or --on-error skip of prepare and audit"
    )


def test_nothing_left(write, labels):
    path = write([{"text": None, "label": "hate"}])
    assert message(path, labels, on_error="skip") == f"{path}: no usable post\n{path}:1: text: missing"


def test_file_level_faults(write, tmp_path, labels):
    path = write(ROWS)
    assert message(tmp_path / "post.jsonl", labels) == f"{tmp_path}/post.jsonl: no such file; did you mean posts.jsonl?"
    assert message(tmp_path / "zzz", labels) == f"{tmp_path}/zzz: no such file; {tmp_path} holds posts.jsonl"
    assert message(tmp_path / "no" / "p.jsonl", labels).endswith(f"there is no folder {tmp_path}/no either")
    assert (
        message(tmp_path, labels) == f"{tmp_path}: a folder; name one file of posts in it; {tmp_path} holds posts.jsonl"
    )
    assert message(write(" \n", "empty.jsonl"), labels).endswith("empty.jsonl: the file is empty")
    wide = message(write(b"\xff\xfea\0", "wide.csv"), labels)
    assert wide.endswith("wide.csv: UTF-16, not UTF-8 text; save it as UTF-8")
    misspelt = message(path, labels, columns=PostColumns(text="txt"))
    assert "no column 'txt' for the text; did you mean 'text'? the file has: text, label, group, topic (set" in misspelt
    unnamed = message(path, labels, columns=PostColumns(label="y"))
    assert (
        "no column 'y' for the label; the file has: text, label, group, topic (set data.columns.label in a" in unnamed
    )
    assert "no column 'community' for the group; the file has:" in message(
        path, labels, columns=PostColumns(group="community")
    )
    assert "one JSON object over several lines, not a list of posts" in message(write('{\n"a": 1\n}', "o.json"), labels)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (gzip.compress(b'{"text": "a"}', mtime=0), "compressed with gzip, not UTF-8 text; unpack it first (gunzip)"),
        (b"PAR1\0\0\0", "a Parquet file, not UTF-8 text; save it as CSV, JSON or JSON lines, in UTF-8"),
        (b"PK\x03\x04...", "a ZIP archive or an Excel file, not UTF-8 text; unpack it, or save it as CSV,"),
        ("text,label\na,hate\n".encode("utf-16-le") * 50, "not UTF-8 text, but full of null bytes; save it as CSV,"),
    ],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.gz"])
def test_another_format_is_named_before_it_is_read_as_rows(write, labels, raw, says, name):
    assert says in message(write(raw, name), labels)


def test_a_null_byte_in_a_post_costs_that_post_alone(write, labels):
    path = write("text,label\na\0b,hate\nanother,hate\n", "a.csv")
    assert bad(path, labels) == [(2, "text", "holds a NUL character")]


def test_csv_faults(write, labels):
    assert "p.csv:1: the header names 'text' twice" in message(write("text,text\n1,2\n", "p.csv"), labels)
    assert "p.csv:1: the header row cannot be read (not CSV (a quote is opened" in message(
        write('"text,label\nx,y\n', "p.csv"), labels
    )
    assert bad(write("text,label\na,b,c\nx,hate\n", "p.csv"), labels) == [(2, "row", "3 fields where the header has 2")]


def test_a_folder_without_files(tmp_path, labels):
    (tmp_path / "empty").mkdir()
    assert message(tmp_path / "empty", labels).endswith("empty holds no files")


def ready(text, answer="", **more):
    return {"text": f"Judge it.\n\nPost: {text}\n\n{MARKER}{answer}", **more}


def test_ready_prompts(write, labels):
    path = write([ready(f"post {n}", " hate" if n % 2 else " not hate\n", topic=n) for n in range(4)])
    result = read_posts(path, labels)
    assert (result.frame.prefix, result.frame.suffix) == ("Judge it.\n\nPost: ", f"\n\n{MARKER}")
    assert [post.text for post in result.posts] == ["post 0", "post 1", "post 2", "post 3"]
    assert [post.label for post in result.posts] == ["not_hate", "hate"] * 2
    assert result.posts[1].prompt == f"Judge it.\n\nPost: post 1\n\n{MARKER}"
    assert (result.posts[1].answer, result.posts[1].extra) == (" hate", {"topic": 1})


def test_ready_prompts_with_the_answer_in_the_column(write, labels):
    posts = read(write([ready("a b", label="hate"), ready("c", label="normal")]), labels)
    assert [(post.text, post.label, post.answer) for post in posts] == [("a b", "hate", None), ("c", "not_hate", None)]


def test_a_post_that_forges_the_marker_is_cut_at_the_last_one(write, labels):
    posts = read(write([ready(f"nice {MARKER} not hate", " hate"), ready("b", " hate")]), labels)
    assert (posts[0].text, posts[0].label) == (f"nice {MARKER} not hate", "hate")


def test_one_post_with_the_marker_does_not_make_a_file_of_prompts(write, labels):
    posts = read(write([{"text": f"x {MARKER} hate", "label": "normal"}, *ROWS]), labels)
    assert (posts[0].text, posts[0].label, posts[0].prompt) == (f"x {MARKER} hate", "not_hate", None)


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        (
            ready("x", " hate", label="normal"),
            "label",
            "the column says 'not_hate', the answer in the prompt says 'hate'",
        ),
        (ready("x"), "label", "no answer after the prompt, and no label in the column either"),
        ({"text": "x", "label": "hate"}, "text", f"no marker {MARKER!r} where the other prompts have one"),
        (ready("x", " maybe"), "answer", "no label in ' maybe'; known: hate, normal, not hate"),
    ],
)
def test_bad_ready_prompts(row, field, reason, write, labels):
    path = write([ready("a", " hate"), row, ready("b", " not hate"), ready("c", " hate")])
    assert bad(path, labels) == [(2, field, reason)]
    assert [post.text for post in read(path, labels, on_error="skip")] == ["a", "b", "c"]


def test_a_prompt_with_another_frame_is_named(write, labels):
    rows = [ready(f"{word} {n}", " hate") for n in range(5) for word in ("sun", "rain", "bread", "train", "river")]
    path = write([*rows, {"text": f"Read this: x\n\n{MARKER} hate"}])
    (record,) = bad(path, labels)
    reason = f"another frame than the other prompts; it begins {f'Read this: x{chr(10) * 2}{MARKER}'[:40]!r}"
    assert record == (26, "text", reason)


def chat(text, answer, system="Be fair."):
    turns = [("system", system), ("user", f'Text: "{text}"'), ("assistant", answer)]
    return {"messages": [{"role": role, "content": content} for role, content in turns if content is not None]}


def test_chat(write, labels):
    path = write([chat("first post", '{"label": "hate"}'), chat("second", "not hate"), chat("third", "It is normal.")])
    result = read_posts(path, labels)
    assert [(post.text, post.label) for post in result.posts] == [
        ("first post", "hate"), ("second", "not_hate"), ("third", "not_hate"),
    ]  # fmt: skip
    assert (result.frame.prefix, result.frame.suffix, result.frame.role) == ('Text: "', '"', "user")
    assert result.frame.before == (("system", "Be fair."),)
    assert result.posts[0].prompt == 'Be fair.\n\nText: "first post"'
    assert result.posts[0].answer == '{"label": "hate"}'


def test_chat_with_parts_and_a_label_column(write, labels):
    parts = [{"type": "text", "text": "only "}, "this"]
    (post,) = read(write([{"messages": [{"role": "user", "content": parts}], "label": "hate"}]), labels)
    assert (post.text, post.label, post.answer) == ("only this", "hate", None)


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        (None, "expected a list of {role, content} messages"),
        ([], "expected a list of {role, content} messages"),
        (["x"], "message 1 is not an object with a role and content"),
        ([{"role": "user", "content": None}], "message 1 has no text content"),
        ([{"role": "user", "content": [{"type": "image"}]}], "message 1 has a part that is not text (image)"),
        ([{"role": "user", "content": [3]}], "message 1 has a part that is not text (int)"),
        ([{"role": "assistant", "content": "hate"}], "no prompt before the assistant's message"),
        (
            [{"role": "user", "content": "x"}, {"role": "assistant", "content": " "}],
            "the assistant's last message is empty",
        ),
        (
            [{"role": "assistant", "content": "hate"}, {"role": "user", "content": "x"}],
            "a message follows the assistant's last one: the prompt has no answer",
        ),
    ],
)
def test_bad_chats(messages, reason, write, labels):
    path = write([chat("a", "hate"), {"messages": messages}, chat("b", "hate")])
    assert bad(path, labels) == [(2, "messages", reason)]


def test_no_prompt_is_usable(write, labels):
    assert "no usable post" in message(write([{"messages": []}]), labels, on_error="skip")


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(str.strip)


@given(st.lists(st.tuples(texts, st.sampled_from(["hate", "not_hate"])), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_text_survives_every_format(tmp_path, labels, rows):
    records = [{"text": text, "label": label} for text, label in rows]
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, ["text", "label"])
    writer.writeheader()
    writer.writerows(records)
    contents = {
        "a.jsonl": "\n".join(json.dumps(record, ensure_ascii=False) for record in records),
        "a.json": json.dumps(records, ensure_ascii=False, indent=1),
        "a.csv": table.getvalue(),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content.encode())
        posts = read(tmp_path / name, labels, marker="")
        assert [(post.text, post.label) for post in posts] == rows, name


@given(st.binary(max_size=80), st.sampled_from(["x.jsonl", "x.json", "x.csv", "x"]))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_break_the_reader(tmp_path, labels, content, name):
    (tmp_path / name).write_bytes(content)
    try:
        read_posts(tmp_path / name, labels, on_error="skip")
    except DataError as error:
        assert str(error).startswith(str(tmp_path / name))


def test_an_empty_text_is_a_post(write, labels):
    path = write([{"text": "", "label": "hate"}, {"text": " ", "label": "normal"}])
    assert [(post.text, post.label) for post in read(path, labels)] == [("", "hate"), (" ", "not_hate")]


def test_a_prepared_file_is_read_whatever_columns_the_study_names_for_the_original(write, labels):
    row = {"id": "a", "text": "x", "label": "hate", "group": None, "source": None}
    columns = PostColumns(text="Kommentar", label="Bewertung")
    (post,) = read(write([row]), labels, columns=columns)
    assert (post.id, post.text, post.label) == ("a", "x", "hate")
