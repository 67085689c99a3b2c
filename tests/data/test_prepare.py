"""Prepare: the files written, test posts kept out of training, and the frame as a strategy."""

import json

import pytest
import yaml

from probatum.data.prepare import prepare
from probatum.data.readers import read_posts
from probatum.data.reading.frames import Frame
from probatum.data.strategy import strategy_yaml
from probatum.errors import DataError


def rows(count, start=0):
    return [
        {"id": f"p{n}", "text": f"text {n}", "label": "hate" if n % 2 else "normal"}
        for n in range(start, start + count)
    ]


def texts(path, labels):
    return [post.text for post in read_posts(path, labels).posts]


def test_train_and_validation(write, tmp_path, labels):
    done = prepare("files", write(rows(40)), tmp_path / "out", labels=labels)
    assert done.counts == {"train": 34, "validation": 6, "skipped": 0, "overlap": 0, "limited": 0}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "prepared.json", "train.jsonl", "validation.jsonl",
    ]  # fmt: skip
    both = texts(done.files["train"], labels) + texts(done.files["validation"], labels)
    assert sorted(both) == sorted(row["text"] for row in rows(40))


def test_a_test_share(write, tmp_path, labels):
    done = prepare("files", write(rows(40)), tmp_path / "out", labels=labels, test_share=0.25)
    assert (done.counts["train"], done.counts["validation"], done.counts["test"]) == (24, 6, 10)


def test_posts_of_the_test_file_leave_training_if_asked(write, tmp_path, labels):
    test = write([{"text": "TEXT  3", "label": "hate"}, {"text": "new", "label": "hate"}], "test.jsonl")
    kept = prepare("files", write(rows(40)), tmp_path / "kept", labels=labels, test=test)
    assert (kept.counts["overlap"], kept.counts["train"] + kept.counts["validation"]) == (1, 40)
    done = prepare("files", write(rows(40)), tmp_path / "out", labels=labels, test=test, drop_overlap=True)
    assert done.counts["overlap"] == 1
    assert texts(done.files["test"], labels) == ["TEXT  3", "new"]
    assert "text 3" not in texts(done.files["train"], labels) + texts(done.files["validation"], labels)


def test_skipped_records_are_listed(write, tmp_path, labels):
    path = write([*rows(10), {"text": 3, "label": "hate"}])
    done = prepare("files", path, tmp_path / "out", labels=labels, on_error="skip")
    assert done.counts["skipped"] == 1
    (line,) = done.files["skipped"].read_text().splitlines()
    assert json.loads(line) == {"path": str(path), "line": 11, "field": "text", "reason": "expected a text, found int"}


def test_an_earlier_runs_files_do_not_stay(write, tmp_path, labels):
    out = tmp_path / "out"
    prepare("files", write(rows(40)), out, labels=labels, test_share=0.25)
    prepare("files", write(rows(40)), out, labels=labels)
    assert not (out / "test.jsonl").exists()


def test_prepare_twice_replaces_what_it_wrote(write, tmp_path, labels):
    out = tmp_path / "out"
    prepare("files", write(rows(40)), out, labels=labels)
    prepare("files", write(rows(60, 100)), out, labels=labels)
    assert set(texts(out / "train.jsonl", labels)) <= {row["text"] for row in rows(60, 100)}


@pytest.mark.parametrize("name", ["train.jsonl", "test.jsonl"])
def test_an_input_is_never_written_over_or_removed(write, tmp_path, labels, name):
    own = write(rows(40), name)
    before = own.read_bytes()
    with pytest.raises(DataError, match=rf"{name}: is read, and lies where prepare would write; choose another --out"):
        prepare("files", own, tmp_path, labels=labels)
    link = tmp_path / "link.jsonl"
    link.symlink_to(own)
    for given in ({"path": link}, {"path": write(rows(9), "other.jsonl"), "test": link}):
        with pytest.raises(DataError, match=r"link\.jsonl: is read, and lies where"):
            prepare("files", out=tmp_path, labels=labels, **given)
    assert own.read_bytes() == before
    assert not (tmp_path / "validation.jsonl").exists()


def test_a_hand_made_file_is_never_removed(write, tmp_path, labels):
    out = tmp_path / "out"
    out.mkdir()
    (out / "test.jsonl").write_text("made by hand")
    prepare("files", write(rows(40)), out, labels=labels)
    prepare("files", write(rows(40)), out, labels=labels)
    assert (out / "test.jsonl").read_text() == "made by hand"


def test_a_file_that_was_changed_since_is_not_removed(write, tmp_path, labels):
    out = tmp_path / "out"
    prepare("files", write(rows(40)), out, labels=labels, test_share=0.25)
    (out / "test.jsonl").write_text("mended by hand")
    for _ in range(2):
        prepare("files", write(rows(40)), out, labels=labels)
        assert (out / "test.jsonl").read_text() == "mended by hand"


@pytest.mark.parametrize(
    ("earlier", "message"),
    [(False, "was not written by prepare and"), (True, "was changed since prepare wrote it and")],
)
def test_somebody_elses_file_is_not_written_over(write, tmp_path, labels, earlier, message):
    out = tmp_path / "out"
    if earlier:
        prepare("files", write(rows(40)), out, labels=labels)
    out.mkdir(exist_ok=True)
    (out / "validation.jsonl").write_text("mine")
    with pytest.raises(
        DataError, match=rf"out/validation\.jsonl: {message} would be overwritten; choose another --out"
    ):
        prepare("files", write(rows(40)), out, labels=labels)
    assert (out / "validation.jsonl").read_text() == "mine"
    assert (out / "train.jsonl").exists() == earlier


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"files": 3}'])
def test_a_damaged_listing(write, tmp_path, labels, text):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "prepared.json").write_text(text)
    with pytest.raises(DataError, match=r"prepared\.json: no listing of prepare .*; choose another --out"):
        prepare("files", write(rows(40)), tmp_path / "out", labels=labels)


