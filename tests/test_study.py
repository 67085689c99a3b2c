"""The study file: what loads, what is refused and how it is told, and that it can be written out and read again."""

import re
from itertools import product
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from probatum.demo import write_demo
from probatum.errors import StudyError
from probatum.study import Criterion, Model, Scoring, Study, Task, Training, VerdictSettings
from tests.conftest import PROJECT

EXAMPLES = sorted((PROJECT / "examples").glob("*.yaml"))
BASE = "name: small\ndata:\n  train: train.jsonl\n  validation: validation.jsonl\n"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def write(tmp_path):
    def write_study(more="", base=BASE):
        path = tmp_path / "study.yaml"
        path.write_text(base + more, encoding="utf-8")
        return path

    return write_study


@pytest.fixture
def fault(write):
    """The message of a study that must not load, without its path."""

    def message(more="", base=BASE, **overrides):
        path = write(more, base)
        with pytest.raises(StudyError) as caught:
            Study.load(path, overrides)
        return str(caught.value).replace(f"{path}:", "")

    return message


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_loads_and_can_be_written_and_read_again(path, tmp_path):
    study = Study.load(path)
    assert study.path == path
    assert study.data.train == (path.parent / ".." / "data" / "train.jsonl").resolve()
    again = tmp_path / "again.yaml"
    again.write_text(study.to_yaml(), encoding="utf-8")
    assert Study.load(again).model_dump() == study.model_dump()


def test_there_are_examples():
    assert {path.name for path in EXAMPLES} >= {"unified.yaml", "gpt_oss_120b.yaml"}


def test_the_demos_study_loads_and_names_files_that_are_there(tmp_path):
    study = Study.load(write_demo(tmp_path))
    assert study.data.train == tmp_path / "data" / "train.jsonl"
    assert all(getattr(study.data, side).is_file() for side in ("train", "validation", "test"))


def test_little_needs_to_be_said(write):
    study = Study.load(write())
    assert study.systems == ["majority", "linear", "baseline", "tuned"]
    assert [criterion.metric for criterion in study.verdict.criteria] == ["f1", "f1", "training", "validation_loss"]
    assert (study.training.rank, study.training.alpha, study.training.learning_rate) == (32, 64, 2e-4)
    assert study.data.test is None
    assert study.task.label_set().resolve("normal") == "not_hate"


def test_relative_paths_are_relative_to_the_study(write, tmp_path, monkeypatch):
    (tmp_path / "models" / "mine").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    more = "  test: ../test.jsonl\nprompt: prompts/own.yaml\nmodel: {name: models/mine}\n"
    path = write(more)
    monkeypatch.chdir(tmp_path / "elsewhere")
    study = Study.load(Path("..") / path.name)
    assert study.data.train == tmp_path / "train.jsonl"
    assert study.data.test == tmp_path.parent / "test.jsonl"
    assert study.prompt.strategy == str(tmp_path / "prompts" / "own.yaml")
    assert study.model.name == str(tmp_path / "models" / "mine")


def test_a_shipped_strategy_and_a_hub_id_are_no_paths(write):
    study = Study.load(write("prompt: guide\nmodel: {name: openai/gpt-oss-20b}\n"))
    assert (study.prompt.strategy, study.model.name) == ("guide", "openai/gpt-oss-20b")


def test_a_folder_called_builtin_does_not_take_the_toys_place(write, tmp_path):
    (tmp_path / "builtin").mkdir()
    assert Study.load(write()).model.name == "builtin"


def test_a_bare_prompt_is_a_strategy(write):
    assert Study.load(write("prompt: guide\n")).prompt.strategy == "guide"


def test_overrides_lie_over_the_file(write):
    path = write("prompt: guide\ntraining: {rank: 4, alpha: 8}\n")
    overrides = {"training.rank": 16, "scoring.method": "generate", "prompt.max_tokens": 99, "limit": 50}
    study = Study.load(path, overrides)
    assert (study.training.rank, study.training.alpha) == (16, 8)
    assert study.scoring.method == "generate"
    assert (study.prompt.strategy, study.prompt.max_tokens) == ("guide", 99)
    assert study.limit == 50


def test_a_wrong_override_is_told_with_the_line_it_lies_over(fault):
    assert fault("training:\n  rank: 4\n", **{"training.rank": 0}).startswith("training.rank as given over 6: ")


