"""The whole benchmark on a tiny model, and what is made of its figures."""

import json

import pytest

from benchmarks import posts
from benchmarks.jobs import BY_NAME, GUIDE, JOBS, PLAIN, TINY_JOBS, Given, parts_of
from benchmarks.layouts import config_of
from benchmarks.posts import Prompts
from benchmarks.product import pace_of
from benchmarks.record import read_results, record, table_of
from benchmarks.run import main

MACHINE = {"copy_bytes_s": 4.3e12, "matmul_flops_s": 788e12, "upload_bytes_s": 5e10, "device_bytes": 150 * 10**9}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    posts.main([str(folder), "--demo"])
    return folder


def product(**facts):
    return {"machine": MACHINE, "hardware": "1 x GPU", "complete": True} | facts


TRAINED = {"rate": 200.0, "mean_rate": 190.0, "steps": 120, "batch": 8, "whole_s": 60.0}
SCORED = {"posts": 32, "best_s": 0.5, "passes_s": [0.5, 0.6], "cold_s": 9.0}


def test_every_kind_of_job_runs_and_leaves_a_result_with_its_limit(bench, tmp_path, capsys):
    place = ["--posts", str(bench), "--work", str(tmp_path / "work"), "--results", str(tmp_path / "results")]
    assert main(["--size", "tiny", "--device", "cpu", "--here", "--quick", *place]) == 0
    results = {result["job"]: result for result in read_results(tmp_path / "results")}
    assert set(results) == {job.name for job in TINY_JOBS}
    for result in results.values():
        assert {"job", "value", "unit", "limit", "peers", "hardware", "versions", "date", "commit"} <= result.keys()
        assert result["value"] > 0 and result["limit"] > 0
        assert any("random weights" in note for note in result["notes"])
    for name in ("score-rate-tiny", "train-rate-tiny", "score-s-tiny", "train-s-tiny"):
        assert set(results[name]["peers"]) == {GUIDE, PLAIN}, results[name]["notes"]
    shown = capsys.readouterr().out
    assert all(job.name in shown for job in TINY_JOBS)


def test_a_budget_that_is_over_begins_nothing_and_says_so(bench, tmp_path, capsys):
    place = ["--posts", str(bench), "--work", str(tmp_path / "work"), "--results", str(tmp_path / "results")]
    assert main(["--size", "tiny", "--device", "cpu", "--here", "--budget-s", "-1", *place]) == 0
    assert "not begun: checkpoint-tiny, product-tiny, peers-tiny, study-tiny" in capsys.readouterr().out


def test_resuming_does_only_what_is_not_done_with_the_checkpoint_that_it_needs(bench, tmp_path, capsys):
    parts = tmp_path / "work" / "parts"
    parts.mkdir(parents=True)
    for name, complete in {"checkpoint": True, "product": True, "peers": False, "study": True}.items():
        (parts / f"{name}-tiny.json").write_text(json.dumps({"complete": complete}))
    place = ["--posts", str(bench), "--work", str(tmp_path / "work"), "--results", str(tmp_path / "results")]
    assert main(["--size", "tiny", "--device", "cpu", "--resume", "--budget-s", "-1", *place]) == 0
    assert "not begun: checkpoint-tiny, peers-tiny; go on" in capsys.readouterr().out


def test_parts_come_once_each_and_model_by_model():
    assert parts_of(JOBS[:4]) == [
        "checkpoint-20b", "product-20b", "peers-20b", "checkpoint-120b", "product-120b", "peers-120b",
    ]  # fmt: skip


def test_values_and_peers_come_in_the_unit_of_the_job(bench, tmp_path):
    prompts, config = Prompts.read(bench), config_of("20b", 0)
    peers = {"score": {GUIDE: 2.0, PLAIN: 200.0}, "train": {GUIDE: 10.0, PLAIN: 20.0}, "notes": []}
    parts = {"product-20b": product(train=TRAINED, score=SCORED), "peers-20b": peers}
    given = Given(parts, prompts, config, "20b")
    found = {}
    for name in ("score-20b", "train-20b-b8", "train-20b-times-guide"):
        found[name] = json.loads(record(BY_NAME[name], given, tmp_path, "abc").read_text())
    assert found["score-20b"]["value"] == len(prompts.scored) / 0.5
    assert found["train-20b-b8"]["value"] == 200
    assert found["train-20b-times-guide"]["value"] == 20
    assert found["train-20b-times-guide"]["peers"][PLAIN] == 2
    assert found["train-20b-times-guide"]["limit"] == pytest.approx(found["train-20b-b8"]["limit"] / 10, rel=1e-3)
    assert table_of(list(found.values())).row_count == 3


def test_peers_whose_weights_do_not_fit_are_named_with_the_arithmetic(bench, tmp_path):
    given = Given({"product-120b": product(score=SCORED)}, Prompts.read(bench), config_of("120b", 0), "120b")
    result = json.loads(record(BY_NAME["score-120b-1009-s"], given, tmp_path, "abc").read_text())
    assert result["peers"][GUIDE] is None and result["peers"][PLAIN] is None
    assert "peers: the weights take 234 GB in bf16 and the card has 150 GB" in result["notes"]
    assert result["value"] == 0.5


def test_what_is_not_measured_leaves_no_result(bench, tmp_path):
    given = Given({"product-20b": product(score=SCORED)}, Prompts.read(bench), config_of("20b", 0), "20b")
    assert record(BY_NAME["train-20b-b8"], given, tmp_path, "abc") is None
    assert record(BY_NAME["train-20b-times-guide"], given, tmp_path, "abc") is None


def test_the_pace_leaves_out_the_warm_up_and_one_slow_stretch(tmp_path):
    times = {1: 0.0, 10: 50.0, 20: 51.0, 30: 52.0, 40: 72.0, 50: 73.0, 60: 90.0}
    rows = [{"step": step, "loss": 1.0, "time": time} for step, time in times.items()]
    (tmp_path / "log.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in [*rows, {"step": 50, "eval_loss": 1}])
    )
    pace = pace_of(tmp_path, batch=8, warm_up=10, last=50)
    assert pace["rate"] == 80
    assert pace["mean_rate"] == pytest.approx(8 * 40 / 23)
    assert pace["steps"] == 40
