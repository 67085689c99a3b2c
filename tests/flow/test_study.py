"""Whole studies through the command line: run, killed, resumed, repeated, in every form of data."""

import json
import shlex
import signal
import time
from pathlib import Path

import pytest
import yaml
from safetensors.torch import load_file
from tests.commands import printed, run, run_apart, start

from probatum.data.records import read_predictions, read_written_posts
from probatum.demo import write_demo

pytestmark = pytest.mark.flow
SRC = Path(__file__).parents[2] / "src"
# what is measured beside the test by default
BESIDE = {
    "read cases, make swaps", "score baseline again", "swaps of linear", "swaps of baseline", "swaps of tuned",
    "learning curve",
}  # fmt: skip
STAGES = 7 + len(BESIDE)


def small_study(folder, **training):
    """The demo's study on a tenth of its posts."""
    path = write_demo(folder)
    for side, count in (("train", 192), ("validation", 40), ("test", 60)):
        file = folder / "data" / f"{side}.jsonl"
        file.write_text("".join(file.read_text().splitlines(keepends=True)[:count]))
    study = yaml.safe_load(path.read_text())
    study["training"] |= {"eval_steps": 4, "warmup_steps": 2} | training
    study["swaps"] = {"most": 8}
    path.write_text(yaml.safe_dump(study))
    return path


def adapter(run):
    return load_file(run / "training" / "adapter" / "adapter_model.safetensors")


def test_a_killed_study_goes_on_and_ends_the_same(tmp_path):
    study = small_study(tmp_path / "study", dropout=0.1, max_steps=12)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = start("run", study, "--out", killed)
    deadline = time.monotonic() + 200
    while not (killed / "training" / "checkpoints" / "checkpoint-4" / "trainer_state.json").is_file():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    told = json.loads(printed("status", killed, "--json", cwd=tmp_path))
    states = {stage["name"]: stage["state"] for stage in told["stages"] if stage["state"] != "waiting"}
    assert states == {
        "data": "done", "cases": "done", "majority": "done", "linear": "done", "baseline": "done",
        "training": "stopped",
    }  # fmt: skip
    assert told["alive"] is False

    again = run_apart("run", study, "--out", killed)
    assert again.code in (0, 1, 3), again.err
    assert again.out.count("unchanged") == 5
    printed("run", study, "--out", whole, cwd=tmp_path, code=again.code)

    ours, theirs = adapter(killed), adapter(whole)
    assert ours.keys() == theirs.keys()
    assert all((ours[name] == theirs[name]).all() for name in ours)
    for system in ("majority", "linear", "baseline", "tuned"):
        assert (killed / system / "predictions.jsonl").read_bytes() == (
            whole / system / "predictions.jsonl"
        ).read_bytes()

    # a third time nothing is left to do, and another criterion repeats the judging alone
    assert printed("run", study, "--out", whole, cwd=tmp_path, code=again.code).count("unchanged") == STAGES
    changed = yaml.safe_load(study.read_text())
    changed["verdict"]["criteria"] = [{"metric": "f1", "at_least": 0.999, "decide": "point"}]
    study.write_text(yaml.safe_dump(changed))
    assert printed("run", study, "--out", whole, cwd=tmp_path, code=1).count("unchanged") == STAGES - 1


def test_the_run_folder_holds_what_was_promised(tmp_path):
    study = small_study(tmp_path / "study", max_steps=2)
    verdict = json.loads(run_apart("run", study, "--out", tmp_path / "run", "--json").out)
    run = tmp_path / "run"
    for name in (
        "study.yaml",
        "manifest.json",
        "verdict.json",
        "report.md",
        "report.html",
        "context.json",
        "data/audit.json",
        "training/log.jsonl",
    ):
        assert (run / name).is_file(), name
    assert verdict == json.loads((run / "verdict.json").read_text())
    posts = read_written_posts(run / "data" / "test.jsonl")
    for system in ("majority", "linear", "baseline", "tuned"):
        predictions = read_predictions(run / system / "predictions.jsonl")
        assert [row.id for row in predictions] == [post.id for post in posts]
        assert (run / system / "metrics.json").is_file()
    manifest = json.loads((run / "manifest.json").read_text())
    assert {"torch", "transformers", "peft"} <= manifest["versions"].keys()
    assert all(record["state"] == "done" for record in manifest["stages"].values())
    # the resolved study gives the same run again
    assert (
        printed("run", run / "study.yaml", "--out", run, cwd=tmp_path, code=verdict_code(verdict)).count("unchanged")
        == STAGES
    )


