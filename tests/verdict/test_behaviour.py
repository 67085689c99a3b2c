"""Functional tests and swaps: figures by hand, templates and posts drawn whole."""

import math

import pytest

from probatum.data.records import Post, Prediction
from probatum.study import VerdictSettings
from probatum.verdict.behaviour import Cases, behaviour_of
from probatum.verdict.further_results import BehaviourRow
from probatum.verdict.results import decode, encode
from probatum.verdict.swaps import Swapped, largest_pair, swaps_of

SETTINGS = VerdictSettings(bootstrap_draws=1000)


def case(number, functionality, template, label="hate", group="women"):
    return Post(f"c{number}", "text", label, group, None, {"functionality": functionality, "templ_id": template})


def answers(posts, wrong=()):
    other = {"hate": "not_hate", "not_hate": "hate"}
    return [
        Prediction(post.id, post.label, post.group, post.source, 0.5, other[post.label] if at in wrong else post.label)
        for at, post in enumerate(posts)
    ]


CASES = [case(at, "derog", at // 7) for at in range(140)] + [
    case(140 + at, "ident", 20 + at, "not_hate", "men") for at in range(60)
]
WHOLE = {at for at in range(140) if at // 7 % 2}  # every second template is wrong in all seven cases
SCATTERED = {at for at in range(140) if at % 2}


def measured(**wrong):
    predictions = {name: answers(CASES, errors) for name, errors in wrong.items()}
    return behaviour_of(Cases("cases.csv", CASES, predictions), SETTINGS, "hate")


def test_rows_by_functionality_and_by_group():
    found = measured(baseline=WHOLE, tuned=set())
    assert [(row.value, row.n, row.templates, row.labels) for row in found.functionalities] == [
        ("derog", 140, 20, {"hate": 140}), ("ident", 60, 60, {"not_hate": 60}),
    ]  # fmt: skip
    assert [row.value for row in found.groups] == ["women", "men"]
    derog, ident = found.functionalities
    assert derog.figures["baseline"]["accuracy"].value == 0.5
    assert derog.figures["baseline"]["fnr"].value == 0.5
    assert derog.figures["baseline"]["fpr"].reason == "there are no negative posts"
    assert derog.change["tuned"]["accuracy"].value == 0.5
    assert ident.figures["tuned"]["accuracy"].value == 1.0
    assert (found.overall.n, found.note) == (200, "")
    assert "baseline" not in derog.change


def test_cases_of_one_template_are_drawn_together():
    whole, scattered = (
        measured(tuned=errors).functionalities[0].figures["tuned"]["accuracy"] for errors in (WHOLE, SCATTERED)
    )
    assert whole.value == pytest.approx(scattered.value, abs=0.01)
    assert whole.high - whole.low > 2 * (scattered.high - scattered.low)
    # twenty templates, half of them right, are about as sure as twenty posts
    assert 0.35 < whole.high - whole.low < 0.5


def test_all_right_is_not_certain_and_intervals_hold_their_value():
    for row in (measured(tuned=set(), baseline=WHOLE).functionalities[1], measured(tuned=set()).overall):
        accuracy = row.figures["tuned"]["accuracy"]
        assert (accuracy.value, accuracy.high) == (1.0, 1.0)
        assert 0.8 < accuracy.low < 1.0


def test_cases_without_a_template_count_alone():
    posts = [Post(f"c{at}", "t", "hate", None, None, {"functionality": "x"}) for at in range(10)]
    found = behaviour_of(Cases("own.csv", posts, {"tuned": answers(posts, {1})}), SETTINGS, "hate")
    assert found.note == "10 tests name no template and count as independent"
    assert found.functionalities[0].templates == 10
    assert found.groups == []


def test_it_can_be_written_and_read():
    row = measured(baseline=WHOLE, tuned=set()).overall
    assert repr(decode(BehaviourRow, encode(row))) == repr(row)


def swap(number, of, before, after):
    return Post(f"s{number}", "t", "hate", after, None, {"of": of, "from_group": before, "to_group": after})


def scored(name, score):
    return Prediction(name, "hate", None, None, score, "hate" if score >= 0.5 else "not_hate")


def test_flips_and_changes_by_hand():
    posts = [swap(1, "a", "x", "y"), swap(2, "b", "y", "x"), swap(3, "a", "x", "z")]
    before = [scored("a", 0.6), scored("b", 0.8), scored("unused", 0.1)]
    after = [scored("s1", 0.4), scored("s2", 0.9), scored("s3", 0.7)]
    found = swaps_of(Swapped(posts, {"tuned": before}, {"tuned": after}, 9), SETTINGS)
    assert (found.n, found.posts, found.possible) == (3, 2, 9)
    overall = found.overall["tuned"]
    assert (overall.flips, overall.flip_rate.value) == (1, pytest.approx(1 / 3))
    assert overall.change.value == pytest.approx((0.2 + 0.1 + 0.1) / 3)
    first = found.pairs[0]
    assert (first.first, first.second, first.n, first.posts) == ("x", "y", 2, 2)
    # y instead of x: -0.2 in the one post, and the other way round in the other
    assert first.systems["tuned"].change.value == pytest.approx((-0.2 - 0.1) / 2)
    assert math.isnan(found.pairs[1].systems["tuned"].p_value)  # a single post


def one_swap_a_post(changes):
    posts = [swap(at, f"p{at}", "x", "y") for at in range(len(changes))]
    before = [scored(f"p{at}", 0.5 - change / 2) for at, change in enumerate(changes)]
    after = [scored(f"s{at}", 0.5 + change / 2) for at, change in enumerate(changes)]
    return swaps_of(Swapped(posts, {"tuned": before}, {"tuned": after}, len(posts)), SETTINGS)


@pytest.mark.parametrize("changes", [[0.9, -0.3, 0.16], [0.001, 0.001, 0.001]])
def test_too_few_posts_give_no_interval_and_no_test(changes):
    found = one_swap_a_post(changes)
    for one in (found.overall["tuned"], found.pairs[0].systems["tuned"]):
        assert math.isnan(one.change.low) and math.isnan(one.change.high) and math.isnan(one.p_value)
        assert one.change.defined and one.change.reason.startswith("fewer than 5 independent posts")


def test_no_change_of_a_score_lies_beyond_the_possible():
    found = one_swap_a_post([1.0, 1.0, -1.0, 1.0, 1.0, 0.9])
    change, absolute = found.pairs[0].systems["tuned"].change, found.overall["tuned"].change
    assert (change.high, absolute.high) == (1.0, 1.0)
    assert change.low < 0 < absolute.low
    assert one_swap_a_post([0.0] * 5 + [0.1]).overall["tuned"].change.low == 0.0


def test_a_name_that_moves_every_score_is_found_and_chance_is_not():
    posts, before, after = [], [], []
    for at in range(60):
        posts += [swap(f"{at}a", f"p{at}", "x", "y"), swap(f"{at}b", f"p{at}", "x", "z")]
        before.append(scored(f"p{at}", 0.5))
        after += [scored(f"s{at}a", 0.7 + at % 5 / 100), scored(f"s{at}b", 0.5 + (at % 3 - 1) / 100)]
    found = swaps_of(Swapped(posts, {"tuned": before}, {"tuned": after}, 120), SETTINGS)
    largest = largest_pair(found, "tuned", 0.95)
    assert (largest.first, largest.second) == ("x", "y")
    assert found.pairs[1].systems["tuned"].p_value > 0.05


def test_an_answer_that_is_lost_is_a_flip_without_a_change():
    lost = Prediction("s1", "hate", None, None, math.nan, None)
    found = swaps_of(Swapped([swap(1, "a", "x", "y")], {"tuned": [scored("a", 0.6)]}, {"tuned": [lost]}, 1), SETTINGS)
    assert found.overall["tuned"].flips == 1
    assert found.overall["tuned"].change.reason == "there is nothing to take the mean of"


def test_no_swaps_are_none():
    assert swaps_of(Swapped([], {}, {}, 0), SETTINGS) is None


def test_the_change_of_the_flip_rate_is_paired():
    posts = [swap(at, f"p{at}", "x", "y") for at in range(40)]
    before = [scored(f"p{at}", 0.6) for at in range(40)]
    flipping = [scored(f"s{at}", 0.4 if at < 20 else 0.6) for at in range(40)]
    steady = [scored(f"s{at}", 0.6) for at in range(40)]
    swapped = Swapped(posts, {"baseline": before, "tuned": before}, {"baseline": flipping, "tuned": steady}, 40)
    change = swaps_of(swapped, SETTINGS).change["tuned"]
    assert change.value == -0.5
    assert change.high < -0.25


def test_swaps_of_posts_of_one_cluster_are_one_cluster():
    posts = [swap(at, f"p{at}", "x", "y") for at in range(40)]
    before = {"tuned": [scored(f"p{at}", 0.6) for at in range(40)]}
    after = {"tuned": [scored(f"s{at}", 0.4 if at % 20 < 10 else 0.6) for at in range(40)]}
    alone = swaps_of(Swapped(posts, before, after, 40), SETTINGS).overall["tuned"]
    clusters = {f"p{at}": at % 20 for at in range(40)}
    pairs = swaps_of(Swapped(posts, before, after, 40), SETTINGS, clusters).overall["tuned"]
    for figure in ("flip_rate", "change"):
        one, two = getattr(alone, figure), getattr(pairs, figure)
        assert two.value == pytest.approx(one.value)
        assert two.high - two.low > 1.2 * (one.high - one.low)
