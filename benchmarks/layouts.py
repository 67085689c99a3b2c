"""The published configs, tensor names and shapes of the models that are measured; `tiny` is gpt-oss made small."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

BF16, U8 = "BF16", "U8"
ITEM_BYTES = {BF16: 2, U8: 1}
MXFP4_BLOCK = 32
Config = dict[str, Any]

_GPT_OSS: Config = {
    "architectures": ["GptOssForCausalLM"],
    "attention_bias": True,
    "attention_dropout": 0.0,
    "dtype": "bfloat16",
    "eos_token_id": 200_002,
    "experts_per_token": 4,
    "head_dim": 64,
    "hidden_act": "silu",
    "hidden_size": 2880,
    "initial_context_length": 4096,
    "initializer_range": 0.02,
    "intermediate_size": 2880,
    "max_position_embeddings": 131_072,
    "model_type": "gpt_oss",
    "num_attention_heads": 64,
    "num_experts_per_tok": 4,
    "num_key_value_heads": 8,
    "output_router_logits": False,
    "pad_token_id": 199_999,
    "quantization_config": {
        "modules_to_not_convert": [
            "model.layers.*.self_attn",
            "model.layers.*.mlp.router",
            "model.embed_tokens",
            "lm_head",
        ],
        "quant_method": "mxfp4",
    },
    "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "beta_fast": 32.0,
        "beta_slow": 1.0,
        "factor": 32.0,
        "original_max_position_embeddings": 4096,
        "rope_type": "yarn",
        "truncate": False,
    },
    "rope_theta": 150_000,
    "router_aux_loss_coef": 0.9,
    "sliding_window": 128,
    "swiglu_limit": 7.0,
    "tie_word_embeddings": False,
    "use_cache": True,
    "vocab_size": 201_088,
}
_PHI: Config = {  # microsoft/Phi-3.5-MoE-instruct, its 64 factors of long rotary positions left at one
    "architectures": ["PhiMoEForCausalLM"],
    "attention_bias": True,
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "dtype": "bfloat16",
    "eos_token_id": 32_000,
    "hidden_act": "silu",
    "hidden_size": 4096,
    "initializer_range": 0.02,
    "input_jitter_noise": 0.01,
    "intermediate_size": 6400,
    "lm_head_bias": True,
    "max_position_embeddings": 131_072,
    "model_type": "phimoe",
    "num_attention_heads": 32,
    "num_experts_per_tok": 2,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "num_local_experts": 16,
    "original_max_position_embeddings": 4096,
    "output_router_logits": False,
    "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "long_factor": [1.0] * 64,
        "long_mscale": 1.243163121016122,
        "original_max_position_embeddings": 4096,
        "short_factor": [1.0] * 64,
        "short_mscale": 1.243163121016122,
        "type": "longrope",
    },
    "rope_theta": 10_000.0,
    "router_aux_loss_coef": 0.0,
    "router_jitter_noise": 0.01,
    "sliding_window": 131_072,
    "tie_word_embeddings": False,
    "use_cache": True,
    "vocab_size": 32_064,
}
_LLAMA: Config = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 128_000,
    "dtype": "bfloat16",
    "eos_token_id": 128_001,
    "hidden_act": "silu",
    "hidden_size": 4096,
    "initializer_range": 0.02,
    "intermediate_size": 14_336,
    "max_position_embeddings": 8192,
    "model_type": "llama",
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "rope_theta": 500_000.0,
    "tie_word_embeddings": False,
    "use_cache": True,
    "vocab_size": 128_256,
}
_TINY: Config = {
    "num_hidden_layers": 2,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "experts_per_token": 2,
    "hidden_size": 64,
    "intermediate_size": 64,
    "head_dim": 16,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "sliding_window": 32,
    "vocab_size": 0,  # as large as the tokenizer
}
PUBLISHED: dict[str, Config] = {
    "20b": _GPT_OSS | {"num_hidden_layers": 24, "num_local_experts": 32},
    "120b": _GPT_OSS | {"num_hidden_layers": 36, "num_local_experts": 128},
    "phi": _PHI,
    "llama-8b": _LLAMA,
    "tiny": _GPT_OSS | _TINY,
    "tiny-phi": _PHI
    | {"num_hidden_layers": 2, "hidden_size": 64, "intermediate_size": 32, "num_local_experts": 4, "vocab_size": 0}
    | {"num_attention_heads": 4, "num_key_value_heads": 2}
    | {"rope_scaling": _PHI["rope_scaling"] | {"long_factor": [1.0] * 8, "short_factor": [1.0] * 8}},
    "tiny-llama": _LLAMA
    | {"num_hidden_layers": 2, "hidden_size": 64, "intermediate_size": 96, "vocab_size": 0}
    | {"num_attention_heads": 4, "num_key_value_heads": 2},
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a checkpoint, by its published name."""

    name: str
    shape: tuple[int, ...]
    dtype: str = BF16

    @property
    def num_elements(self) -> int:
        return prod(self.shape)

    @property
    def num_bytes(self) -> int:
        return self.num_elements * ITEM_BYTES[self.dtype]


