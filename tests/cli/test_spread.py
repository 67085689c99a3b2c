"""`--against A B`: several values behind one option, wherever it stands."""

import pytest

from probatum.cli.spread import spread

VALUED = ("--against", "--columns", "--fail-on")


@pytest.mark.parametrize(
    ("given", "files", "against"),
    [
        ("t --against a", "t", "a"),
        ("t u --against a b", "t u", "a b"),
        ("--json t --against a b --fail-on high", "t", "a b"),
        ("--against a b --json t", "t", "a b"),
        ("--columns text=x --against a t", "t", "a"),
        ("--against a t u", "t u", "a"),
        ("t --against a --against b c", "t", "a b c"),
        ("--against a -- t --against", "t --against", "a"),
        ("t", "t", ""),
    ],
)
def test_values_behind_the_option(given, files, against):
    left = spread(given.split(), VALUED)
    found = {"files": [], "against": []}
    at, ended = 0, False
    while at < len(left):
        if ended or not left[at].startswith("-"):
            found["files"].append(left[at])
        elif left[at] == "--":
            ended = True
        elif left[at] in VALUED:
            if left[at] == "--against":
                found["against"].append(left[at + 1])
            at += 1
        at += 1
    assert (" ".join(found["files"]), " ".join(found["against"])) == (files, against)


@pytest.mark.parametrize("given", ["t --against", "t --against --json", "t --against a --against"])
def test_an_option_without_a_value_is_left_for_click_to_refuse(given):
    assert spread(given.split(), VALUED) == given.split()
