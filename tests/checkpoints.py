"""Small checkpoints in exactly the published layouts, with random weights."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, GptOssConfig, GptOssForCausalLM

PUBLISHED_MXFP4 = {
    "quant_method": "mxfp4",
    "modules_to_not_convert": [
        "model.layers.*.self_attn",
        "model.layers.*.mlp.router",
        "model.embed_tokens",
        "lm_head",
    ],
}
TINY = {
    "num_hidden_layers": 3,
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
    "vocab_size": 97,
    "hidden_size": 64,
    "intermediate_size": 32,
    "head_dim": 16,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "sliding_window": 4,
    "max_position_embeddings": 512,
}


def gpt_oss_tensors(config: GptOssConfig, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random tensors of a gpt-oss model under their published names: experts in MXFP4, the rest in bfloat16."""
    torch.manual_seed(seed)
    model = GptOssForCausalLM(config).to(torch.bfloat16)
    tensors = {}
    for name, value in model.state_dict().items():
        if name.endswith(("gate_up_proj", "down_proj")):
            experts, inputs, outputs = value.shape
            shape = (experts, outputs, inputs // 32)
            tensors[f"{name}_blocks"] = torch.randint(0, 256, (*shape, 16), dtype=torch.uint8)
            tensors[f"{name}_scales"] = torch.randint(119, 124, shape, dtype=torch.uint8)
        elif name.endswith("sinks") or name.endswith("bias"):
            tensors[name] = (torch.randn(value.shape) / 2).to(torch.bfloat16)
        elif "norm" in name:
            tensors[name] = (1 + torch.randn(value.shape) / 10).to(torch.bfloat16)
        else:
            tensors[name] = (torch.randn(value.shape) / 8).to(torch.bfloat16)
    return tensors


def write_sharded(folder: Path, tensors: dict[str, torch.Tensor], num_shards: int) -> None:
    """Write tensors as `model-0000i-of-0000n.safetensors` with the index that the hub's checkpoints have."""
    names = sorted(tensors)
    weight_map = {}
    for shard in range(num_shards):
        file = f"model-{shard:05d}-of-{num_shards:05d}.safetensors"
        part = {name: tensors[name].contiguous() for name in names[shard::num_shards]}
        save_file(part, folder / file, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(part, file)
    total = sum(value.numel() * value.element_size() for value in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def write_gpt_oss(folder: Path, seed: int = 0, num_shards: int = 3, **sizes: int) -> Path:
    """Write a tiny gpt-oss checkpoint as openai publishes it, without a tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    config = GptOssConfig(**(TINY | sizes))
    write_sharded(folder, gpt_oss_tensors(config, seed), num_shards)
    published = config.to_dict() | {
        "architectures": ["GptOssForCausalLM"],
        "dtype": "bfloat16",
        "quantization_config": PUBLISHED_MXFP4,
        "output_router_logits": False,
        "router_aux_loss_coef": 0.9,
    }
    (folder / "config.json").write_text(json.dumps(published))
    return folder


LONGROPE = {
    "type": "longrope",
    "short_factor": [1.0 + i / 16 for i in range(8)],
    "long_factor": [2.0 + i for i in range(8)],
    "short_mscale": 1.243163121016122,
    "long_mscale": 1.243163121016122,
    "original_max_position_embeddings": 4096,
}
PHIMOE = {  # microsoft/Phi-3.5-MoE-instruct's config.json, its sizes made tiny
    "architectures": ["PhiMoEForCausalLM"],
    "attention_bias": True,
    "attention_dropout": 0.0,
    "auto_map": {"AutoConfig": "configuration_phimoe.PhiMoEConfig", "AutoModelForCausalLM": "modeling_phimoe.PhiMoE"},
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "hidden_dropout": 0.0,
    "hidden_size": 64,
    "input_jitter_noise": 0.01,
    "intermediate_size": 96,
    "lm_head_bias": True,
    "max_position_embeddings": 131072,
    "model_type": "phimoe",
    "num_attention_heads": 4,
    "num_experts_per_tok": 2,
    "num_hidden_layers": 3,
    "num_key_value_heads": 2,
    "num_local_experts": 4,
    "original_max_position_embeddings": 4096,
    "output_router_logits": False,
    "rms_norm_eps": 1e-05,
    "rope_scaling": LONGROPE,
    "rope_theta": 10000.0,
    "router_aux_loss_coef": 0.0,
    "router_jitter_noise": 0.01,
    "sliding_window": 131072,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": 720,
}
LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "hidden_size": 64,
    "intermediate_size": 96,
    "max_position_embeddings": 131072,
    "model_type": "llama",
    "num_attention_heads": 4,
    "num_hidden_layers": 3,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    },
    "rope_theta": 500000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": 720,
}


def write_published(folder: Path, config: dict, max_shard_size: str = "300KB", seed: int = 0) -> Path:
    """Write a tiny checkpoint of a dense or Phi-MoE model as the hub has it, without a tokenizer.

    Experts lie there one by one, as transformers' own saver writes them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config)).to(torch.bfloat16)
    model.save_pretrained(folder, max_shard_size=max_shard_size)
    (folder / "config.json").write_text(json.dumps(config))
    return folder
