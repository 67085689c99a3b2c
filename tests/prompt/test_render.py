"""Posts to tokens: frame, labels, truncation and their faults, on tiny tokenizers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.prompt.test_template import MISTRAL, PHI
from tests.tiny_tokenizers import CHATML, FAMILIES, byte_bpe, fast, llama_bpe

from probatum.data.labels import LabelSet
from probatum.errors import PromptError
from probatum.prompt.render import RenderedPost, Renderer
from probatum.prompt.strategy import Strategy, load_strategy, shipped_strategies
from probatum.study import Prompt, Task

LABELS = Task().label_set()
PLAIN = Strategy(name="plain", text="Labels {labels}, {x}.\n{post}\n### Answer:")
LONG = Strategy(name="long", text="MANY TOKENS OF A LONG QUESTION: {labels}.\n{post}\n### Answer:")
CHAT = fast(byte_bpe(), chat_template=CHATML)
BYTES = fast(byte_bpe(), bos=True)


def renderer(tokenizer=BYTES, strategy=PLAIN, labels=LABELS, **settings):
    return Renderer(tokenizer, strategy, labels, Prompt(**settings))


def decoded(tokenizer, ids):
    return tokenizer.decode(ids, clean_up_tokenization_spaces=False)


@pytest.mark.parametrize("name", shipped_strategies())
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("template", [None, CHATML])
def test_every_shipped_strategy_renders_with_every_family(name, family, template):
    made = renderer(fast(FAMILIES[family](), chat_template=template), load_strategy(name), max_tokens=4096)
    assert made.prefix_ids and made.tail_ids and made.end_ids and made.render("lovely").post_ids
    assert "hate, not hate" in made.prompt_text("lovely")


@pytest.mark.parametrize(
    ("family", "template"),
    [(family, template) for family in FAMILIES for template in (CHATML, PHI, MISTRAL)][:-1],  # unigram crosses words
)
@pytest.mark.parametrize("post", ["lovely weather", "the post"])
def test_a_prompt_with_its_answer_is_token_for_token_that_of_the_tokenizer(family, template, post):
    tokenizer = fast(FAMILIES[family](), chat_template=template)
    made = renderer(tokenizer, load_strategy("baseline"), max_tokens=4096)
    answer = " hate" if template == MISTRAL else "hate"
    whole = tokenizer.encode(made.prompt_text(post).rstrip(" ") + answer, add_special_tokens=False)
    parts = [made.prefix_ids, made.render(post).post_ids, made.tail_ids, made.label_ids["hate"]]
    assert sum(parts, ()) == tuple(whole)


def test_a_space_that_the_tokenizer_means_after_a_control_token_is_kept():
    tokenizer = fast(FAMILIES["phi_bpe"](), chat_template=PHI)
    made = renderer(tokenizer, load_strategy("baseline"), max_tokens=4096)
    assert tokenizer.convert_ids_to_tokens(list(made.label_ids["hate"]))[0].startswith("▁")


def test_a_plain_text_has_its_labels_and_leaves_other_braces():
    made = renderer()
    assert made.prompt_text("a post") == "Labels hate, not hate, {x}.\na post\n### Answer:"
    parts = [made.prefix_ids, made.render("a post").post_ids, made.tail_ids, made.answer_ids("not_hate")]
    assert decoded(BYTES, sum(parts, ())) == "<s>Labels hate, not hate, {x}.\na post\n### Answer: not hate</s>"


def test_a_chat_for_a_model_without_a_template_is_plain_paragraphs():
    made = renderer(strategy=load_strategy("few_shot"), max_tokens=2048)
    text = made.prompt_text("a post")
    assert text.startswith("You are a content moderator.")
    assert "\n\nAnswer: not hate\n\n" in text
    assert text.endswith("\n\na post\n\nAnswer:")


def test_a_plain_text_is_plain_even_where_there_is_a_template():
    assert renderer(CHAT).prompt_text("x") == renderer(BYTES).prompt_text("x")


def test_a_chat_ends_its_answer_as_the_template_does():
    made = renderer(CHAT, load_strategy("baseline"))
    assert decoded(CHAT, made.answer_ids("hate")) == "hate<|end|>"
    assert renderer(CHAT).end_ids == (CHAT.eos_token_id,)


@pytest.mark.parametrize(
    ("after", "answer"), [("Answer:", " hate"), ("Answer: ", " hate"), ("Answer:\n", "hate"), ("Answer:  ", "  hate")]
)
def test_a_space_before_the_answer_is_part_of_the_answer(after, answer):
    made = renderer(strategy=Strategy(name="s", text="{post}\n" + after))
    assert decoded(BYTES, made.label_ids["hate"]) == answer
    assert decoded(BYTES, made.tail_ids) == "\n" + after.rstrip(" ")


def test_a_space_before_the_post_is_part_of_the_post():
    made = renderer(strategy=Strategy(name="s", text="Post: {post}\nAnswer:"))
    assert decoded(BYTES, made.prefix_ids) == "<s>Post:"
    assert decoded(BYTES, made.render("lovely").post_ids) == " lovely"


def test_a_ready_frame_is_taken_as_it_is():
    made = renderer(strategy=Strategy(name="ready", frame=("Use {post} and {labels}:\n", "\n### Classification:")))
    assert made.prompt_text("x") == "Use {post} and {labels}:\nx\n### Classification:"


def test_a_prefix_may_be_empty():
    made = renderer(fast(byte_bpe()), Strategy(name="s", text="{post}\nAnswer:"))
    assert made.prefix_ids == ()


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), max_size=5), st.integers(50, 90))
def test_a_batch_is_the_same_as_one_by_one(texts, max_tokens):
    made = renderer(max_tokens=max_tokens)
    texts = ["x" + text for text in texts]
    assert made.render_many(texts) == [made.render(text) for text in texts]


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80), st.integers(50, 90))
def test_only_the_post_is_cut_from_its_end_and_between_characters(text, max_tokens):
    made = renderer(max_tokens=max_tokens)
    text = "x" + text
    post = made.render(text)
    kept = decoded(BYTES, post.post_ids)
    longest = max(len(made.answer_ids(label)) for label in LABELS.words)
    used = len(made.prefix_ids) + len(post.post_ids) + len(made.tail_ids) + longest
    assert used <= max_tokens
    assert text.startswith(kept)
    assert post.truncated == (kept != text) == (post.num_cut_tokens > 0)
    if post.truncated:
        assert used > max_tokens - 4  # no more is cut than a character needs


def test_cut_tokens_are_counted():
    made = renderer(max_tokens=60)
    whole = BYTES("lovely weather " * 20, add_special_tokens=False)["input_ids"]
    assert made.render("lovely weather " * 20).num_cut_tokens == len(whole) - made.max_post_tokens


def test_an_empty_post_has_no_tokens():
    assert renderer().render("") == RenderedPost(())
    assert renderer().render_many([]) == []


def test_a_replacement_character_of_the_posts_own_is_kept():
    made = renderer(max_tokens=60)
    kept = decoded(BYTES, made.render("\ufffd" * 100).post_ids)
    assert set(kept) == {"\ufffd"}


def test_sentencepiece_posts_are_cut_between_characters_too():
    tokenizer = fast(llama_bpe())
    made = renderer(tokenizer, max_tokens=100)
    assert set(decoded(tokenizer, made.render("日本" * 100).post_ids)) == {"日", "本"}


def test_labels_that_begin_another_are_seen():
    labels = LabelSet("b", {"b": "hate", "a": "hate not"})
    assert not renderer(labels=labels).labels_prefix_free
    assert renderer().labels_prefix_free


def test_the_fingerprint_follows_everything_shared():
    same = renderer().fingerprint()
    assert renderer().fingerprint() == same
    assert renderer(max_tokens=500).fingerprint() != same
    assert renderer(strategy=load_strategy("guide")).fingerprint() != same
    assert renderer(labels=LabelSet("hate", {"hate": "hate", "not_hate": "fine"})).fingerprint() != same


@pytest.mark.parametrize("text", ["Say.\n{post}", "Say.\n{post} "])
def test_something_must_stand_between_post_and_answer(text):
    with pytest.raises(PromptError, match=r"strategy 's': nothing stands between \{post\} and the answer"):
        renderer(strategy=Strategy(name="s", text=text))


def test_a_frame_that_does_not_fit_is_an_error_with_its_numbers():
    made = renderer(strategy=LONG)
    used = 512 - made.max_post_tokens
    message = rf"takes {len(made.prefix_ids)} tokens before the post, {len(made.tail_ids)} after it .*: {used} in all"
    with pytest.raises(PromptError, match=message + f".*max_tokens {used} for the post"):
        renderer(strategy=LONG, max_tokens=used)
    assert renderer(strategy=LONG, max_tokens=used + 1).max_post_tokens == 1


def test_a_post_of_which_nothing_fits_is_an_error():
    used = 512 - renderer(strategy=LONG).max_post_tokens
    with pytest.raises(PromptError, match=r"nothing of a post of 4 tokens fits: only 1 are left"):
        renderer(strategy=LONG, max_tokens=used + 1).render("🙂")


def test_labels_without_tokens_or_with_the_same():
    with pytest.raises(PromptError, match=r"task\.labels\.b: ' ' has no tokens"):
        renderer(labels=LabelSet("a", {"a": "hate", "b": " "}))
    with pytest.raises(PromptError, match=r"task\.labels\.b: '日' has the same tokens as another label's words"):
        renderer(fast(FAMILIES["unigram"]()), labels=LabelSet("a", {"a": "本", "b": "日"}))


def test_a_tokenizer_without_an_end():
    tokenizer = type(BYTES)(tokenizer_object=byte_bpe(), bos_token="<s>")
    with pytest.raises(PromptError, match="no end-of-sequence token"):
        renderer(tokenizer)


def test_examples_must_answer_with_label_words():
    labels = LabelSet("toxic", {"toxic": "toxic", "fine": "fine"})
    with pytest.raises(PromptError, match=r"'few_shot': its examples answer with hate, not hate, but .* fine, toxic"):
        renderer(strategy=load_strategy("few_shot"), labels=labels)