def verdict_code(verdict):
    return {"accepted": 0, "rejected": 1, "inconclusive": 3}[verdict["outcome"]]


def test_stage_by_stage_equals_one_command(tmp_path):
    study = small_study(tmp_path / "study", max_steps=3)
    steps, whole = tmp_path / "steps", tmp_path / "whole"
    assert "predictions:" in printed("score", study, "--system", "baseline", "--out", steps, cwd=tmp_path)
    assert "adapter:" in printed("train", study, "--out", steps, cwd=tmp_path)
    printed("score", study, "--system", "tuned", "--out", steps, cwd=tmp_path)
    one = json.loads((steps / "tuned" / "predictions.jsonl").read_text().splitlines()[0])
    assert one["status"] == "ok"
    code = run("compare", study, "--out", steps).code
    printed("run", study, "--out", whole, cwd=tmp_path, code=code)
    assert (steps / "tuned" / "predictions.jsonl").read_bytes() == (whole / "tuned" / "predictions.jsonl").read_bytes()


def edit(study, **changes):
    """Lay dotted settings over a study file."""
    settings = yaml.safe_load(study.read_text())
    for key, value in changes.items():
        section, name = key.split("__")
        settings.setdefault(section, {})[name] = value
    study.write_text(yaml.safe_dump(settings))


def unchanged(out):
    """The stages that were not repeated."""
    return {line.split("unchanged")[0].strip() for line in out.splitlines() if "unchanged" in line}


def test_a_change_repeats_what_depends_on_it_and_nothing_else(tmp_path):
    study = small_study(tmp_path / "study", max_steps=2)
    edit(study, verdict__criteria=[])
    run = tmp_path / "run"

    def again():
        return unchanged(printed("run", study, "--out", run, cwd=tmp_path, code=3))

    scored = {"score majority", "score linear", "score baseline", "score tuned"}
    assert again() == set()
    first = (run / "training" / "adapter" / "adapter_model.safetensors").read_bytes()
    edit(study, scoring__tokens_per_batch=512)
    kept = {"read and audit the posts", "train the adapter", "compare and judge"}
    assert again() == scored | kept | BESIDE

    # a column that only the criteria look at: nothing is scored anew, but the judging is
    test = tmp_path / "study" / "data" / "test.jsonl"
    rows = [json.loads(line) | {"register": "formal"} for line in test.read_text().splitlines()]
    test.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "compare and judge" not in again()

    # other settings set the trained adapter aside, and the old ones bring it back
    edit(study, training__rank=4)
    untrained = {"read and audit the posts", "score majority", "score linear", "score baseline"}
    untrained |= BESIDE - {"swaps of tuned"}
    assert again() == untrained
    assert (run / "training" / "adapter" / "adapter_model.safetensors").read_bytes() != first
    edit(study, training__rank=16)
    assert again() == untrained
    assert (run / "training" / "adapter" / "adapter_model.safetensors").read_bytes() == first


def test_the_next_command_keeps_the_flags_of_this_run(tmp_path):
    study = small_study(tmp_path / "study", max_steps=1)
    out = printed("train", study, "--rank", "2", "--out", tmp_path / "r 1", cwd=tmp_path)
    command = next(line for line in out.splitlines() if line.startswith("next: probatum ")).removeprefix("next: ")
    assert "--system tuned" in command
    before = (tmp_path / "r 1" / "training" / "adapter" / "adapter_model.safetensors").read_bytes()
    scored = printed(*shlex.split(command)[1:], cwd=tmp_path)
    assert "train the adapter" in unchanged(scored)
    assert (tmp_path / "r 1" / "training" / "adapter" / "adapter_model.safetensors").read_bytes() == before


