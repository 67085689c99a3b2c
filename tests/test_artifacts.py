"""Atomic writes and hashes: what a crash, a kill or a second writer may leave behind."""

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probatum.artifacts import sha256_file, sha256_json, write_json_atomic, write_text_atomic


def test_a_text_is_written_as_it_is_and_folders_are_made(tmp_path):
    path = tmp_path / "a" / "b" / "text.txt"
    write_text_atomic(path, "zwölf\r\nlines \u2028\n")
    assert path.read_bytes() == "zwölf\r\nlines \u2028\n".encode()
    assert [item.name for item in path.parent.iterdir()] == ["text.txt"]


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "text.txt"
    write_text_atomic(path, "a long first text")
    write_text_atomic(path, "short")
    assert path.read_text() == "short"


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600), (0o002, 0o664)])
def test_who_may_read_what_was_written_is_what_the_umask_says(tmp_path, umask, mode):
    path = tmp_path / "text.txt"
    before = os.umask(umask)
    try:
        write_text_atomic(path, "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize("text", ["half of it \ud800 cannot be encoded", None])
def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, text):
    path = tmp_path / "text.txt"
    write_text_atomic(path, "old")
    with pytest.raises((UnicodeEncodeError, AttributeError)):
        write_text_atomic(path, text)
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["text.txt"]


def test_a_disk_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "text.txt"
    write_text_atomic(path, "old")

    def full(_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write_text_atomic(path, "new")
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["text.txt"]


def test_a_writer_that_is_killed_leaves_the_old_file(tmp_path):
    path = tmp_path / "text.txt"
    write_text_atomic(path, "old")
    writer = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from probatum import artifacts\n"
        "artifacts.os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "artifacts.write_text_atomic(Path(sys.argv[1]), 'new' * 100_000)\n"
    )
    done = subprocess.run([sys.executable, "-c", writer, str(path)], env=os.environ | path_of_package(), check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    write_text_atomic(path, "newer")
    assert path.read_text() == "newer"


def path_of_package():
    return {"PYTHONPATH": os.pathsep.join(sys.path)}


def test_a_reader_never_sees_half_a_file(tmp_path):
    path = tmp_path / "text.txt"
    texts = {letter * 200_000 for letter in "ab"}
    write_text_atomic(path, "a" * 200_000)
    stop = threading.Event()

    def write():
        while not stop.is_set():
            for text in texts:
                write_text_atomic(path, text)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert all(path.read_text() in texts for _ in range(100))
    finally:
        stop.set()
        writer.join()


def test_json_is_readable_for_people_and_keeps_every_letter(tmp_path):
    path = tmp_path / "value.json"
    write_json_atomic(path, {"größe": [1, None]})
    assert path.read_text(encoding="utf-8") == '{\n  "größe": [\n    1,\n    null\n  ]\n}\n'


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_refuses_what_is_no_json(tmp_path, value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json_atomic(tmp_path / "value.json", {"score": value})
    assert not list(tmp_path.iterdir())


@given(content=st.binary(max_size=5000), repeats=st.sampled_from([1, 700]))
def test_a_files_hash_is_that_of_its_bytes(tmp_path_factory, content, repeats):
    path = tmp_path_factory.getbasetemp() / "hashed"
    path.write_bytes(content * repeats)
    assert sha256_file(path) == hashlib.sha256(content * repeats).hexdigest()


@given(value=st.dictionaries(st.text(), st.integers() | st.text() | st.none(), min_size=2))
def test_a_values_hash_does_not_hang_on_the_order_of_its_keys(value):
    backwards = dict(reversed(value.items()))
    assert sha256_json(value) == sha256_json(backwards) == sha256_json(json.loads(json.dumps(value)))


def test_different_values_have_different_hashes():
    values = [{}, [], {"a": 1}, {"a": "1"}, {"b": 1}, {"a": 1, "b": None}, [1, 2], [2, 1], None, "", 0]
    assert len({sha256_json(value) for value in values}) == len(values)
