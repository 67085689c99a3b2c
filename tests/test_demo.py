"""What the demo writes, and what it leaves as it is."""

from probatum.demo import STUDY, write_demo


def test_the_same_bytes_every_time(tmp_path):
    first, second = ({p.name: p.read_bytes() for p in write(tmp_path / name)} for name in "ab")
    assert first == second
    assert first["study.yaml"] == STUDY.encode()


def write(folder):
    write_demo(folder)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_study_that_was_edited_is_kept(tmp_path):
    study = write_demo(tmp_path)
    edited = STUDY.replace("rank: 16", "rank: 8")
    study.write_text(edited)
    assert write_demo(tmp_path) == study
    assert study.read_text() == edited