@pytest.mark.parametrize("section", ["training: 3\n", "training:\n"])
def test_an_override_of_something_that_is_no_section(fault, section):
    assert fault(section, **{"training.rank": 4}).startswith("5: training: Input should be a valid dictionary")


def test_a_date_without_quotes_is_a_date(write):
    assert Study.load(write("prompt: {date: 2024-02-03}\n")).prompt.date == "2024-02-03"


def test_an_off_that_yaml_takes_for_false_is_off(write):
    assert yaml.safe_load("off") is False
    study = Study.load(write("model: {kernels: off}\n"))
    assert study.model.kernels == "off"
    assert Model.model_validate(yaml.safe_load(study.to_yaml())["model"]).kernels == "off"


def test_kernels_are_not_on(fault):
    assert fault("model: {kernels: on}\n") == "5: model.kernels: Input should be 'auto' or 'off' (found True)"


def test_a_rate_that_yaml_takes_for_text_is_a_number(write):
    assert yaml.safe_load("2e-4") == "2e-4"
    assert Study.load(write("training: {learning_rate: 2e-4}\n")).training.learning_rate == 2e-4


def test_a_missing_file_names_where_to_start(tmp_path):
    with pytest.raises(StudyError, match=r"nothing\.yaml: no such study file; `probatum demo` writes demo/study\.yaml"):
        Study.load(tmp_path / "nothing.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\ndata: [a\n", "3: not YAML: expected ',' or ']'"),
        ("name: x\ndata: !!python/object:os.system x\n", "2: not YAML: could not determine a constructor"),
        ("name: x\n---\nname: y\n", "2: not YAML: but found another document"),
        ("- a\n- b\n", "1: a study is a mapping of settings, found list"),
        ("", "1: a study is a mapping of settings, found NoneType"),
        ("name: x\n", "1: data: missing; it has no default"),
        ("name: x\ndata: {train: a}\n", "2: data.validation: missing; it has no default"),
        ("name: a b\ndata: {train: a, validation: b}\n", "1: name: String should match pattern"),
    ],
)
def test_what_is_no_study(fault, text, message):
    assert fault(base=text).startswith(message)


def test_text_that_is_not_utf8(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_bytes(b"name: \xff\n")
    with pytest.raises(StudyError, match="not UTF-8 text"):
        Study.load(path)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("promt: guide\n", "5: promt: unknown key; did you mean 'prompt'?"),
        ("training:\n  rnk: 3\n", "6: training.rnk: unknown key; did you mean 'rank'?"),
        ("  columns:\n    txt: post\n", "6: data.columns.txt: unknown key; did you mean 'text'?"),
        (
            "verdict:\n  criteria:\n    - {metric: f1, at_least: 0}\n    - {metric: f1, at_lest: 0, at_most: 1}\n",
            "8: verdict.criteria.1.at_lest: unknown key; did you mean 'at_least'?",
        ),
        ("zzz: 1\n", "5: zzz: unknown key; allowed: card, cost_per_hour, data, limit, model, name, prompt, "),
    ],
)
def test_an_unknown_key_is_told_with_its_line_and_the_nearest(fault, more, message):
    assert fault(more).startswith(message)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("training: {rank: many}\n", r"5: training.rank: Input should be a valid integer.* \(found 'many'\)"),
        ("training:\n  rank: 0\n", r"6: training.rank: .*greater than or equal to 1 \(found 0\)"),
        ("training: {dropout: 1.0}\n", r"5: training.dropout: .*less than 1 \(found 1.0\)"),
        ("scoring: {threshold: 2}\n", r"5: scoring.threshold: .*less than or equal to 1 \(found 2\)"),
        ("scoring: {method: guess}\n", r"5: scoring.method: .*'likelihood' or 'generate' \(found 'guess'\)"),
        ("training: [1]\n", "5: training: Input should be a valid dictionary"),
        ("prompt: 3\n", r"5: prompt: Input should be a valid dictionary.* \(found 3\)"),
        ("prompt: {date: today}\n", r"5: prompt.date: .*pattern.* \(found 'today'\)"),
        ("prompt: {max_tokens: 31}\n", r"5: prompt.max_tokens: .*greater than or equal to 32 \(found 31\)"),
        ("limit: 3\n", r"5: limit: .*greater than or equal to 4 \(found 3\)"),
        ("systems: [majority, lineer]\n", r"5: systems.1: .*'linear'.* \(found 'lineer'\)"),
        ("verdict: {criteria: [{metric: f1, at_least: .nan}]}\n", r"5: .*at_least: .*finite number \(found nan\)"),
        ("systems: []\n", "5: systems: List should have at least 1 item"),
        ("model: {device: tpu}\n", r"5: model.device: .*\(found 'tpu'\)"),
        ("verdict: {confidence: 0.5}\n", r"5: verdict.confidence: .*greater than 0.5 \(found 0.5\)"),
        ("verdict: {bootstrap_draws: 199}\n", r"5: verdict.bootstrap_draws: .*\(found 199\)"),
        ("  on_error: shrug\n", r"5: data.on_error: .*\(found 'shrug'\)"),
    ],
)
def test_a_wrong_value_is_told_with_its_line_and_what_was_found(fault, more, message):
    assert re.match(message, fault(more)), fault(more)


