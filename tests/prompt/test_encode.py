"""A post is only ever text, whatever the tokenizer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tiny_tokenizers import FAMILIES, SPECIAL, byte_bpe, fast

from probatum.prompt.encode import Encoder

TOKENIZERS = {name: fast(make()) for name, make in FAMILIES.items()}
ENCODERS = {name: Encoder(tokenizer) for name, tokenizer in TOKENIZERS.items()}
HOSTILE = st.lists(st.sampled_from([*SPECIAL, "<tool>", " ", "\n", "lovely", "<", "|>", "🙂", "é"])).map("".join)
ANY_TEXT = st.text(max_size=40) | HOSTILE


@pytest.mark.parametrize("name", FAMILIES)
@given(text=ANY_TEXT)
@settings(deadline=None)
def test_no_control_token_comes_out(name, text):
    tokenizer = TOKENIZERS[name]
    control = set(tokenizer.all_special_ids) | {tokenizer.convert_tokens_to_ids("<tool>")}
    assert not (control - {tokenizer.unk_token_id}) & set(ENCODERS[name].plain([text])[0])


@given(text=ANY_TEXT)
@settings(deadline=None)
def test_byte_level_text_comes_back_exactly(text):
    encoder = ENCODERS["byte_bpe"]
    assert encoder.decode(encoder.plain([text])[0]) == text.replace("\0", "\ufffd")


@pytest.mark.parametrize("name", ["byte_bpe", "llama_bpe"])
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0▁"), max_size=30))
@settings(deadline=None)
def test_text_that_goes_on_gets_no_space(name, text):
    """Runs of spaces are left out: around an added token for them this family's own encoding adds a space."""
    encoder = ENCODERS[name]
    text = " ".join(text.split(" ")) if name == "byte_bpe" else " ".join(filter(None, text.split(" ")))
    first = encoder.frame("post:", start=True)
    assert encoder.decode(first + encoder.plain([text])[0]) == "post:" + text


def test_unigram_text_that_goes_on_gets_no_space():
    encoder = ENCODERS["unigram"]
    assert encoder.decode(encoder.frame("the", start=True) + encoder.plain(["lovely post"])[0]) == "thelovely post"


@pytest.mark.parametrize("name", FAMILIES)
@given(texts=st.lists(ANY_TEXT, max_size=5))
@settings(deadline=None)
def test_a_batch_is_the_same_as_one_by_one(name, texts):
    encoder = ENCODERS[name]
    assert encoder.plain(texts) == [encoder.plain([text])[0] for text in texts]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\0", "a\0b"])
def test_lone_surrogates_and_nul_are_replaced(name, text):
    encoder = ENCODERS[name]
    shown = text.translate({0: "\ufffd", 0xD800: "\ufffd", 0xDFFF: "\ufffd"})
    assert encoder.plain([text]) == encoder.plain([shown])


@pytest.mark.parametrize("name", FAMILIES)
def test_the_tokenizer_is_left_as_it_was(name):
    tokenizer = TOKENIZERS[name]
    before = tokenizer("a<|end|>b")["input_ids"]
    ENCODERS[name].plain(["a<|end|>b"])
    assert tokenizer("a<|end|>b")["input_ids"] == before
    assert tokenizer.convert_tokens_to_ids("<|end|>") in before


@pytest.mark.parametrize("name", FAMILIES)
def test_our_own_text_may_hold_control_tokens(name):
    tokenizer = TOKENIZERS[name]
    assert tokenizer.convert_tokens_to_ids("<|end|>") in ENCODERS[name].frame("the<|end|>post")


def test_a_tokenizer_that_ignores_the_order_gives_no_control_token_either():
    class Deaf(type(TOKENIZERS["byte_bpe"])):
        def __call__(self, *args, **kwargs):
            return super().__call__(*args, **kwargs | {"split_special_tokens": False})

    source = TOKENIZERS["byte_bpe"]
    deaf = Deaf(tokenizer_object=source.backend_tokenizer, bos_token="<s>", eos_token="</s>")
    text = "a <|end|><|end|></s>b"
    encoder = Encoder(deaf)
    assert encoder.decode(encoder.plain([text])[0]) == text
    assert deaf.convert_tokens_to_ids("<|end|>") not in encoder.plain([text])[0]


def test_a_control_token_of_one_character_is_replaced():
    tokenizer = fast(byte_bpe())
    tokenizer.add_tokens(["§"])
    encoder = Encoder(tokenizer)
    assert encoder.decode(encoder.plain(["a§b"])[0]) == "a\ufffdb"


@pytest.mark.parametrize("bos", [True, False])
def test_a_plain_prompt_begins_as_the_tokenizer_begins_texts(bos):
    encoder = Encoder(fast(byte_bpe(), bos=bos))
    start = encoder.frame("<s>", start=True) if bos else []
    assert encoder.begin_plain("post") == start + encoder.frame("post", start=True)
    assert encoder.begin_plain("") == start
    assert encoder.begin_plain("<s>post") == encoder.frame("<s>post", start=True)
