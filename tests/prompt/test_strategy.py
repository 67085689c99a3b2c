"""Strategy files: the shipped ones, and every fault with its line."""

import pytest
from pydantic import ValidationError

from probatum.errors import PromptError
from probatum.prompt.strategy import Strategy, load_strategy, shipped_strategies

SOUND = """\
name: mine
messages:
  - role: developer
    content: Decide. {labels}
  - role: user
    content: "{post}"
"""


@pytest.mark.parametrize("name", shipped_strategies())
def test_shipped_strategies_load_by_name(name):
    strategy = load_strategy(name)
    assert strategy.name == name
    assert strategy.description.endswith(".")


def test_the_baseline_is_shipped():
    assert {"baseline", "guide"} <= set(shipped_strategies())


def test_a_file_loads_by_path_and_is_named_after_it(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(SOUND.replace("name: mine\n", ""), encoding="utf-8")
    strategy = load_strategy(path)
    assert strategy.name == "mine"
    assert [message.role for message in strategy.messages] == ["developer", "user"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (SOUND.replace("{post}", "post"), r":2: messages: \{post\} is missing"),
        (SOUND.replace("Decide.", "Decide {post}"), r":6: messages\.1\.content: \{post\} stands 2 times"),
        (SOUND.replace("{post}", "{post}{post}"), r":6: messages\.1\.content: \{post\} stands 2 times"),
        ("text: '{post} {post}'", r":1: text: \{post\} stands 2 times"),
        (SOUND + "temprature: 1\n", r":7: temprature: unknown key; allowed: answers, .*, messages, name, text"),
        (SOUND + "descripton: x\n", r":7: descripton: unknown key; did you mean 'description'\?"),
        (SOUND.replace("role: user\n", "role: user\n    rol: x\n"), r":6: messages\.1\.rol: .*mean 'role'"),
        (SOUND.replace("role: user", "role: human"), r":5: messages\.1\.role: .*'user' or 'assistant' \(found 'human'"),
        (SOUND.replace("  - role: user\n    content", "  - content"), r":5: messages\.1\.role: missing"),
        (SOUND + "text: '{post}'\n", r":7: text: give one of messages, text and frame; found messages and text"),
        ("name: x\n", r":1: strategy: give one of messages, text and frame; found none"),
        ("name: x\nframe: [a, b, c]\n", r":2: frame: Tuple should have at most 2 items"),
        ("name: x\nmessages: []\n", r":2: messages: \{post\} is missing"),
        (SOUND + "  - {role: assistant, content: x}\n", r":7: messages\.2\.role: the last message must be the user's"),
        ("messages:\n- {role: assistant, content: '{post}'}\n- {role: user, content: x}\n",
         r":2: messages\.0\.content: .*not the model's own words"),
        ("name: 5\ntext: '{post}'\n", r":1: name: .*valid string \(found 5\)"),
        ("name: x\n  text: [\n", r":2: not YAML: mapping values are not allowed"),
        ("- a\n", r":1: a strategy is a mapping with messages, text or frame, found list"),
        ("", r":1: a strategy is a mapping with messages, text or frame, found NoneType"),
    ],
)  # fmt: skip
def test_each_fault_is_named_with_its_line(tmp_path, source, message):
    path = tmp_path / "mine.yaml"
    path.write_text(source, encoding="utf-8")
    with pytest.raises(PromptError, match=r"mine\.yaml" + message):
        load_strategy(path)


def test_two_faults_are_both_named(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(SOUND.replace("role: user", "role: human") + "nmae: x\n", encoding="utf-8")
    with pytest.raises(PromptError) as error:
        load_strategy(path)
    assert str(error.value).count("mine.yaml:") == 2


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"name: \xff")
    with pytest.raises(PromptError, match="not UTF-8 text"):
        load_strategy(path)


def test_a_name_that_is_not_shipped():
    with pytest.raises(PromptError, match=r"no strategy 'baselin'; did you mean 'baseline'\? \(shipped: baseline, "):
        load_strategy("baselin")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(PromptError, match=r"none\.yaml: no such strategy file"):
        load_strategy(tmp_path / "none.yaml")


def test_a_frame_may_hold_anything():
    strategy = Strategy(name="ready", frame=("Use {post} and {labels}: ", "\n\n### Classification:"))
    assert strategy.frame == ("Use {post} and {labels}: ", "\n\n### Classification:")


def test_a_strategy_made_in_python_is_checked_too():
    with pytest.raises(ValidationError, match="is missing: say once where the post goes"):
        Strategy(name="x", text="nothing")