def test_every_fault_is_told_at_once(fault):
    lines = fault("scoring: {threshold: 2}\ntraining:\n  rank: 0\n  rnk: 1\n").splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["7", "training.rank"], ["8", "training.rnk"], ["5", "scoring.threshold"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("task: {labels: {hate: hate}}\n", "5: task: task.labels: at least two labels are needed"),
        (
            "task: {positive: toxic}\n",
            "5: task: task.positive: 'toxic' is not one of the labels hate, not_hate",
        ),
        ("task: {aliases: {toxic: [bad]}}\n", "5: task: task.aliases: toxic is not one of the labels"),
        (
            "task: {aliases: {hate: [Not-Hate]}}\n",
            "5: task: task.labels: 'not hate' stands for both 'hate' and 'not_hate'",
        ),
        (
            "training: {batch_size: 6, micro_batch_size: 4}\n",
            "5: training: batch_size 6 is not a multiple of micro_batch_size 4",
        ),
        ("model: {trust_remote_code: true}\n", "5: model: trust_remote_code needs revision: the full 40-digit commit"),
        (
            "model: {trust_remote_code: true, revision: main}\n",
            "5: model: trust_remote_code needs revision: the full 40-digit commit",
        ),
        (
            f"model: {{trust_remote_code: true, revision: {COMMIT[:39]}g}}\n",
            "5: model: trust_remote_code needs revision: the full 40-digit commit",
        ),
    ],
)
def test_settings_that_do_not_agree(fault, more, message):
    assert fault(more).startswith(message)


def test_remote_code_with_a_pinned_revision_is_allowed(write):
    study = Study.load(write(f"model: {{trust_remote_code: true, revision: {COMMIT}}}\n"))
    assert study.model.trust_remote_code


@pytest.mark.parametrize(("batch", "micro"), [(1, 1), (2, 2), (6, 3), (7, 1), (8, 4), (64, 4)])
def test_an_auto_micro_batch_divides_the_batch(batch, micro):
    assert Training(batch_size=batch).micro_batch_size == micro
    assert Training(batch_size=batch, micro_batch_size="auto") == Training(batch_size=batch)


def test_auto_is_written_and_read_as_auto(write):
    text = "training: {micro_batch_size: auto, gradient_checkpointing: false}\nscoring: {tokens_per_batch: auto}\n"
    study = Study.load(write(text))
    assert study.training.is_auto("micro_batch_size")
    assert not study.training.is_auto("gradient_checkpointing")
    written = yaml.safe_load(study.to_yaml())
    assert written["training"]["micro_batch_size"] == written["scoring"]["tokens_per_batch"] == "auto"
    assert written["training"]["gradient_checkpointing"] is False
    assert study.scoring == Scoring()
    planned = study.training.model_copy(update={"micro_batch_size": 8})
    assert planned.model_dump()["micro_batch_size"] == 8


@pytest.mark.parametrize(
    ("given", "size"),
    [("79GB", 79 * 10**9), ("40GiB", 40 * 2**30), ("1.5 GB", 15 * 10**8), ("7kB", 7000), ("12345", 12345), (99, 99)],
)
def test_a_memory_limit_is_read_with_its_unit(write, given, size):
    study = Study.load(write(f"model: {{memory_limit: {given}}}\n"))
    assert study.model.memory_limit == size