def test_limit(write, tmp_path, labels):
    done = prepare("files", write(rows(40)), tmp_path / "out", labels=labels, limit=5)
    assert (done.counts["train"], done.counts["validation"], done.counts["limited"]) == (5, 5, 30)


def test_the_same_seed_writes_the_same_bytes(write, tmp_path, labels):
    for out in ("a", "b"):
        prepare("files", write(rows(30)), tmp_path / out, labels=labels, seed=3)
    assert (tmp_path / "a" / "train.jsonl").read_bytes() == (tmp_path / "b" / "train.jsonl").read_bytes()


def test_ready_prompts_leave_a_strategy(write, tmp_path, labels):
    prompts = [
        {"text": f"Judge.\nPost: p {n}\n### Classification: {'hate' if n % 2 else 'not hate'}"} for n in range(30)
    ]
    done = prepare("files", write(prompts), tmp_path / "out", labels=labels)
    strategy = yaml.safe_load(done.files["prompt"].read_text())
    assert strategy["text"] == "Judge.\nPost: {post}\n### Classification:"
    assert all(text.startswith("p ") for text in texts(done.files["train"], labels))


def test_a_chat_frame_as_a_strategy():
    frame = Frame(("Judge.\nPersona: ", "\nText: "), ("",), (("system", "Be fair: {x}"),), "user")
    strategy = yaml.safe_load(strategy_yaml(frame, "f.jsonl"))
    assert strategy["messages"] == [
        {"role": "system", "content": "Be fair: {x}"},
        {"role": "user", "content": "Judge.\nText: {post}"},
    ]
    assert strategy["description"].endswith("Left out, because they differ between posts: persona.")


def test_a_plain_frame_with_a_placeholder_is_taken_as_it_is():
    strategy = yaml.safe_load(strategy_yaml(Frame(("Say {labels}: ",), ("\n",)), "f.jsonl"))
    assert strategy["frame"] == ["Say {labels}: ", "\n"]


def test_a_chat_frame_with_a_placeholder():
    with pytest.raises(DataError, match=r"f.jsonl: the messages hold \{labels\} beside the post; replace it"):
        strategy_yaml(Frame(("Say {labels}: ",), role="user"), "f.jsonl")


@pytest.mark.parametrize(
    "frame",
    [
        Frame(("Judge: {} ",), ("\n### Classification:",)),
        Frame(("{post} ",), ("\n",)),
        Frame(("Text: ",), ("",), (("system", "Be fair."),), "user"),
    ],
)
def test_the_strategies_load(frame, tmp_path):
    from probatum.prompt.strategy import Strategy

    content = yaml.safe_load(strategy_yaml(frame, "f.jsonl"))
    assert Strategy.model_validate(content).name == "ready"


@pytest.mark.parametrize("shares", [(-0.1, 0.0), (0.5, 0.5), (float("nan"), 0.0)])
def test_wrong_shares(shares, write, tmp_path, labels):
    with pytest.raises(DataError, match="shares of validation and test must be at least 0 and leave posts to train on"):
        prepare("files", write(rows(4)), tmp_path, labels=labels, validation_share=shares[0], test_share=shares[1])


def test_a_test_file_and_a_test_share(write, tmp_path, labels):
    with pytest.raises(DataError, match="a test file or a test share, not both"):
        prepare("files", write(rows(4)), tmp_path, labels=labels, test=tmp_path / "t", test_share=0.1)


def test_nothing_left_to_train_on(write, tmp_path, labels):
    path = write(rows(4))
    with pytest.raises(DataError, match=r"every post stands in .* too; nothing is left to train on"):
        prepare("files", path, tmp_path / "out", labels=labels, test=path, drop_overlap=True)


def test_the_real_posts(shared_data, tmp_path, labels):
    folder = shared_data / "unified"
    done = prepare("unified", folder / "unified_train.json", tmp_path / "a", labels=labels)
    sizes = {side: done.counts[side] for side in ("train", "validation", "test")}
    assert sizes == {"train": 3083, "validation": 545, "test": 514}
    assert (done.counts["skipped"], done.counts["overlap"]) == (0, 3)
    dropped = prepare(
        "unified",
        folder / "unified_train.json",
        tmp_path / "b",
        labels=labels,
        test=folder / "unified_val.json",
        drop_overlap=True,
    )
    assert dropped.counts["train"] + dropped.counts["validation"] == 3625


def test_the_test_file_is_cut_with_the_frame_of_train(write, tmp_path, labels):
    prompt = "Judge.\nPost: {}\n### Classification: {}"
    train = write([{"text": prompt.format(f"p {n}", "hate" if n % 2 else "not hate")} for n in range(30)])
    test = write([{"text": prompt.format("the only one", "hate")}], "test.jsonl")
    done = prepare("files", train, tmp_path / "out", labels=labels, test=test)
    assert texts(done.files["test"], labels) == ["the only one"]
