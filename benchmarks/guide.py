"""The guide's own loops, as it writes them: generate ten tokens for one post at a time, and train on padded posts.

Left out of both: reading files and tokenising, which the guide's figures would have on top. Its fp16 is bf16 here, the
type that gpt-oss comes in; `temperature`, which does nothing without sampling, is dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainerCallback, TrainingArguments

from benchmarks.clock import Clock
from probatum.model.notices import quiet
from probatum.training.lora import check_gradients

NEW_TOKENS = 10
TARGETS = ["q_proj", "v_proj", "o_proj", "k_proj"]
BATCH, ACCUMULATION = 4, 2


def inference_rate(model: Any, prompts: Sequence[Sequence[int]], pad: int, warm_up: int = 2) -> float:
    """Return posts a second of the guide's inference: batch 1, `generate`.

    Args:
        model: a causal language model.
        prompts: the posts' prompts in tokens; the first `warm_up` are done before the clock starts.
        pad: the id that pads.
        warm_up: how many.
    """
    for ids in prompts[:warm_up]:
        _answer(model, ids, pad)
    clock = Clock(model.device)
    for ids in prompts[warm_up:]:
        _answer(model, ids, pad)
    return (len(prompts) - warm_up) / clock.seconds()


@torch.no_grad()
def _answer(model: Any, ids: Sequence[int], pad: int) -> list[int]:
    input_ids = torch.tensor([list(ids)], device=model.device)
    outputs = model.generate(
        input_ids=input_ids,
        attention_mask=torch.ones_like(input_ids),
        max_new_tokens=NEW_TOKENS,
        do_sample=False,
        pad_token_id=pad,
    )
    return outputs[0].tolist()


def training_rate(
    model: Any,
    examples: Sequence[Sequence[int]],
    folder: Path,
    pad: int,
    *,
    length: int = 512,
    steps: int = 6,
    warm_up: int = 2,
) -> float:
    """Return posts a second of the guide's training: padded, checkpointed, batches of four, two to a step.

    Args:
        model: a causal language model; it is given back without the adapter.
        examples: posts with their answers, in tokens.
        folder: what the trainer calls its output folder.
        pad: the id that pads.
        length: tokens that every post is padded to.
        steps: optimiser steps on the clock.
        warm_up: optimiser steps before it starts.
    """
    from peft import LoraConfig, TaskType, get_peft_model

    config = LoraConfig(
        r=32, lora_alpha=64, lora_dropout=0.1, target_modules=TARGETS, bias="none", task_type=TaskType.CAUSAL_LM
    )
    tuned = get_peft_model(model, config)
    stopwatch = _Stopwatch(model.device, warm_up)
    try:
        with quiet():  # transformers 5.23 deprecates names that 5.17 has alone
            Trainer(
                model=tuned,
                args=_arguments(folder, warm_up + steps, on_cpu=model.device.type == "cpu"),
                train_dataset=[padded(ids, pad, length) for ids in examples],
                callbacks=[stopwatch],
            ).train()
    finally:
        tuned.unload()
        stop_checkpointing(model)
        model.requires_grad_(requires_grad=False).eval()
    return steps * BATCH * ACCUMULATION / stopwatch.seconds


def stop_checkpointing(model: Any) -> None:
    """Keep activations again; transformers 5.17 knows the older name alone, 5.23 deprecates it."""
    (getattr(model, "activation_checkpointing_disable", None) or model.gradient_checkpointing_disable)()


def padded(ids: Sequence[int], pad: int, length: int) -> dict[str, list[int]]:
    """Return one example as the guide's tokeniser and `DataCollatorForLanguageModeling` make it."""
    ids = list(ids)[:length]
    more = length - len(ids)
    return {
        "input_ids": ids + [pad] * more,
        "attention_mask": [1] * len(ids) + [0] * more,
        "labels": ids + [-100] * more,
    }


def _arguments(folder: Path, steps: int, *, on_cpu: bool) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=BATCH,
        gradient_accumulation_steps=ACCUMULATION,
        learning_rate=2e-4,
        warmup_steps=100,
        logging_steps=10,
        save_strategy="no",
        bf16=True,
        report_to="none",
        gradient_checkpointing=True,
        use_cpu=on_cpu,
        dataloader_pin_memory=not on_cpu,
        disable_tqdm=True,
    )


class _Stopwatch(TrainerCallback):
    """Times the steps after a warm-up, and sees to it that the adapter really trains."""

    def __init__(self, device: torch.device, warm_up: int) -> None:
        self.device, self.warm_up = device, warm_up
        self.clock: Clock | None = None
        self.seconds = float("nan")

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        if state.global_step == 0:
            check_gradients(model)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self.warm_up:
            self.clock = Clock(self.device)
        if state.global_step == args.max_steps and self.clock:
            self.seconds = self.clock.seconds()
