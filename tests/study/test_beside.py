"""Settings of what is measured beside the test, and `--set`."""

import pytest

from probatum.cli.options import load_study, settings_of
from probatum.errors import InputError, StudyError
from probatum.study import Study, Training

BASE = "name: small\ndata:\n  train: train.jsonl\n  validation: validation.jsonl\n"


def test_the_first_seed_is_the_one_that_is_trained():
    assert Training(seeds=[3, 1]).seed == 3
    assert Training(seed=3, seeds=[3, 1]).seed == 3
    assert Training().seeds is None


def test_several_seeds_are_read_as_they_were_written(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(BASE + "training: {seeds: [2, 0]}\n")
    study = Study.load(path)
    path.write_text(study.to_yaml())
    assert Study.load(path) == study
    assert (study.training.seed, study.training.seeds) == (2, [2, 0])


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ("{seeds: [0, 1, 0]}", "seeds named more than once: 0"),
        ("{seeds: []}", "at least 1 item"),
        ("{seeds: [-1]}", "greater than or equal to 0"),
        ("{seed: 4, seeds: [0, 1]}", "seed 4 is not the first of seeds [0, 1]; give one of the two"),
    ],
)
def test_seeds_that_do_not_agree_are_told(tmp_path, training, message):
    path = tmp_path / "study.yaml"
    path.write_text(BASE + f"training: {training}\n")
    with pytest.raises(StudyError) as error:
        Study.load(path)
    assert message in str(error.value)
    assert f"{path}:5" in str(error.value)


def test_further_files_are_relative_to_the_study(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(
        "name: small\ndata: {train: a, validation: b, behaviour: cases.csv, retention: t.txt}\nswaps: {terms: t.yaml}\n"
    )
    study = Study.load(path)
    assert study.data.behaviour == tmp_path / "cases.csv"
    assert study.data.retention == tmp_path / "t.txt"
    assert study.swaps.terms == tmp_path / "t.yaml"


def test_settings_given_on_the_command_line_are_read_as_yaml(tmp_path):
    given = settings_of(["training.seeds=[0, 1]", "model.dtype=float32", "scoring.threshold=0.25", "prompt=guide"])
    assert given == {
        "training.seeds": [0, 1], "model.dtype": "float32", "scoring.threshold": 0.25, "prompt": "guide",
    }  # fmt: skip
    path = tmp_path / "study.yaml"
    path.write_text(BASE)
    study = Study.load(path, given)
    assert (study.training.seeds, study.scoring.threshold, study.prompt.strategy) == ([0, 1], 0.25, "guide")
    assert settings_of(None) == {}
    assert settings_of(["a=b=c"]) == {"a": "b=c"}


def test_flags_lie_over_the_file_and_those_not_given_do_not(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(BASE)
    flags = {"dropout": 0.0, "rank": None, "shard": False, "out": tmp_path, "set_": ["training.alpha=8"]}
    study = load_study(path, flags)
    assert study == Study.load(path, {"training.dropout": 0.0, "training.alpha": 8})
    assert load_study(path, {"shard": True, "learning_curve": True}).model.shard is True


@pytest.mark.parametrize("given", ["training.seeds", "=3", "training..seeds=3", ".=1"])
def test_what_is_no_setting_is_told(given):
    with pytest.raises(InputError, match="expected KEY=VALUE"):
        settings_of([given])


def test_a_value_that_is_no_yaml_is_told():
    with pytest.raises(InputError, match="the value is not YAML"):
        settings_of(["training.seeds=[0, 1"])


def test_an_unknown_setting_is_told_as_in_the_file(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(BASE)
    with pytest.raises(StudyError, match=r"^training.seedss as given over .*: unknown key; did you mean 'seeds'"):
        Study.load(path, settings_of(["training.seedss=[0]"]))
