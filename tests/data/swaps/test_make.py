"""Swaps: what is swapped, what is left alone, and that the grammar around it holds."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probatum.data.records import Post
from probatum.data.swaps.make import Finder, make_swaps, swapped_text, word_for
from probatum.data.swaps.terms import Term, load_terms

GAY = Term("lgbtq", adjective="gay")
LESBIAN = Term("lgbtq", "lesbian", "lesbian", "lesbians")
MEXICAN = Term("mexican", "Mexican", "Mexican", "Mexicans")
IRANIAN = Term("middle_east", "Iranian", "Iranian", "Iranians")
JEWISH = Term("jewish", "Jewish", "Jew", "Jews")
BLACK = Term("black", adjective="black", people=True)
EUROPEAN = Term("european", "European", "European", "Europeans")
TERMS = [GAY, LESBIAN, MEXICAN, IRANIAN, JEWISH, BLACK, EUROPEAN]


def swapped(text, to, terms=TERMS):
    """The text with the one term that it names swapped for another; `None` where that cannot be."""
    found = Finder(terms).mentions(text)
    assert len(found) == 1, found
    [mentions] = found.values()
    words = [word_for(to, mention) for mention in mentions]
    return swapped_text(text, list(zip(mentions, words, strict=True))) if all(words) else None


@pytest.mark.parametrize(
    ("text", "to", "wanted"),
    [
        ("A gay couple moved in.", MEXICAN, "A Mexican couple moved in."),
        ("A gay couple moved in.", IRANIAN, "An Iranian couple moved in."),
        ("I met an Iranian cook", EUROPEAN, "I met a European cook"),  # no "an" before the sound of y
        ("I met an Iranian cook", MEXICAN, "I met a Mexican cook"),
        ("AN IRANIAN COUPLE", MEXICAN, "A MEXICAN COUPLE"),
        ("A MEXICAN COUPLE", IRANIAN, "AN IRANIAN COUPLE"),
        ("Mexican families are kind", GAY, "Gay families are kind"),
        ("These Mexican families are kind", GAY, "These gay families are kind"),
        ("mexican families are kind", IRANIAN, "iranian families are kind"),
        (
            "so gay people came, I said",
            MEXICAN,
            "so mexican people came, I said",
        ),  # a post that begins in small letters
        ("So gay people came, I said", MEXICAN, "So Mexican people came, I said"),
        (
            "Mexicans cook. Mexicans sing. The Mexican sings.",
            IRANIAN,
            "Iranians cook. Iranians sing. The Iranian sings.",
        ),
        ("the mexicans’ house", JEWISH, "the jews’ house"),
        ("Banana Mexican families", IRANIAN, "Banana Iranian families"),  # "Banana" ends in an a that is no article
        ("Vitamin-a Mexican families", IRANIAN, "Vitamin-a Iranian families"),
    ],
)
def test_the_words_around_a_swap_fit(text, to, wanted):
    assert swapped(text, to) == wanted


def test_what_may_be_an_adjective_or_a_noun_needs_a_term_with_one_word_for_both():
    assert swapped("The Mexican sings", JEWISH) is None
    assert swapped("The Mexican sings", GAY) is None
    assert swapped("The Mexican people sing", JEWISH) == "The Jewish people sing"  # the next word tells
    assert swapped("Mexicans sing", GAY) is None  # it has no plural


@pytest.mark.parametrize(
    "text",
    [
        "gaylord", "nosegay", "#gay", "@mexican", "Mexican-American", "anti-mexican", "www.gay.org", "gay.example/x",
        "a black car", "the black sea", "mexico", "", "¿gayy?",
    ],
)  # fmt: skip
def test_what_is_no_name_of_a_group_is_left_alone(text):
    assert Finder(TERMS).mentions(text) == {}


def test_a_word_with_other_meanings_counts_in_front_of_people_only():
    assert list(Finder(TERMS).mentions("black women sing")) == [BLACK]
    assert swapped("gay women sing", BLACK) == "black women sing"
    assert swapped("a gay bar", BLACK) is None


def test_a_post_that_names_a_group_twice_or_the_target_is_not_mixed():
    posts = [Post("1", "gay and lesbian people sing", "hate"), Post("2", "Mexicans and Iranians sing", "hate")]
    made = make_swaps(posts, [GAY, LESBIAN, MEXICAN, IRANIAN], 100, 0).posts
    assert {(post.extra["of"], post.extra["to_group"]) for post in made} == {("2", "lgbtq")}
    assert sorted(post.text for post in made) == ["Lesbians and Iranians sing", "Mexicans and lesbians sing"]


def test_swaps_are_drawn_by_the_seed_and_keep_where_they_came_from():
    posts = [Post(str(at), f"{word} people live here, {at}", "hate") for at, word in enumerate(["gay", "Mexican"] * 20)]
    some = make_swaps(posts, TERMS, 25, 3)
    assert (len(some.posts), some.possible) == (25, make_swaps(posts, TERMS, 10**6, 3).possible)
    assert some == make_swaps(posts, TERMS, 25, 3) != make_swaps(posts, TERMS, 25, 4)
    assert make_swaps(posts, TERMS, 0, 3).posts == []
    assert len({post.id for post in some.posts}) == 25
    one = some.posts[0]
    origin = posts[int(one.extra["of"])]
    assert (one.extra["original"], one.label) == (origin.text, origin.label)
    assert one.extra["from_term"] in origin.text
    assert one.extra["to_term"].lower() in one.text.lower()


WORDS = ["a", "an", "gay", "Mexicans", "Iranian", "black", "people", "sing", ".", "\n", "☃", "#gay", "JEWS", "é"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_whatever_the_text_a_swap_changes_the_names_and_their_articles_alone(words):
    text = " ".join(words)
    for post in make_swaps([Post("p", text, "hate")], TERMS, 100, 0).posts:
        assert post.text != text
        was, now = text.split(" "), post.text.split(" ")
        assert len(was) == len(now)
        for before, after in zip(was, now, strict=True):
            assert before == after or before in ("a", "an") or before.lower() in "gay mexicans iranian jews black"


def test_the_shipped_terms_are_neutral_in_number_and_all_found():
    terms = load_terms()
    assert {"lgbtq", "mexican", "middle_east", "muslim", "jewish", "black"} <= {term.group for term in terms}
    finder = Finder(terms)
    for term in terms:
        for form in ("adjective", "singular", "plural"):
            if word := term.form(form):
                assert list(finder.mentions(f"the {word} people")) == [term], word


def test_swapping_there_and_back_gives_the_post_again():
    rng = random.Random(0)
    nouns = [MEXICAN, IRANIAN, EUROPEAN]
    for _ in range(100):
        first, second = rng.sample(nouns, 2)
        text = f"I saw {'an' if first is IRANIAN else 'a'} {first.singular} and two {first.plural}."
        there = swapped(text, second)
        assert there != text
        assert swapped(there, first) == text