def config_of(size: str, vocabulary: int, layers: int | None = None) -> Config:
    """Return a published config, with fewer layers or more vocabulary if asked.

    Args:
        size: a key of `PUBLISHED`.
        vocabulary: the tokenizer's largest id plus one; a smaller published vocabulary is enlarged to hold it.
        layers: how many layers (default: as published).
    """
    config = dict(PUBLISHED[size])
    config["vocab_size"] = max(config["vocab_size"], -(-vocabulary // 64) * 64)
    config["num_hidden_layers"] = layers or config["num_hidden_layers"]
    if config["model_type"] == "gpt_oss":
        kinds = ("sliding_attention", "full_attention")
        config["layer_types"] = [kinds[layer % 2] for layer in range(config["num_hidden_layers"])]
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        if config.get(name, 0) >= config["vocab_size"]:
            del config[name]
    return config


def head_dim(config: Config) -> int:
    return config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]


def tensors_of(config: Config) -> Iterator[Tensor]:
    """Return every tensor of a checkpoint under its published name, layer by layer."""
    hidden, vocabulary = config["hidden_size"], config["vocab_size"]
    norm_bias = config["model_type"] == "phimoe"
    yield Tensor("model.embed_tokens.weight", (vocabulary, hidden))
    for layer in range(config["num_hidden_layers"]):
        at = f"model.layers.{layer}"
        for norm in ("input_layernorm", "post_attention_layernorm"):
            yield from _linear(f"{at}.{norm}", (hidden,), bias=norm_bias)
        yield from _attention(f"{at}.self_attn", config)
        yield from _FEED_FORWARD[config["model_type"]](at, config)
    yield from _linear("model.norm", (hidden,), bias=norm_bias)
    yield from _linear("lm_head", (vocabulary, hidden), bias=config.get("lm_head_bias", False))


def num_parameters(config: Config) -> int:
    """Return how many weights a model has once nothing of it is packed."""
    packed = 2  # values in a byte
    return sum(
        tensor.num_elements * (packed if tensor.name.endswith("_blocks") else 1)
        for tensor in tensors_of(config)
        if not tensor.name.endswith("_scales")
    )


def _linear(name: str, shape: tuple[int, ...], *, bias: bool) -> Iterator[Tensor]:
    yield Tensor(f"{name}.weight", shape)
    if bias:
        yield Tensor(f"{name}.bias", shape[:1])


def _attention(at: str, config: Config) -> Iterator[Tensor]:
    hidden, bias = config["hidden_size"], config["attention_bias"]
    queries = config["num_attention_heads"] * head_dim(config)
    keys = config["num_key_value_heads"] * head_dim(config)
    for name, shape in (
        ("q", (queries, hidden)),
        ("k", (keys, hidden)),
        ("v", (keys, hidden)),
        ("o", (hidden, queries)),
    ):
        yield from _linear(f"{at}.{name}_proj", shape, bias=bias)
    if config["model_type"] == "gpt_oss":
        yield Tensor(f"{at}.sinks", (config["num_attention_heads"],))


def _gpt_oss(at: str, config: Config) -> Iterator[Tensor]:
    experts, hidden, inner = config["num_local_experts"], config["hidden_size"], config["intermediate_size"]
    yield from _linear(f"{at}.mlp.router", (experts, hidden), bias=True)
    for name, outputs, inputs in (("gate_up_proj", 2 * inner, hidden), ("down_proj", hidden, inner)):
        shape = (experts, outputs, inputs // MXFP4_BLOCK)
        yield Tensor(f"{at}.mlp.experts.{name}_blocks", (*shape, MXFP4_BLOCK // 2), U8)
        yield Tensor(f"{at}.mlp.experts.{name}_scales", shape, U8)
        yield Tensor(f"{at}.mlp.experts.{name}_bias", (experts, outputs))


def _phimoe(at: str, config: Config) -> Iterator[Tensor]:
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    yield Tensor(f"{at}.block_sparse_moe.gate.weight", (config["num_local_experts"], hidden))
    for expert in range(config["num_local_experts"]):
        for name, shape in (("w1", (inner, hidden)), ("w2", (hidden, inner)), ("w3", (inner, hidden))):
            yield Tensor(f"{at}.block_sparse_moe.experts.{expert}.{name}.weight", shape)


def _llama(at: str, config: Config) -> Iterator[Tensor]:
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    for name, shape in (("gate", (inner, hidden)), ("up", (inner, hidden)), ("down", (hidden, inner))):
        yield Tensor(f"{at}.mlp.{name}_proj.weight", shape)


_FEED_FORWARD = {"gpt_oss": _gpt_oss, "phimoe": _phimoe, "llama": _llama}
