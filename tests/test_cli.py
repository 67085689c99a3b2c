"""The command line: help, exit codes, errors told once, JSON that programs can read."""

import json
import random
import re
import shlex
import string
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
import yaml

from probatum import __version__, cli
from probatum.cli.app import console as console_of_app
from probatum.cli.app import errors
from probatum.cli.session import run_stages
from probatum.demo import STUDY
from probatum.errors import DataError, StageError, TrainingError
from probatum.manifest import RunFolder
from probatum.pipeline import Run
from probatum.study import Study

GROUP = typer.main.get_command(cli.app)
VERBS = sorted(GROUP.commands)


@pytest.fixture
def probatum(monkeypatch, capsys):
    """Run the command line as the shell would; returns exit code, stdout and stderr."""
    for console in (console_of_app, errors):
        monkeypatch.setattr(console, "_width", 100)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["probatum", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            cli.main()
            raise SystemExit(0)
        out, err = capsys.readouterr()
        return caught.value.code or 0, out, err

    return call


@pytest.fixture
def study(tmp_path):
    """A study file with small posts beside it."""
    (tmp_path / "data").mkdir()
    for side, count in (("train", 24), ("validation", 8), ("test", 12)):
        rows = [
            {
                "id": f"{n}",
                "text": f"{side} {'bad' if n % 2 else 'fine'} words {n}",
                "label": ("not_hate", "hate")[n % 2],
                "group": "lgbtq",
            }
            for n in range(count)
        ]
        (tmp_path / "data" / f"{side}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = tmp_path / "study.yaml"
    path.write_text(STUDY)
    return path


def plain(text):
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", text).split())


def test_version(probatum):
    assert probatum("--version") == (0, f"{__version__}\n", "")


def test_without_a_verb_there_is_help(probatum):
    code, out, err = probatum()
    assert code == 2
    assert "Begin with probatum demo" in plain(out + err)


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_lists_every_verb_with_a_sentence(probatum, flag):
    code, out, _ = probatum(flag)
    assert code == 0
    for verb in VERBS:
        assert re.search(rf"\b{verb}\b +[A-Z]\w+", out), verb
    assert "Exit codes: 0 accepted or done, 1 rejected, 2 the input is wrong, 3 inconclusive" in plain(out)


def test_the_verbs_of_this_version():
    assert set(VERBS) >= {"audit", "compare", "demo", "doctor", "prepare", "run", "score", "status", "train"}


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_names_each_option_with_its_help(probatum, verb):
    code, out, _ = probatum(verb, "--help")
    assert code == 0
    said = plain(out)
    command = GROUP.commands[verb]
    assert plain(command.help.split("\n\n")[0]) in said
    for parameter in command.params:
        assert parameter.help, parameter.name
        # a long help is folded over lines, between which other columns may stand
        assert " ".join(parameter.help.replace("\\", "").split()[:3]) in said, parameter.name
        if parameter.param_type_name == "option":
            assert parameter.opts[0] in said


def outcome(monkeypatch, code, to_json=None):
    """Let `run` end with a verdict of a given exit code."""
    verdict = SimpleNamespace(exit_code=code, to_json=lambda: to_json or {})
    done = Run(Study.model_construct(name="x"), RunFolder(Path("nowhere")), verdict)
    monkeypatch.setattr("probatum.pipeline.run", lambda *_, **__: done)
    monkeypatch.setattr("probatum.report.tables.print_verdict", lambda *_: None)
    monkeypatch.setattr("probatum.data.records.read_written_posts", lambda _: [])


@pytest.mark.parametrize("code", [0, 1, 3])
@pytest.mark.parametrize("verb", ["run", "compare"])
def test_the_exit_code_is_the_verdicts(probatum, study, monkeypatch, verb, code):
    outcome(monkeypatch, code)
    assert probatum(verb, study)[0] == code
    assert probatum(verb, study, "--json")[0] == code


def test_the_report_is_named_on_one_line(probatum, study, monkeypatch):
    outcome(monkeypatch, 0)
    assert probatum("run", study)[1] == "report: nowhere/report.html\n"


def fail_with(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("probatum.pipeline.run", fail)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DataError("posts.jsonl:3: [bold]label[/bold]: none"), 2),
        (StageError("the disk is full"), 4),
        (TrainingError("the loss is NaN"), 4),
    ],
)
@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_an_error_is_told_once_and_without_a_traceback(probatum, study, monkeypatch, error, code, flags):
    fail_with(monkeypatch, error)
    result, said, err = probatum("run", study, *flags)
    assert (result, err) == (code, f"error: {error}\n")
    if flags:
        assert json.loads(said) == {"error": str(error), "exit_code": code}
    else:
        assert said == ""