@pytest.mark.parametrize("given", ["lots", "79 gigabytes", "-3GB", "0", "GB"])
def test_a_memory_limit_that_is_no_size(fault, given):
    assert fault(f"model: {{memory_limit: {given}}}\n").startswith("5: model.memory_limit: ")


def test_a_small_batch_makes_the_micro_batch_small(write):
    assert Study.load(write("training: {batch_size: 2}\n")).training.batch_size == 2


def test_criteria_on_systems_that_are_not_scored_are_told_each_at_its_line(fault):
    criteria = [
        "{metric: f1, at_least: 0, system: linear}",
        "{metric: f1, gain_over: baseline, at_least: 0}",
        "{metric: training, completed: true}",
    ]
    listing = "".join(f"    - {criterion}\n" for criterion in criteria)
    assert fault(f"systems: [linear]\nverdict:\n  criteria:\n{listing}").splitlines() == [
        "9: verdict.criteria.1: needs 'tuned', which is not among the systems",
        "9: verdict.criteria.1: needs 'baseline', which is not among the systems",
        "10: verdict.criteria.2: needs 'tuned', which is not among the systems",
    ]


def test_a_criterion_on_a_system_that_is_not_scored_in_python():
    files = {"train": "a", "validation": "b"}
    criteria = [{"metric": "f1", "at_least": 0}]
    with pytest.raises(ValueError, match=r"verdict\.criteria\.0 needs 'tuned', which is not among the systems"):
        Study(name="x", data=files, systems=["linear"], verdict={"criteria": criteria})


@pytest.mark.parametrize("verdict", ["", "verdict: {confidence: 0.9}\n"])
@pytest.mark.parametrize(
    ("systems", "metrics"),
    [
        ("[majority, linear]", []),
        ("[majority, linear, baseline]", []),
        ("[majority, baseline, tuned]", ["f1", "training", "validation_loss"]),
        ("[tuned]", ["training", "validation_loss"]),
    ],
)
def test_the_default_criteria_are_those_of_the_systems_there_are(write, systems, metrics, verdict):
    study = Study.load(write(f"systems: {systems}\n{verdict}"))
    assert [criterion.metric for criterion in study.verdict.criteria] == metrics
    made = Study(name="x", data=study.data, systems=study.systems, verdict=VerdictSettings(confidence=0.9))
    assert made.verdict.criteria == study.verdict.criteria
    assert made.verdict.confidence == 0.9


def test_a_system_named_twice(fault):
    assert fault("systems: [tuned, linear, tuned]\n") == "5: systems: named more than once: tuned"


def test_studies_of_two_files_with_the_same_settings_are_equal(write, tmp_path):
    first = Study.load(write())
    other = tmp_path / "other.yaml"
    other.write_text(BASE, encoding="utf-8")
    assert Study.load(other) == first
    assert Study.load(other, {"training.rank": 3}) != first
    assert first != "a study"


def test_a_tilde_is_the_home(write, tmp_path, monkeypatch):
    home = tmp_path / "home"
    (home / "model").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    base = "name: x\ndata: {train: ~/a.jsonl, validation: b.jsonl}\n"
    study = Study.load(write("prompt: ~/own.yaml\nmodel: {name: ~/model}\n", base))
    assert (study.data.train, study.data.validation) == (home / "a.jsonl", tmp_path / "b.jsonl")
    assert study.prompt.strategy == str(home / "own.yaml")
    assert study.model.name == str(home / "model")
    assert Study.load(write("model: {name: ~/none}\n")).model.name == str(home / "none")


def test_without_criteria_any_systems_do(write):
    assert Study.load(write("systems: [majority]\nverdict: {criteria: []}\n")).systems == ["majority"]


