"""The frame: inferred where the prompts allow it, and never a piece of a post."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probatum.data.reading.frames import Frame, infer_frame

MARKER = "### Classification:"
WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]


def sides(prompts, marker=""):
    frame = infer_frame(prompts, marker)
    return frame.prefix, frame.suffix


def test_one_prompt_tells_nothing():
    assert sides(["Text: a b"]) == ("", "")
    assert sides([f"Text: a b\n\n{MARKER}"], MARKER) == ("", MARKER)


def test_equal_prompts_tell_nothing():
    assert sides(["Text: a b"] * 30) == ("", "")


def test_two_prompts_are_cut_at_the_heading():
    assert sides(["Text: they came", "Text: they went"]) == ("Text: ", "")


def test_posts_that_begin_with_the_same_letters_keep_them():
    assert sides([f"Text: th{word}\n{MARKER}" for word in WORDS], MARKER) == ("Text: ", f"\n{MARKER}")


def test_posts_that_end_with_a_full_stop_keep_it():
    prompts = [f"Text: {word} {n}.\n\nAnswer:" for n in range(6) for word in WORDS]
    assert sides(prompts) == ("Text: ", "\n\nAnswer:")


def test_posts_that_begin_with_the_same_word_keep_it_where_there_are_few():
    assert sides([f"Text: the {word}\n\nAnswer:" for word in WORDS]) == ("Text: ", "\n\nAnswer:")


def test_a_frame_in_one_sentence_needs_many_posts():
    many = [f"Judge this post. {word} {n} Is it hate?" for n in range(6) for word in WORDS]
    assert sides(many) == ("Judge this post. ", " Is it hate?")
    assert sides(many[:3]) == ("", "")


@pytest.mark.parametrize(
    ("opener", "closer"), [('"', '"'), ("“", "”"), ("[", "]"), ("<post>", "</post>"), ("```", "```")]
)
def test_mirrored_quotes_are_frame(opener, closer):
    assert sides([f"Text: {opener}{word}{closer}\nAnswer:" for word in WORDS]) == (
        f"Text: {opener}",
        f"{closer}\nAnswer:",
    )


def test_a_quote_on_one_side_is_the_posts():
    assert sides([f'Text: "{word}\nAnswer:' for word in WORDS]) == ("Text: ", "\nAnswer:")


def test_a_slot_before_the_post():
    prompts = [f'Judge.\n\nPersona: {"AB"[n % 2]}\nText: "{word} {n}"' for n in range(10) for word in WORDS]
    frame = infer_frame(prompts)
    assert (frame.prefix, frame.suffix, frame.slots) == ('Judge.\n\nText: "', '"', ("persona",))
    assert frame.cut(prompts[0]) == ("alpha 0", {"persona": "A"})


def test_a_slot_after_the_post():
    prompts = [f"Text: {word} {n}\nGroup: {'AB'[n % 2]}\n{MARKER}" for n in range(10) for word in WORDS]
    frame = infer_frame(prompts, MARKER)
    assert (frame.prefix, frame.suffix, frame.slots) == ("Text: ", f"\n{MARKER}", ("group",))
    assert frame.cut(prompts[0]) == ("alpha 0", {"group": "A"})


def test_one_odd_prompt_does_not_hide_the_frame_of_the_others():
    prompts = [f"Text: {word} {n}\nAnswer:" for n in range(6) for word in WORDS]
    frame = infer_frame([*prompts, "something else\nAnswer:"])
    assert (frame.prefix, frame.suffix) == ("Text: ", "\nAnswer:")
    assert frame.cut("something else\nAnswer:") is None


def test_posts_alone_have_no_frame():
    assert sides([f"{word} {n}" for n in range(10) for word in WORDS]) == ("", "")


def test_a_prompt_shorter_than_its_frame_is_not_cut():
    assert Frame(("Text: ab",), ("b\n",)).cut("Text: ab\n") is None


posts = st.lists(st.text("ab .\n\"'", min_size=1, max_size=12), min_size=1, max_size=30)
frames = st.sampled_from([("Text: ", "\n\nAnswer:"), ('Judge.\nPost: "', '"\n'), ("", ""), ("A post:\n", "\n")])


@given(posts, frames)
@settings(max_examples=200, deadline=None)
def test_frame_and_post_make_the_prompt_again(posts, around):
    prompts = [around[0] + post + around[1] for post in posts]
    frame = infer_frame(prompts)
    for prompt in prompts:
        cut = frame.cut(prompt)
        if cut is not None and not frame.slots:
            assert frame.prefix + cut[0] + frame.suffix == prompt


@given(st.lists(st.text("abc d", min_size=1, max_size=12).filter(str.strip), min_size=1, max_size=30))
@settings(max_examples=200, deadline=None)
def test_no_piece_of_a_post_is_swallowed(posts):
    prompts = [f"Text: {post.strip()}\n\nAnswer:" for post in posts]
    frame = infer_frame(prompts)
    for prompt, post in zip(prompts, posts, strict=True):
        assert post.strip() in frame.cut(prompt)[0]


def test_posts_that_all_begin_and_end_with_a_word_keep_it():
    prompts = [f"Text: the {word} {n} end\n\nAnswer:" for n in range(6) for word in WORDS]
    assert sides(prompts) == ("Text: ", "\n\nAnswer:")