def test_ctrl_c_says_that_the_same_command_goes_on(probatum, study, monkeypatch):
    fail_with(monkeypatch, KeyboardInterrupt())
    code, out, err = probatum("run", study)
    assert code == 130
    assert out == ""
    assert err.strip() == "stopped; the same command goes on from here"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StageError("the disk is full"), ZeroDivisionError()])
def test_whatever_stops_a_run_the_bar_is_taken_away(monkeypatch, study, error):
    closed = []

    def fail(study, out, watcher, only, crew):
        monkeypatch.setattr(watcher, "close", lambda: closed.append(watcher))
        raise error

    monkeypatch.setattr("probatum.pipeline.run", fail)
    with pytest.raises((typer.Exit, StageError, ZeroDivisionError)):
        run_stages(Study.load(study), None, False)
    assert len(closed) == 1


def test_a_mistake_of_ours_is_not_hidden(probatum, study, monkeypatch):
    fail_with(monkeypatch, ZeroDivisionError("ours"))
    code, _, err = probatum("run", study)
    assert code == 4
    assert "Traceback" in err
    assert "ZeroDivisionError: ours" in err
    assert json.loads(probatum("run", study, "--json")[1]) == {"error": "ZeroDivisionError: ours", "exit_code": 4}


@pytest.mark.parametrize("arguments", [["--help"], ["audit", "-h"], ["--version"]])
def test_help_and_version_are_no_error(probatum, arguments):
    code, out, err = probatum(*arguments)
    assert (code, err) == (0, "")
    assert out.strip()


@pytest.mark.parametrize("verb", ["run", "score", "train", "compare", "doctor"])
def test_a_study_that_is_not_there(probatum, tmp_path, verb):
    code, out, err = probatum(verb, tmp_path / "none.yaml")
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert "none.yaml: no such study file" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run"], "Missing argument 'study'"),
        (["run", "study.yaml", "--rnk", "3"], "No such option: --rnk"),
        (["run", "study.yaml", "--limit", "3"], "Invalid value for '--limit'"),
        (["score", "study.yaml", "--system", "oracle"], "Invalid value for '--system'"),
        (["audit", "--against"], "'--against'"),
        (["compare", "a.csv", "--columns"], "'--columns'"),
        (["explain"], "No such command 'explain'"),
    ],
)
@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_wrong_usage_is_told_with_exit_code_2(probatum, arguments, said, flags):
    verb, *rest = arguments
    code, out, err = probatum(verb, *flags, *rest)
    assert code == 2
    assert said.casefold() in plain(err).casefold()
    assert "Traceback" not in err
    if flags:
        told = json.loads(out)
        assert told["exit_code"] == 2
        assert said.casefold() in told["error"].casefold()
    else:
        assert out == ""


def test_flags_lie_over_the_study(probatum, study, monkeypatch):
    seen = []

    def spy(study, out, watcher, only, crew):
        seen.append((study, out, only))
        raise StageError("enough")

    monkeypatch.setattr("probatum.pipeline.run", spy)
    flags = {
        "--rank": 4, "--alpha": 8, "--dropout": 0.2, "--epochs": 0.5, "--batch-size": 32, "--learning-rate": 1e-3,
    }  # fmt: skip
    given = [str(part) for pair in flags.items() for part in pair]
    probatum("run", study, *given, "--method", "generate", "--limit", 9, "--out", "there")
    probatum("train", study, *given, "--limit", 9)
    for changed, _, _ in seen:
        training = changed.training
        assert (training.rank, training.alpha, training.dropout, training.epochs) == (4, 8, 0.2, 0.5)
        assert (training.batch_size, training.learning_rate, changed.limit) == (32, 1e-3, 9)
        assert training.warmup_steps == 10  # the study's own
    assert seen[0][0].scoring.method == "generate"
    assert [rest for _, *rest in seen] == [[Path("there"), None], [None, ("training",)]]


def test_a_flag_that_does_not_fit_the_study_is_the_users_error(probatum, study):
    code, _, err = probatum("run", study, "--batch-size", 20)
    assert code == 2
    assert "batch_size 20 is not a multiple of micro_batch_size 16" in err