@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        ("{metric: f1}", "metric: f1 wants exactly one of at_least, at_most, within"),
        ("{metric: f1, at_least: 0, at_most: 1}", "metric: f1 wants exactly one of at_least, at_most, within"),
        (
            "{metric: f1, at_least: 0, gain_over: linear, rise_over: linear}",
            "give gain_over or rise_over, not both",
        ),
        ("{metric: f1, gain_over: linear, at_most: 0}", "gain_over wants at_least: the smallest gain that passes"),
        ("{metric: f1, rise_over: linear, at_least: 0}", "rise_over wants at_most: the largest rise that passes"),
        ("{metric: training}", "metric: training wants completed: true"),
        ("{metric: validation_loss, at_most: 1}", "metric: validation_loss wants falls: true"),
        ("{metric: f1, within: [0.7, 0.6]}", "within wants the lowest value first, found [0.7, 0.6]"),
        ("{metric: f1, at_least: 0, completed: true}", "completed is not for metric: f1, which has a value"),
        (
            "{metric: training, completed: true, at_least: 1}",
            "metric: training wants completed: true and nothing else",
        ),
        ("{metric: retention_nll, at_most: 1}", "retention_nll wants rise_over: baseline and at_most"),
        (
            "{metric: f1, gain_over: tuned, at_least: 0}",
            "a change of tuned over itself is always 0; name another system",
        ),
        (
            "{metric: fnr, system: linear, rise_over: linear, at_most: 0}",
            "a change of linear over itself is always 0; name another system",
        ),
    ],
)
def test_a_criterion_asks_one_question(fault, criterion, message):
    said = fault(f"verdict:\n  criteria:\n    - {criterion}\n")
    assert said == f"7: verdict.criteria.0: {message}"


@pytest.mark.parametrize(
    "criterion",
    [
        {"metric": "f1", "within": [0.6, 0.7], "system": "baseline"},
        {"metric": "f1", "gain_over": "linear", "at_least": 0},
        {"metric": "fnr", "rise_over": "baseline", "at_most": 0.05, "slice": {"group": "lgbtq"}, "decide": "point"},
        {"metric": "retention_nll", "rise_over": "baseline", "at_most": 0.02},
    ],
)
def test_what_a_criterion_may_ask(criterion):
    assert Criterion(**criterion).model_dump(exclude_defaults=True)["metric"] == criterion["metric"]


def test_the_default_aliases_are_those_of_the_labels_there_are():
    assert Task().aliases == {"not_hate": ["normal"]}
    assert Task(labels={"hate": "hate", "clean": "clean"}).aliases == {}


def test_a_study_with_labels_of_its_own_can_be_written_and_read_again(write, tmp_path):
    study = Study.load(write("task: {labels: {hate: hate, clean: clean}}\n"))
    (tmp_path / "again.yaml").write_text(study.to_yaml(), encoding="utf-8")
    assert Study.load(tmp_path / "again.yaml").model_dump() == study.model_dump()


def test_a_loaded_study_is_frozen(write):
    with pytest.raises(ValueError, match="frozen"):
        Study.load(write()).training.rank = 3


def test_a_setting_has_one_line_of_help_everywhere():
    def fields(model):
        for name, field in model.model_fields.items():
            yield f"{model.__name__}.{name}", field
            if hasattr(field.annotation, "model_fields"):
                yield from fields(field.annotation)

    for name, field in [*fields(Study), *fields(Criterion)]:
        assert field.description and "\n" not in field.description, name


positive = st.floats(1e-9, 1e9)
divisible = st.sampled_from([(b, m) for b, m in product(range(1, 33), range(1, 9)) if b % min(b, m) == 0])
trainings = st.fixed_dictionaries(
    {
        "rank": st.integers(1, 512),
        "alpha": positive,
        "dropout": st.floats(0, 1, exclude_max=True),
        "epochs": positive,
        "learning_rate": positive,
        "warmup_steps": st.integers(0, 10**6),
        "max_steps": st.none() | st.integers(1, 10**6),
        "early_stopping": st.none() | st.integers(1, 50),
        "seed": st.integers(0, 2**63),
    }
)


@settings(max_examples=40, deadline=None)
@given(
    training=trainings,
    batches=divisible,
    threshold=st.floats(0, 1),
    level=st.floats(allow_nan=False, allow_infinity=False),
    column=st.text(min_size=1),
    cost=st.none() | st.floats(0, 1e6),
)
def test_any_study_is_read_as_it_was_written(tmp_path_factory, training, batches, threshold, level, column, cost):
    path = tmp_path_factory.mktemp("study") / "study.yaml"
    study = Study(
        name="any",
        data={"train": "/posts/a", "validation": "/posts/b", "columns": {"text": column}},
        training=Training(batch_size=batches[0], micro_batch_size=batches[1], **training),
        scoring={"threshold": threshold},
        verdict={"criteria": [{"metric": "f1", "at_least": level, "slice": {column: column}}]},
        cost_per_hour=cost,
    )
    path.write_text(study.to_yaml(), encoding="utf-8")
    assert Study.load(path).model_dump() == study.model_dump()
