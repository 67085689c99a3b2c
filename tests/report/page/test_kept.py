"""A script that is kept between processes: made once, never trusted when damaged."""

from pathlib import Path

import pytest

from probatum.report.page import embed
from probatum.report.page.kept import cache_folder, kept

TEXT = "const a = '</script>'; // \u2028 é\r\n"


def never():
    raise AssertionError("made again")


def test_it_is_made_once(tmp_path):
    assert kept("a.js", lambda: TEXT, tmp_path / "cache") == TEXT
    assert kept("a.js", never, tmp_path / "cache") == TEXT
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["a.js"]


@pytest.mark.parametrize("damage", [b"", b"\n", b"alert(1)", b"\xff\xfe", None])
def test_a_damaged_file_is_made_again(tmp_path, damage):
    kept("a.js", lambda: TEXT, tmp_path)
    whole = (tmp_path / "a.js").read_bytes()
    (tmp_path / "a.js").write_bytes(whole[:-1] if damage is None else damage)
    assert kept("a.js", lambda: TEXT, tmp_path) == TEXT
    assert (tmp_path / "a.js").read_bytes() == whole


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path):
    (tmp_path / "file").write_text("no folder")
    assert kept("a.js", lambda: TEXT, tmp_path / "file" / "cache") == TEXT
    (tmp_path / "a.js").mkdir()
    assert kept("a.js", lambda: TEXT, tmp_path) == TEXT


def test_a_user_without_a_home_gets_the_text(monkeypatch):
    def no_home(_=None):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    assert kept("a.js", lambda: TEXT) == TEXT


@pytest.mark.parametrize("named", ["", "relative"])
def test_the_folder_is_the_platforms(monkeypatch, tmp_path, named):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", named)
    assert cache_folder() == tmp_path / ".cache" / "probatum"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere" / "probatum"
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache_folder() == tmp_path / "Library" / "Caches" / "probatum"


def test_the_library_from_the_cache_is_the_one_that_is_made(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = embed.chart_library.__wrapped__()
    monkeypatch.setattr(embed, "_bundle", never)
    assert embed.chart_library.__wrapped__() == made
    (tmp_path / "probatum").rename(tmp_path / "taken")
    with pytest.raises(AssertionError, match="made again"):
        embed.chart_library.__wrapped__()
