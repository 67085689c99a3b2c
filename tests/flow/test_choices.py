"""What is chosen on validation, through the command line: threshold, calibration, the winner of a sweep."""

import json
import os
import signal
import time

import pytest
import yaml
from tests.commands import printed, run, start
from tests.flow.test_study import edit, unchanged

from probatum.data.records import read_predictions
from probatum.demo import write_demo
from probatum.manifest import Manifest, RunFolder
from probatum.watch.status import planned_stages

pytestmark = pytest.mark.flow
SIZES = {"train": 32, "validation": 24, "test": 30}


def tiny_study(folder, **sections):
    """The demo's study on a few posts, trained for two steps, without what only larger studies need."""
    path = write_demo(folder)
    for side, count in SIZES.items():
        file = folder / "data" / f"{side}.jsonl"
        file.write_text("".join(file.read_text().splitlines(keepends=True)[:count]))
    study = yaml.safe_load(path.read_text())
    study["training"] |= {"max_steps": 2, "eval_steps": 1, "warmup_steps": 1}
    study["systems"] = ["majority", "linear", "tuned"]
    study["verdict"]["criteria"] = []
    study["swaps"] = {"most": 0}
    path.write_text(yaml.safe_dump(study | sections))
    return path


def test_another_threshold_rule_or_calibration_scores_nothing_again(tmp_path):
    study, run = tiny_study(tmp_path / "study"), tmp_path / "run"

    def again():
        return unchanged(printed("run", study, "--out", run, cwd=tmp_path, code=3))

    scored = {"score majority", "score linear", "score tuned", "train the adapter"}
    again()
    assert set(Manifest(RunFolder(run)).content["stages"]) == set(planned_stages(RunFolder(run)))
    at_half = read_predictions(run / "tuned" / "predictions.jsonl")
    edit(study, scoring__threshold=0.0)
    assert scored <= again()
    assert {row.prediction for row in read_predictions(run / "tuned" / "predictions.jsonl")} == {"hate"}

    edit(study, scoring__threshold="auto")  # now validation is needed, and the test's scores still stand
    found = again()
    assert scored <= found
    assert "tuned on validation" not in found
    verdict = json.loads((run / "verdict.json").read_text())
    used = verdict["decisions"]["tuned"]
    assert used["chosen"] and used["rule"] == "highest F1, on validation"
    assert used["at_half"]["f1"]["value"] is not None
    decision = json.loads((run / "tuned" / "decision.json").read_text())
    assert decision["threshold"] == used["threshold"]
    assert decision["threshold"] in [point["threshold"] for point in decision["frontier"]]
    assert verdict["decisions"]["majority"]["threshold"] == 0.5
    for side in ("", "validation_"):
        for row in read_predictions(run / "tuned" / f"{side}predictions.jsonl"):
            assert (row.prediction == "hate") == (row.score >= decision["threshold"])
    assert "## Thresholds and calibration" in (run / "report.md").read_text(encoding="utf-8")

    edit(study, scoring__rule={"goal": "cost", "cost": {"false_positive": 9}}, scoring__calibration="temperature")
    found = again()
    assert scored | {"linear on validation", "tuned on validation"} <= found
    assert "compare and judge" not in found
    assert read_predictions(run / "tuned" / "scores.jsonl") == at_half


def test_a_cap_by_an_unknown_column_ends_the_run_before_scoring(tmp_path):
    rule = {"threshold": "auto", "rule": {"cap": {"at_most": 0.3, "by": "tribe"}}}
    study = tiny_study(tmp_path / "study", scoring=rule)
    done = run("run", study, "--out", tmp_path / "run", "--json")
    assert done.code == 2
    assert "no validation post has a column 'tribe'; columns: group" in done.err
    assert not (tmp_path / "run" / "linear").exists()


SPACE = {"rank": [2, 4], "learning_rate": [1e-3], "epochs": [1], "reweighting": ["none", "group_label"], "trials": 2}


def test_a_sweep_that_is_killed_ends_as_one_left_alone(tmp_path):
    study = tiny_study(tmp_path / "study", sweep=SPACE, scoring={"threshold": "auto"})
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    process = start("sweep", study, "--json", "--out", killed)
    deadline = time.monotonic() + 300
    while not list(killed.glob("trials/*/training/checkpoints/checkpoint-1/trainer_state.json")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    resumed, alone = (json.loads(run("sweep", study, "--json", "--out", folder).out) for folder in (killed, whole))
    assert [one["settings"] for one in resumed["trials"]] == [one["settings"] for one in alone["trials"]]
    assert [one["value"] for one in resumed["trials"]] == [one["value"] for one in alone["trials"]]
    assert resumed["selection"] == alone["selection"]
    assert resumed["trials"][0]["settings"]["rank"] == 16  # the study as it is
    assert resumed["verdict"]["systems"]["tuned"]["metrics"] == alone["verdict"]["systems"]["tuned"]["metrics"]
    assert any("was chosen among 2 by F1 on validation" in note for note in alone["verdict"]["notes"])
    assert alone["looks"] == 1

    # no trial but the winner ever saw a test post
    for trial in (whole / "trials").iterdir():
        assert (trial / "tuned" / "scores.jsonl").exists() == (trial.name == alone["winner"]["facts"]["name"])


def test_a_second_winner_on_the_same_test_posts_gets_wider_intervals(tmp_path):
    study, out = tiny_study(tmp_path / "study", sweep=SPACE | {"trials": 1}), tmp_path / "sweep"
    printed("sweep", study, "--out", out, cwd=tmp_path, code=3)
    (out / "looks.json").write_text('["another-winner", "rank16-rate0.003-epochs1-none"]')
    told = printed("sweep", study, "--out", out, "--json", cwd=tmp_path, code=3)
    swept = json.loads(told)
    assert (swept["looks"], swept["verdict"]["confidence"]) == (2, 0.975)
    assert any("have now judged 2 winners of sweeps" in note for note in swept["verdict"]["notes"])
