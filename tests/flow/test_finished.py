"""What a finished run is good for: leaderboards, trackers, a card, a hub, other tools, notebooks."""

import csv
import json
import math
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.commands import printed, run, run_apart
from tests.flow.hub_server import Hub
from tests.flow.quick import quick_study

from probatum.data.records import read_written_posts
from probatum.export.finished import Finished
from probatum.hub import FILES
from probatum.shelf import read_run

pytestmark = pytest.mark.flow
EXAMPLE = Path(__file__).parents[2] / "examples" / "one_run.py"


def tracked_in(place):
    """What makes MLflow write its files below a folder."""
    return {"MLFLOW_TRACKING_URI": (place / "mlruns").as_uri(), "MLFLOW_ALLOW_FILE_STORE": "true"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with `runs/one`, a whole small run that reported to MLflow, and `runs/two`, its cheap systems alone."""
    place = tmp_path_factory.mktemp("finished")
    study = quick_study(place / "study", report_to=["mlflow"])
    content = yaml.safe_load(study.read_text())
    content["cost_per_hour"] = 3.0
    content["card"] = {
        "license": "apache-2.0",
        "base_model": "user/toy",
        "datasets": ["user/posts"],
        "language": ["en"],
    }
    study.write_text(yaml.safe_dump(content))
    done = run("run", study, "--out", place / "runs" / "one", cwd=place, **tracked_in(place))
    assert done.code in (0, 1, 3), done.err
    content |= {"systems": ["majority", "linear"], "verdict": {"criteria": []}}
    (place / "study" / "two.yaml").write_text(yaml.safe_dump(content))
    printed("run", place / "study" / "two.yaml", "--out", place / "runs" / "two", cwd=place, code=3)
    return place


@pytest.fixture
def one(place):
    return read_run(place / "runs" / "one")


def test_the_leaderboard_pairs_runs_on_the_same_posts(place):
    told = json.loads(printed("runs", "--json", "--html", "board.html", cwd=place))
    (board,) = told["boards"]
    assert board["n"] == 60
    assert {row["system"]: row["runs"] for row in board["rows"]} == {
        "tuned": ["runs/one"],
        "baseline": ["runs/one"],
        "linear": ["runs/one", "runs/two"],
        "majority": ["runs/one", "runs/two"],
    }
    assert told["unread"] == {}
    training = json.loads((place / "runs/one/training/result.json").read_text())
    tuned = next(row for row in board["rows"] if row["system"] == "tuned")
    assert tuned["seconds"] > training["seconds"]
    assert tuned["cost"] == pytest.approx(tuned["seconds"] * 3 / 3600)
    assert "<script" not in (place / "board.html").read_text()
    assert json.loads(printed("compare", "runs/one", "runs/two", "--json", cwd=place)) == told
    assert max(map(len, printed("runs", cwd=place).splitlines())) <= 80


def test_a_run_that_is_not_whole_is_named_not_dropped(place, tmp_path):
    shutil.copytree(place / "runs", tmp_path / "runs")
    manifest = tmp_path / "runs" / "two" / "manifest.json"
    content = json.loads(manifest.read_text())
    content["stages"]["linear"]["state"] = "failed"
    manifest.write_text(json.dumps(content))
    (tmp_path / "runs" / "one" / "tuned" / "predictions.jsonl").write_text("{")
    shutil.copytree(place / "runs" / "two", tmp_path / "runs" / "short")
    rows = tmp_path / "runs" / "short" / "linear" / "predictions.jsonl"
    rows.write_text("".join(rows.read_text().splitlines(keepends=True)[1:]))
    unread = json.loads(printed("runs", "--json", cwd=tmp_path))["unread"]
    assert unread["runs/two"] == "not scored yet: linear"
    assert unread["runs/one"].startswith("cannot be read: ")
    assert unread["runs/short"].startswith("cannot be read: 'linear' did not answer exactly the posts being compared")
    printed("export", "runs/short", "--format", "csv", cwd=tmp_path, code=2)


def test_flags_that_a_leaderboard_does_not_take_are_refused(place):
    message = printed("compare", "runs/one", "--positive", "x", "--json", cwd=place, code=2)
    assert json.loads(message)["error"].startswith("--positive: not for this; runs/one is a folder; name the file")
    message = printed("compare", "study/study.yaml", "--metric", "mcc", "--json", cwd=place, code=2)
    assert "--metric: not for this" in json.loads(message)["error"]


def test_tensorboard_has_the_losses_and_the_verdict(place, one):
    events = EventAccumulator(str(one.folder.training / "tensorboard")).Reload()
    names = set(events.Tags()["scalars"])
    assert {"train/loss", "eval/loss", "verdict/tuned/f1", "verdict/baseline/fpr", "verdict/accepted"} <= names
    (f1,) = events.Scalars("verdict/tuned/f1")
    assert f1.value == pytest.approx(one.verdict.systems["tuned"].metrics["f1"].value)
    assert f1.step == json.loads((one.folder.training / "result.json").read_text())["best_step"]


def test_mlflow_has_one_run_with_the_losses_and_the_verdict(place, one):
    metrics = list((place / "mlruns").glob("*/*/metrics"))
    assert len(metrics) == 1
    value, step = (metrics[0] / "verdict/tuned/f1").read_text().split()[1:3]
    assert float(value) == pytest.approx(one.verdict.systems["tuned"].metrics["f1"].value)
    assert int(step) == json.loads((one.folder.training / "result.json").read_text())["best_step"]
    assert (metrics[0] / "loss").is_file()
    assert json.loads((one.folder.training / "trackers.json").read_text()) == {"mlflow": metrics[0].parent.name}


def test_the_card_is_valid_for_the_hub(one):
    for path in (one.folder.card, one.folder.adapter / "README.md"):
        card = ModelCard.load(path)
        assert card.data.license == "apache-2.0"
        assert (card.data.library_name, card.data.base_model, card.data.datasets) == (
            "peft",
            "user/toy",
            ["user/posts"],
        )
        figures = {result.metric_type: result.metric_value for result in card.data.eval_results}
        assert figures["f1"] == pytest.approx(one.verdict.systems["tuned"].metrics["f1"].value, abs=1e-4)
        assert {result.task_type for result in card.data.eval_results} == {"text-classification"}
        assert str(one.folder.path) not in path.read_text()
    assert one.folder.card.read_text() == (one.folder.adapter / "README.md").read_text()


def pushed(place, hub, *flags, code=0, run="runs/one"):
    hub_settings = {"HF_ENDPOINT": hub.address, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": "hf_test"}
    done = run_apart("push", run, "--to", "user/repo", *flags, cwd=place, **hub_settings)
    assert done.code == code, done.err
    return done.out + done.err


def test_push_sends_the_adapter_and_its_card_and_no_post(place, one):
    with Hub() as hub:
        said = pushed(place, hub, "--private")
    assert f"{hub.address}/user/repo/commit/" in said
    warned = f"warning: the verdict on this adapter is {one.verdict.outcome}; its card says so"
    assert (warned in said) is not one.verdict.accepted
    assert [(made["name"], made["visibility"]) for made in hub.repositories] == [("repo", "private")]
    assert set(hub.files) == set(FILES)
    assert hub.files["adapter_model.safetensors"] == (one.folder.adapter / "adapter_model.safetensors").read_bytes()
    assert str(place).encode() not in hub.sent
    for side in ("train", "validation", "test"):
        assert not [post.id for post in read_written_posts(one.folder.posts(side)) if post.text.encode() in hub.sent]


def test_a_card_that_quotes_a_post_is_not_sent(place, tmp_path):
    shutil.copytree(place / "runs" / "one", tmp_path / "one")
    post = read_written_posts(tmp_path / "one" / "data" / "train.jsonl")[3]
    card = tmp_path / "one" / "training" / "adapter" / "README.md"
    card.write_text(card.read_text() + post.text)
    with Hub() as hub:
        said = pushed(place, hub, code=4, run=str(tmp_path / "one"))
    assert f"the text of post {post.id!r} stands in the model card; nothing was sent" in said
    assert hub.sent == b""


def test_a_hub_that_refuses_is_told(place):
    with Hub(refuse=True) as hub:
        assert "user/repo: nothing was pushed (HfHubHTTPError" in pushed(place, hub, code=4)


def test_nothing_is_sent_without_credentials(place, tmp_path):
    with Hub() as hub:
        hub_settings = {"HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path), "HF_TOKEN": ""}
        done = run_apart("push", "runs/one", "--to", "user/repo", cwd=place, **hub_settings)
        assert (done.code, hub.repositories, hub.sent) == (2, [], b"")
    assert "user/repo: nothing was sent, for there are no credentials; log in with `hf auth login`" in done.err


def test_a_hub_that_is_not_reached_asks_for_no_login(place):
    with Hub() as hub:
        pass  # it listens no more
    said = pushed(place, hub, code=4)
    assert "nothing was pushed (ConnectError" in said
    assert "the hub gave no answer: look to the network and HF_ENDPOINT" in said
    assert "hf auth login" not in said


def test_a_run_without_an_adapter_cannot_be_pushed(place):
    with Hub() as hub:
        assert "only a run that trained can be pushed" in pushed(place, hub, code=2, run="runs/two")


def test_csv_holds_every_post_and_figure(place, one):
    printed("export", "runs/one", "--format", "csv", "--out", "csv", cwd=place)
    with (place / "csv" / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    posts = read_written_posts(one.folder.posts("test"))
    assert [(row["id"], row["text"]) for row in rows] == [(post.id, post.text) for post in posts]
    told = Finished.read(one).predictions["tuned"]
    assert [float(row["tuned_score"]) for row in rows] == [row.score for row in told]
    with (place / "csv" / "metrics.csv").open(encoding="utf-8", newline="") as file:
        figures = {(row["system"], row["metric"]): row["value"] for row in csv.DictReader(file)}
    for system, result in one.verdict.systems.items():
        for metric, interval in result.metrics.items():
            assert figures[system, metric] == (repr(interval.value) if interval.defined else "")


def test_lm_eval_files_agree_with_the_verdict(place, one):
    printed("export", "runs/one", "--format", "lm-eval", "--out", "lm", cwd=place)
    for system, result in one.verdict.systems.items():
        (results,) = (place / "lm" / system).glob("results_*.json")
        (samples,) = (place / "lm" / system).glob("samples_*.jsonl")
        figures = json.loads(results.read_text())["results"]["demo"]
        rows = [json.loads(line) for line in samples.read_text().splitlines()]
        assert figures["f1,none"] == result.metrics["f1"].value
        assert sum(row["acc"] for row in rows) / len(rows) == pytest.approx(figures["acc,none"])
        assert [row["doc_id"] for row in rows] == list(range(60))
        config = json.loads(results.read_text())["configs"]["demo"]
        assert all(metric["metric"] in row for row in rows for metric in config["metric_list"])
        assert {row["target"] for row in rows} <= set(config["doc_to_choice"])
        for row, told in zip(rows, Finished.read(one).predictions[system], strict=True):
            logs = [float(log) for log, _ in row["filtered_resps"]]
            assert math.exp(logs[0]) == pytest.approx(told.score)
            assert sum(map(math.exp, logs)) == pytest.approx(1)
            assert [argument["arg_1"] for argument in row["arguments"].values()] == [" hate", " not hate"]


def test_the_harness_reads_its_files_back(place, one):
    harness = pytest.importorskip("lm_eval.utils", reason="lm_eval is not installed (its readers are tried by hand)")
    printed("export", "runs/one", "--format", "lm-eval", "--out", "lm", cwd=place)
    for system, result in one.verdict.systems.items():
        files = [str(path) for path in (place / "lm" / system).iterdir()]
        (results,), (samples,) = harness.get_results_filenames(files), harness.get_sample_results_filenames(files)
        assert harness.get_file_task_name(Path(samples).name) == "demo"
        table = harness.make_table(json.loads(Path(results).read_text()))
        assert f"{result.metrics['f1'].value:.4f}" in table


def test_inspect_reads_its_log_back(place, one):
    log = pytest.importorskip("inspect_ai.log", reason="inspect_ai is not installed (an optional extra)")
    printed("export", "runs/one", "--format", "inspect", "--out", "inspect", cwd=place)
    for system, result in one.verdict.systems.items():
        read = log.read_eval_log(str(place / "inspect" / f"demo_{system}.eval"))
        assert (read.status, len(read.samples)) == ("success", 60)
        assert read.results.scores[0].metrics["f1"].value == result.metrics["f1"].value
        right = [sample.scores["probatum"].value == "C" for sample in read.samples]
        assert sum(right) / 60 == pytest.approx(result.metrics["accuracy"].value)
        assert (read.eval.model, read.eval.tags) == (f"probatum/{Finished.read(one).model_name(system)}", [system])
        assert read.stats.completed_at > read.stats.started_at
        told = Finished.read(one).predictions[system]
        given = [row.answer or row.prediction for row in told]
        assert [sample.output.completion for sample in read.samples] == given


def test_inspect_that_is_missing_is_named(place):
    hidden = (
        "import sys; sys.modules['inspect_ai'] = None; sys.argv[1:] = ['export', 'runs/one', '--format', 'inspect']"
    )
    code = f"{hidden}; from probatum.cli import main; main()"
    done = run_apart(before=("-c", code), cwd=place)
    assert done.code == 2
    assert "pip install 'probatum[inspect]'" in done.err


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.names = []

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)


def test_a_notebook_shows_study_run_and_verdict(one):
    for shown in (one.study, one, one.verdict):
        tags = Tags()
        tags.feed(shown._repr_html_())
        assert "table" in tags.names
        assert not {"script", "style", "img", "a"} & set(tags.names)
    assert one.verdict.outcome.upper() in one._repr_html_()


def test_the_flat_example_gives_the_same_verdict(place, one):
    done = run_apart(
        place / "study" / "study.yaml", place / "flat", before=[str(EXAMPLE)], cwd=place, **tracked_in(place)
    )
    assert done.code == one.verdict.exit_code, done.err
    flat = json.loads((place / "flat" / "verdict.json").read_text())
    whole = one.verdict.to_json()
    for system in whole["systems"]:
        assert flat["systems"][system]["metrics"] == whole["systems"][system]["metrics"]
    assert flat["sentence"] == whole["sentence"]
    assert done.out.endswith(f"report: {place / 'flat' / 'report.html'}\n")
    page = (place / "flat" / "report.html").read_text(encoding="utf-8")
    assert all(f'id="{name}"' in page for name in ("verdict", "criteria", "systems", "training", "posts", "audit"))
    assert (place / "flat" / "report.md").read_text(encoding="utf-8").startswith("# demo: ")