def test_prepare_splits_a_file_and_names_the_next_step(probatum, tmp_path):
    rows = [{"text": f"text {n}", "label": ("normal", "hate")[n % 2]} for n in range(40)]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "out"
    code, said, err = probatum("prepare", "files", tmp_path / "own.jsonl", "--out", out, "--test-share", 0.25)
    assert (code, err) == (0, "")
    counts = {side: len((out / f"{side}.jsonl").read_text().splitlines()) for side in ("train", "validation", "test")}
    assert counts == {"train": 24, "validation": 6, "test": 10}
    for side, count in counts.items():
        assert f"  {out / side}.jsonl  {count} posts\n" in said
    assert said.endswith(f"next: probatum audit {' '.join(str(out / side) + '.jsonl' for side in counts)}\n")


def test_the_step_after_prepare_knows_the_labels_of_the_study(probatum, tmp_path):
    (tmp_path / "own.jsonl").write_text(
        "".join(json.dumps({"text": f"text {n}", "label": ("fine", "toxic")[n % 2]}) + "\n" for n in range(40))
    )
    study = tmp_path / "own.yaml"
    labels = {"positive": "toxic", "labels": {"toxic": "toxic", "fine": "fine"}}
    files = {"train": "out/train.jsonl", "validation": "out/validation.jsonl"}
    study.write_text(yaml.safe_dump({"name": "own", "task": labels, "data": files}))
    code, said, _ = probatum("prepare", "files", tmp_path / "own.jsonl", "--out", tmp_path / "out", "--study", study)
    assert code == 0
    command = shlex.split(said.rpartition("next: probatum ")[2])
    assert command[-2:] == ["--study", str(study)]
    assert probatum(*command)[0] == 0


def test_prepare_counts_what_it_skips_and_what_the_test_holds_too(probatum, tmp_path):
    rows = [{"text": f"text {n}", "label": ("normal", "hate")[n % 2]} for n in range(20)]
    for name, some in {"own": [*rows, {"text": "x", "label": "[b]who knows[/b]"}], "held": rows[:3]}.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in some))
    arguments = (
        "prepare",
        "files",
        tmp_path / "own.jsonl",
        "--out",
        tmp_path / "out",
        "--test",
        tmp_path / "held.jsonl",
    )
    code, _, err = probatum(*arguments)
    assert code == 2
    assert "own.jsonl:21: label: " in err
    code, said, _ = probatum(*arguments, "--on-error", "skip")
    assert code == 0
    assert "  3 posts whose text the test holds too stay in training; --drop-overlap takes them out\n" in said
    assert "own.jsonl:21: label: " in said
    assert "[b]who knows[/b]" in said
    code, said, _ = probatum(*arguments, "--on-error", "skip", "--drop-overlap")
    assert "  3 posts whose text the test holds too were taken out of training\n" in said
    posts = [(tmp_path / "out" / f"{side}.jsonl").read_text().splitlines() for side in ("train", "validation")]
    assert sum(map(len, posts)) == 17


def test_prepare_of_a_collection_that_nobody_knows(probatum, tmp_path):
    (tmp_path / "x.jsonl").write_text("{}")
    code, _, err = probatum("prepare", "hatexplane", tmp_path / "x.jsonl", "--out", tmp_path / "out")
    assert code == 2
    assert "did you mean 'hatexplain'?" in err


def test_audit_for_people_and_for_programs(probatum, study):
    files = [study.parent / "data" / f"{side}.jsonl" for side in ("train", "test")]
    code, said, err = probatum("audit", *files)
    assert (code, err) == (0, "")
    assert "not_hate 12" in said
    code, said, err = probatum("audit", *files, "--study", study, "--json")
    assert (code, err) == (0, "")
    found = json.loads(said)
    assert found["counts"][str(files[0])]["label"] == {"hate": 12, "not_hate": 12}
    assert isinstance(found["findings"], list)


def written(folder, name, texts, label=lambda n: ("not_hate", "hate")[n % 2]):
    path = folder / name
    path.write_text("".join(json.dumps({"text": text, "label": label(n)}) + "\n" for n, text in enumerate(texts)))
    return path


@pytest.fixture
def leaky(tmp_path):
    """Training posts, and test posts of which ten stand in training."""
    texts = [" ".join(random.Random(n).choices(string.ascii_lowercase, k=30)) for n in range(160)]
    return written(tmp_path, "train.jsonl", texts[:100]), written(tmp_path, "test.jsonl", texts[90:])


def test_audit_against_other_files(probatum, leaky):
    train, test = leaky
    code, said, err = probatum("audit", test, "--against", train, "--json")
    assert (code, err) == (0, "")
    (finding,) = [each for each in json.loads(said)["findings"] if each["kind"] == "overlap"]
    assert (finding["severity"], finding["count"], finding["files"]) == ("high", 10, [str(test), str(train)])
    assert finding["example_ids"][0] == "test-1"
    assert finding["twin_ids"][0] == "train-91"
    assert finding["advice"]
    assert json.loads(said)["skipped"] == []


