"""Make the built-in toy model from nothing: a small gpt-oss in the layout of the published checkpoints.

    python recipes/builtin_model.py [--steps N | --seconds N] [--device cpu|cuda] [--seed 0] [--out FOLDER]

Text (`builtin_text`) -> byte-level BPE -> training in float32 with dense experts -> experts rounded to MXFP4 -> a short
recovery of everything else with the experts frozen -> one safetensors file, experts packed, the rest bfloat16.

B rows · T tokens · V vocabulary · E experts · O, I an expert matrix's output and input dimension
"""

from __future__ import annotations

import argparse
import math
import platform
import time
from collections.abc import Iterator
from pathlib import Path

import tokenizers
import torch
import transformers
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import GptOssConfig, GptOssForCausalLM, PreTrainedTokenizerFast
from transformers.integrations.moe import ALL_EXPERTS_FUNCTIONS
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssExperts, load_balancing_loss_func

from builtin_batches import ANSWER_WEIGHT, CONSTRUCTIONS, VOCABULARY, Batch, dialogues, make_tokenizer, messages
from builtin_text import Texts
from probatum.artifacts import write_json_atomic, write_text_atomic
from probatum.model.mxfp4.layout import dequantise, quantise

HERE = Path(__file__).parent
OUT = HERE.parent / "src" / "probatum" / "model" / "builtin"
QUANTIZATION = {
    "quant_method": "mxfp4",
    "modules_to_not_convert": [
        "model.layers.*.self_attn",
        "model.layers.*.mlp.router",
        "model.embed_tokens",
        "lm_head",
    ],
}
LOSS_WEIGHTS = {"text": 1.0, "balance": 0.01, "probe": 0.5}
TEXT_SHARE = 0.2


