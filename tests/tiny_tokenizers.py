"""Tiny tokenizers of the families that differ in how they treat spaces and control tokens."""

import json
from collections.abc import Callable
from functools import cache, wraps

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

TEXT = [
    "You are a content moderator. Decide whether the post is hate speech.",
    "Answer with exactly one of: hate, not hate.",
    "### Classification: not hate",
    "they are lovely neighbours and the weather is lovely too",
] * 20
SPECIAL = ["<s>", "</s>", "<unk>", "<|user|>", "<|end|>", "<|assistant|>"]
CHATML = (
    "{% for m in messages %}{{ '<|user|>' + m['role'] + '\n' + m['content'] + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|user|>assistant\n' }}{% endif %}"
)


def trained_once(train: Callable[[], Tokenizer]) -> Callable[[], Tokenizer]:
    """Train at the first call; give each caller a copy."""
    trained = cache(lambda: train().to_str())

    @wraps(train)
    def copy() -> Tokenizer:
        return Tokenizer.from_str(trained())

    return copy


@trained_once
def byte_bpe() -> Tokenizer:
    """Byte-level, as gpt-oss, Llama 3 and Qwen: no space is put anywhere."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=alphabet, special_tokens=SPECIAL, show_progress=False
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    return tokenizer


@trained_once
def llama_bpe() -> Tokenizer:
    """SentencePiece BPE with byte fallback, as Llama 2 and Phi-3.5: a space is put before every text."""
    byte_pieces = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(
        "▁", "merged_with_next"
    )  # for the training: no piece ends in a space
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=[*SPECIAL, *byte_pieces], show_progress=False)
    tokenizer.train_from_iterator(TEXT, trainer)
    state = json.loads(tokenizer.to_str())
    # Byte pieces come from fallback only; they are no added tokens.
    state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] not in byte_pieces]
    state["pre_tokenizer"] = None
    return Tokenizer.from_str(json.dumps(state))


@trained_once
def unigram() -> Tokenizer:
    """SentencePiece unigram with a metaspace, as T5 and XLM: control tokens are pieces of the vocabulary too."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    trainer = trainers.UnigramTrainer(
        vocab_size=120, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False, initial_alphabet=["\n", "#"]
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    return tokenizer


def phi_bpe() -> Tokenizer:
    """As `llama_bpe`, with Phi's control tokens, which swallow the white space after them."""
    tokenizer = llama_bpe()
    tokenizer.add_special_tokens([AddedToken(text, rstrip=True, normalized=False) for text in SPECIAL])
    return tokenizer


def fast(backend: Tokenizer, *, bos: bool = False, chat_template: str | None = None) -> PreTrainedTokenizerFast:
    if bos:
        backend.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 0)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<s>", eos_token="</s>", unk_token="<unk>", chat_template=chat_template
    )
    tokenizer.add_tokens([AddedToken("<tool>", special=False), AddedToken("  ", special=False, normalized=False)])
    return tokenizer


FAMILIES = {"byte_bpe": byte_bpe, "llama_bpe": llama_bpe, "phi_bpe": phi_bpe, "unigram": unigram}