@pytest.mark.parametrize(
    ("severity", "against", "code"),
    [("high", True, 1), ("medium", True, 1), ("low", True, 1), ("high", False, 0), ("medium", False, 0)],
)
def test_audit_fails_on_findings_as_grave(probatum, leaky, severity, against, code):
    train, test = leaky
    arguments = ("audit", test, *(("--against", train) if against else ()), "--fail-on", severity)
    assert probatum(*arguments)[0] == probatum(*arguments, "--json")[0] == code


def test_audit_shows_no_text_of_a_post(probatum, leaky):
    train, test = leaky
    text = json.loads(train.read_text().splitlines()[95])["text"]
    for flags in ((), ("--json",)):
        assert text not in probatum("audit", test, "--against", train, *flags)[1]


def test_audit_of_a_csv_with_its_own_columns(probatum, tmp_path):
    path = tmp_path / "posts.csv"
    path.write_text("Post,Gold,Who\n" + "".join(f"post {n},{('ham', 'spam')[n % 2]},x\n" for n in range(40)))
    named = ("--columns", "text=post,label=gold,group=who")
    code, said, _ = probatum("audit", path, *named, "--positive", "spam", "--json")
    assert code == 0
    assert json.loads(said)["counts"][str(path)] == {
        "label": {"ham": 20, "spam": 20}, "group": {"x": 40}, "source": {"none": 40},
    }  # fmt: skip
    code, _, err = probatum("audit", path, *named)
    assert code == 2
    assert "which true label is the positive one? there are: 'ham' (20), 'spam' (20); say it with --positive" in err


def test_audit_skips_bad_lines_on_request(probatum, leaky):
    train, _ = leaky
    with train.open("a") as file:
        file.write("not json\n")
    code, _, err = probatum("audit", train)
    assert code == 2
    assert f"{train}:101: row: not JSON" in err
    code, said, _ = probatum("audit", train, "--on-error", "skip")
    assert code == 0
    assert f"skipped {train}:101: row: not JSON" in said


def test_audit_refuses_a_positive_label_beside_a_study(probatum, study):
    code, _, err = probatum("audit", study.parent / "data" / "train.jsonl", "--study", study, "--positive", "hate")
    assert code == 2
    assert "--positive: not for this;" in err


def test_audit_of_a_missing_file(probatum, study):
    code, out, err = probatum("audit", study.parent / "data" / "trian.jsonl")
    assert (code, out) == (2, "")
    assert "no such file; did you mean train.jsonl" in err


def test_score_a_cheap_system(probatum, study, tmp_path):
    arguments = ("score", study, "--system", "linear", "--out", tmp_path / "run")
    code, said, err = probatum(*arguments)
    assert (code, err) == (0, "")
    assert "score linear" in said
    assert f"predictions: {tmp_path / 'run' / 'linear' / 'predictions.jsonl'}\n" in said
    assert said.endswith(f"next: probatum train {tmp_path / 'run' / 'study.yaml'} --out {tmp_path / 'run'}\n")
    assert len((tmp_path / "run" / "linear" / "predictions.jsonl").read_text().splitlines()) == 12
    code, said, err = probatum(*arguments, "--json")
    assert (code, err) == (0, "")
    assert json.loads(said)["metrics"]["accuracy"]["value"] >= 0
    assert "unchanged" in probatum(*arguments)[1]


def test_status_for_people_and_for_programs(probatum, study, tmp_path):
    probatum("score", study, "--system", "majority", "--out", tmp_path / "run")
    code, said, _ = probatum("status", tmp_path / "run")
    assert code == 0
    assert re.search(r"majority +done", said)
    code, said, err = probatum("status", tmp_path / "run", "--json")
    assert (code, err) == (0, "")
    assert [s["name"] for s in json.loads(said)["stages"] if s["state"] == "done"] == ["data", "majority"]


def test_status_of_no_run(probatum, tmp_path):
    code, _, err = probatum("status", tmp_path)
    assert code == 2
    assert "no run there" in err


@pytest.mark.parametrize(("healthy", "code"), [(True, 0), (False, 2)])
def test_doctor_for_people_and_for_programs(probatum, study, healthy, code):
    if not healthy:
        (study.parent / "data" / "test.jsonl").unlink()
    result, said, err = probatum("doctor", study, "--json")
    assert (result, err) == (code, "")
    assert json.loads(said)["healthy"] is healthy
    result, said, err = probatum("doctor", study)
    assert (result, err) == (code, "")
    assert said.splitlines()[-1] == ("all is well" if healthy else "1 fault: mend them, then try again")