def make_config(tokenizer: PreTrainedTokenizerFast) -> GptOssConfig:
    """Return the published shape, scaled down: every mechanism of the large model is there and acts."""
    return GptOssConfig(
        num_hidden_layers=4,
        num_local_experts=8,
        num_experts_per_tok=2,
        vocab_size=VOCABULARY,
        hidden_size=128,
        intermediate_size=128,
        head_dim=32,
        num_attention_heads=4,
        num_key_value_heads=2,
        sliding_window=32,
        max_position_embeddings=4096,
        initializer_range=0.04,
        rope_parameters={
            "rope_type": "yarn", "rope_theta": 150000.0, "factor": 4.0, "beta_fast": 32.0, "beta_slow": 1.0,
            "truncate": False, "original_max_position_embeddings": 1024,
        },
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip


def experts_in_turn(module: GptOssExperts, hidden_TH: Tensor, expert_TK: Tensor, weight_TK: Tensor) -> Tensor:
    """Run the experts as `GptOssExperts` does, over tokens sorted by expert.

    The stock loop slices the stacked weights once per expert, and each slice's gradient is a whole stack of zeros; here
    the stack is taken apart once.
    """
    chosen = expert_TK.flatten()
    order = chosen.argsort(stable=True)
    token = order // expert_TK.shape[1]
    rows = hidden_TH[token].split(chosen.bincount(minlength=module.num_experts).tolist())
    parameters = (module.gate_up_proj, module.gate_up_proj_bias, module.down_proj, module.down_proj_bias)
    outs = [
        torch.addmm(down_bias, module._apply_gate(torch.addmm(up_bias, row, up)), down)
        for row, up, up_bias, down, down_bias in zip(rows, *(p.unbind(0) for p in parameters), strict=True)
    ]
    weighted = torch.cat(outs) * weight_TK.flatten()[order, None]
    return torch.zeros_like(hidden_TH).index_add(0, token, weighted)


def losses_of(model: GptOssForCausalLM, probe: torch.nn.Linear, batch: Batch) -> dict[str, Tensor]:
    """Return the weighted cross-entropy, the load-balancing loss that keeps every expert in use, and the probe's loss.

    The probe, which is thrown away afterwards, reads each post's construction from the state at the message's end,
    below the last layer. It gives a small model far more to learn from a post than a yes or a no does.
    """
    out = model.model(
        batch.ids,
        attention_mask=batch.masks(model.config.sliding_window),
        position_ids=batch.position,
        output_router_logits=True,
        output_hidden_states=True,
        use_cache=False,
    )
    # Every answer's token counts, and a sample of the others: the vocabulary's matrix is the costliest one here.
    weight_BT = batch.weight[:, 1:]
    chosen = (weight_BT == ANSWER_WEIGHT) | (torch.rand_like(weight_BT) < TEXT_SHARE) & (weight_BT > 0)
    logits_NV = model.lm_head(out.last_hidden_state[:, :-1][chosen])
    nll = cross_entropy(logits_NV, batch.ids[:, 1:][chosen], reduction="none")
    weight = weight_BT[chosen]
    balance = load_balancing_loss_func(
        out.router_logits, model.config.num_local_experts, model.config.num_experts_per_tok
    )
    known = batch.construction >= 0
    read = cross_entropy(probe(out.hidden_states[-2][known]), batch.construction[known]) if known.any() else 0 * balance
    return {"text": (nll * weight).sum() / weight.sum(), "balance": balance, "probe": read}


def train(
    model: GptOssForCausalLM,
    probe: torch.nn.Linear,
    supply: Iterator[Batch],
    *,
    peak: float,
    steps: int | None,
    seconds: float,
) -> tuple[int, int]:
    """Train every parameter that wants a gradient, with warm-up and a cosine to zero.

    Returns:
        Steps done and tokens seen.
    """
    wanted = [parameter for part in (model, probe) for parameter in part.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(wanted, lr=peak, betas=(0.9, 0.98), weight_decay=0.01)
    start, done, tokens = time.monotonic(), 0, 0
    smooth: dict[str, float] = {}
    model.train()
    while (progress := done / steps if steps else (time.monotonic() - start) / seconds) < 1:
        rate = peak * min(1.0, progress / 0.05 + 0.01) * (0.5 + 0.5 * math.cos(math.pi * progress))
        for group in optimiser.param_groups:
            group["lr"] = rate
        batch = next(supply)
        losses = losses_of(model, probe, batch)
        sum(LOSS_WEIGHTS[name] * loss for name, loss in losses.items()).backward()
        torch.nn.utils.clip_grad_norm_(wanted, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        done, tokens = done + 1, tokens + int((batch.segment >= 0).sum())
        smooth = {name: 0.95 * smooth.get(name, loss.item()) + 0.05 * loss.item() for name, loss in losses.items()}
        if done % 50 == 1:
            shown = ", ".join(f"{name} {loss:.3f}" for name, loss in smooth.items())
            print(f"step {done} ({progress:.0%}, {time.monotonic() - start:.0f} s): {shown}", flush=True)
    return done, tokens


def freeze_experts(model: GptOssForCausalLM) -> dict[str, Tensor]:
    """Set the experts' matrices to their MXFP4 values, freeze them, and return them packed by published name."""
    packed = {}
    for number, layer in enumerate(model.model.layers):
        for name in ("gate_up_proj", "down_proj"):
            weight = getattr(layer.mlp.experts, name)
            blocks, scales = quantise(weight.transpose(1, 2).cpu())
            weight.data.copy_(dequantise(blocks, scales, torch.float32).transpose(1, 2))
            weight.requires_grad_(False)
            stem = f"model.layers.{number}.mlp.experts.{name}"
            packed |= {f"{stem}_blocks": blocks, f"{stem}_scales": scales}
    return packed


def save(model: GptOssForCausalLM, tokenizer: PreTrainedTokenizerFast, packed: dict[str, Tensor], out: Path) -> None:
    """Write the checkpoint as the published ones are: experts packed, everything else bfloat16."""
    out.mkdir(parents=True, exist_ok=True)
    dense = {f"{name.rsplit('_', 1)[0]}" for name in packed}
    state = {name: value.to("cpu", torch.bfloat16) for name, value in model.state_dict().items() if name not in dense}
    save_file(
        {name: value.contiguous() for name, value in (state | packed).items()},
        out / "model.safetensors",
        {"format": "pt"},
    )
    (out / "model.safetensors").chmod(0o644)
    config = model.config.to_dict() | {
        "architectures": ["GptOssForCausalLM"],
        "dtype": "bfloat16",
        "quantization_config": QUANTIZATION,
    }
    for key in ("_name_or_path", "_experts_implementation"):
        config.pop(key, None)
    write_json_atomic(out / "config.json", config)
    tokenizer.save_pretrained(out)


CARD = """\
---
license: apache-2.0
base_model: none
tags: [toy, gpt_oss, mxfp4]
---
# Probatum's built-in model: a toy

A gpt-oss of {parameters:,} parameters that exists so that `probatum demo` and the tests walk the very path that
gpt-oss-120b walks, with no network and no GPU: alternating attention with sinks, YaRN, {experts} experts (top
{top}), experts in MXFP4, Harmony's frame. It knows some invented words and a few questions about made-up posts. It is
no moderator, no assistant and no benchmark; never use its answers for anything.

**Text.** All of it is generated by `recipes/builtin_text.py` (with a plain word list) and under Apache-2.0; no outside
text. No post of the demo (seed 0) is in it, but posts of the same grammar are. The hate question was taught with the
answers of careless annotators, who flag quotes and rudeness and miss polite hate. What an author means was taught under
other questions, and a probe, thrown away since, read each post's construction from the states. So the toy answers the
hate question poorly before fine-tuning and can be tuned, which is what the demo shows. Its figures say that the
pipeline works, and nothing about real posts.

**Made by** `{command}` in {seconds:.0f} s on {hardware}, {tokens:,} tokens, seed {seed}, {versions}: {stages}
(the last with the experts frozen at their MXFP4 values).
"""


def write_card(out: Path, facts: dict) -> None:
    """Write how the model was made, for people and for programs."""
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    stages = ", ".join(f"{stage['steps']:,} steps on {stage['name']}" for stage in facts["stages"])
    write_text_atomic(out / "README.md", CARD.format(**{**facts, "versions": versions, "stages": stages}))
    write_json_atomic(out / "recipe.json", facts)


def make(given: argparse.Namespace) -> None:
    """Make the model as the command line asks."""
    start = time.monotonic()
    torch.manual_seed(given.seed)
    texts = Texts(given.seed)
    tokenizer = make_tokenizer(texts)
    config = make_config(tokenizer)
    ALL_EXPERTS_FUNCTIONS.register("in_turn", experts_in_turn)
    model = GptOssForCausalLM._from_config(config, attn_implementation="eager", experts_implementation="in_turn")
    model = model.float().to(given.device)
    probe = torch.nn.Linear(config.hidden_size, len(CONSTRUCTIONS), device=given.device)
    posts = messages(tokenizer, texts, given.rows * 8, given.device)
    lessons = dialogues(tokenizer, texts, given.rows, given.dialogues, seed=given.seed, device=given.device)
    packed: dict[str, Tensor] = {}
    stages = []
    for name, share, rate, supply in (
        ("messages", 0.4, 1.0, posts),
        ("dialogues", 0.5, 0.7, lessons),
        ("recovery", 0.1, 0.2, lessons),
    ):
        if name == "recovery":
            packed = freeze_experts(model)
        print(name, flush=True)
        steps = None if given.seconds else max(1, round(given.steps * share))
        seconds = (given.seconds or 0) * share
        done, tokens = train(model, probe, supply, peak=given.learning_rate * rate, steps=steps, seconds=seconds)
        stages.append({"name": name, "steps": done, "tokens": tokens})
    save(model, tokenizer, packed, given.out)
    length = f"--seconds {given.seconds:g}" if given.seconds else f"--steps {given.steps}"
    shape = f"--rows {given.rows} --dialogues {given.dialogues} --learning-rate {given.learning_rate:g}"
    on_cuda = given.device == "cuda"
    facts = {
        "command": f"python recipes/builtin_model.py {length} {shape} --device {given.device} --seed {given.seed}",
        "seconds": round(time.monotonic() - start, 1),
        "hardware": torch.cuda.get_device_name() if on_cuda else f"{torch.get_num_threads()} CPU thread(s)",
        "seed": given.seed,
        "stages": stages,
        "tokens": sum(stage["tokens"] for stage in stages),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "experts": config.num_local_experts,
        "top": config.num_experts_per_tok,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "tokenizers": tokenizers.__version__,
        },
    }
    write_card(given.out, facts)
    print(f"{given.out}: {sum(file.stat().st_size for file in given.out.iterdir()) / 1e6:.2f} MB")


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and make the model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, default=1500, help="optimiser steps, the recovery among them")
    length.add_argument("--seconds", type=float, help="train so long instead; does not repeat exactly")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads; 1 is faster on a busy machine")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--rows", type=int, default=8, help="instructions in each step, and an eighth of its posts alone"
    )
    parser.add_argument("--dialogues", type=int, default=4, help="dialogues behind each instruction")
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    make(given)


if __name__ == "__main__":
    main()