def test_a_slice_without_posts_is_told_before_anything_is_scored(tmp_path):
    study = small_study(tmp_path / "study")
    edit(study, verdict__criteria=[{"metric": "fpr", "slice": {"group": "klingon"}, "at_most": 0.3}])
    done = run("run", study, "--out", tmp_path / "run", "--json")
    assert done.code == 2
    assert "verdict.criteria[0].slice: no post has group=klingon; there are: lgbtq" in done.err
    assert json.loads(done.out)["exit_code"] == 2
    assert not (tmp_path / "run" / "baseline").exists()


def test_a_file_cannot_be_a_run_folder(tmp_path):
    study = small_study(tmp_path / "study")
    done = run("run", study, "--out", study)
    assert (done.code, "Traceback" in done.err) == (2, False)
    assert "choose another with --out" in done.err


def test_the_demo_as_the_readme_calls_it(tmp_path):
    done = run_apart("demo", cwd=tmp_path)
    assert done.code == 0, done.err
    out = done.out
    assert "ACCEPTED" in out
    assert (tmp_path / "demo" / "run" / "report.md").read_text(encoding="utf-8").startswith("# demo: accepted")
    assert f"report: {tmp_path / 'demo' / 'run' / 'report.html'}" in out


def test_the_guides_ready_prompts_and_no_test_file(tmp_path):
    """What a user of the guide has: `text` with a marker, the answer behind it or in `label`, and two files."""
    study = small_study(tmp_path / "study", max_steps=2)
    settings = yaml.safe_load(study.read_text())
    data = tmp_path / "study" / "data"
    for side in ("train", "validation"):
        rows = [json.loads(line) for line in (data / f"{side}.jsonl").read_text().splitlines()]
        words = settings["task"]["labels"]
        ready = [
            {
                "text": f"Classify the post.\n\n### Post:\n{row['text']}\n\n### Classification:"
                + (f" {words[row['label']]}" if side == "train" else ""),
                "group": row["group"],
            }
            | ({} if side == "train" else {"label": words[row["label"]]})
            for row in rows
        ]
        (data / f"{side}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ready))
    del settings["data"]["test"]
    del settings["prompt"]  # the posts bring their own
    settings["scoring"] = {"method": "generate"}
    study.write_text(yaml.safe_dump(settings))
    done = run("run", study, "--out", tmp_path / "run", "--json")
    verdict = json.loads(done.out)
    assert any("validation was split into 20 posts that choose and 20 that decide" in n for n in verdict["notes"])
    systems = verdict["systems"]
    assert systems["baseline"]["n"] == 20
    frame = yaml.safe_load((tmp_path / "run" / "data" / "prompt.yaml").read_text())
    assert "### Post:\n" in json.dumps(frame, ensure_ascii=False).replace("\\n", "\n")
    posts = read_written_posts(tmp_path / "run" / "data" / "test.jsonl")
    assert not any("###" in post.text for post in posts)


def test_a_model_that_cannot_be_had_is_one_error_that_lists_what_to_try(tmp_path):
    study = small_study(tmp_path / "study")
    settings = yaml.safe_load(study.read_text())
    settings["model"] = {"name": "openai/gpt-oss-20b"}
    study.write_text(yaml.safe_dump(settings))
    done = run_apart("run", study, "--out", tmp_path / "run", HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path / "empty"))
    assert done.code == 2
    assert done.err.startswith("error: cannot load the model 'openai/gpt-oss-20b'")
    for advice in ("a local folder", "hf download openai/gpt-oss-20b", "microsoft/Phi-3.5-MoE-instruct", "builtin"):
        assert advice in done.err
    assert "Traceback" not in done.err