def test_json_is_all_that_run_prints(probatum, study, monkeypatch):
    outcome(monkeypatch, 3, {"outcome": "inconclusive", "größe": None})
    code, out, err = probatum("run", study, "--json")
    assert (code, err) == (3, "")
    assert json.loads(out) == {"outcome": "inconclusive", "größe": None}


def test_help_does_not_load_torch():
    import subprocess

    script = "import sys, probatum.cli; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    environment = {"PYTHONPATH": ":".join(sys.path), "PATH": ""}
    assert subprocess.run([sys.executable, "-c", script], env=environment, check=False).returncode == 0


NAMES = "--columns=text=post,label=gold,prediction=said"


@pytest.fixture
def predictions(tmp_path):
    """Two files of predictions about the same six posts, the second with one mended and one unparsed."""

    def file(name, answers):
        path = tmp_path / name
        rows = [f"post {at},{'hate' if at % 2 else 'normal'},{answer}\n" for at, answer in enumerate(answers)]
        path.write_text("post,gold,said\n" + "".join(rows))
        return path

    return [
        file("before.csv", ["normal", "normal", "Hate", "HATE", "normal", "hate"]),
        file("after.csv", ["normal", "hate", "?", "hate", "normal", "hate"]),
    ]


def test_compare_takes_one_file_of_predictions(probatum, predictions):
    code, out, err = probatum("compare", predictions[0], NAMES)
    assert (code, err) == (0, "")
    assert out.startswith("before: 6 posts, 0 unparsed\n")


def test_compare_takes_more_files_of_predictions(probatum, predictions):
    code, out, _ = probatum("compare", *predictions, NAMES, "--json")
    assert code == 0
    told = json.loads(out)
    assert [run["name"] for run in told["runs"]] == ["before", "after"]
    assert told["runs"][1]["overall"]["metrics"]["accuracy"]["value"] == 5 / 6
    assert told["runs"][1]["overall"]["valid_only"]["metrics"]["accuracy"]["value"] == 1
    assert [pair["fixed"] for pair in told["pairs"]] == [["before-3"]]
    valid = json.loads(probatum("compare", *predictions, NAMES, "--json", "--valid-only")[1])
    assert valid["counting"] == "valid_only"
    assert valid["runs"][1]["overall"]["metrics"]["accuracy"]["value"] == 1


def test_a_csv_whose_columns_are_not_named(probatum, predictions):
    code, out, err = probatum("compare", predictions[0], "--json")
    assert code == 2
    assert json.loads(out)["exit_code"] == 2
    assert "no column 'label' for the label and 'prediction' for the prediction" in err
    assert "the file has: post, gold, said" in err
    assert "--columns label=gold,prediction=COLUMN" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["before.csv", "study.yaml"], "compare takes one study, or files of predictions; given 2"),
        (["study.yaml", "--columns", "text=x"], "--columns: not for this; "),
        (["study.yaml", "--valid-only", "--positive=x"], "--positive and --valid-only: not for this; "),
        (["before.csv", "--limit", "9", "--gpus", "2"], "--limit and --gpus: not for this; "),
        (["none.csv"], "none.csv: no such file"),
        (["before.csv", "before.csv"], "one file is named twice"),
        (["before.csv", NAMES, "--positive", "toxic"], "no true label is 'toxic'; there are: "),
    ],
)
def test_mistakes_with_compare(probatum, study, predictions, monkeypatch, arguments, said):
    monkeypatch.chdir(study.parent)
    code, out, err = probatum("compare", *arguments)
    assert (code, out) == (2, "")
    assert said in err


def test_help_of_compare_teaches_both_ways(probatum):
    said = plain(probatum("compare", "--help")[1])
    assert "probatum compare STUDY.yaml judges the study's criteria" in said
    assert "probatum compare A.csv B.csv --columns text=input_text,label=true_label" in said
    assert "For files of predictions" in said


@pytest.mark.parametrize("role", ["prediction", "score", "cluster", "system"])
def test_audit_refuses_a_role_that_it_would_ignore(probatum, leaky, role):
    code, out, err = probatum("audit", leaky[0], "--columns", f"text=text,{role}=label")
    assert (code, out) == (2, "")
    assert f"{role!r} is not read here; the roles are id, text, label, group, source" in err
