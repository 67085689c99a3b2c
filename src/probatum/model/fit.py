"""What a study takes of a device's memory, predicted before any weight is read, and the plan that fits it in.

T tokens of a row · K kept positions
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any

import torch
from torch import nn

from probatum.model import ledger
from probatum.model.buffers import padded_length
from probatum.model.fast import fits as kernel_fits
from probatum.model.memory import size_words
from probatum.model.mxfp4.experts import Mxfp4Experts
from probatum.model.mxfp4.quantizer import keep_mxfp4
from probatum.model.notices import quiet
from probatum.model.shape import RowShape
from probatum.study import Scoring, Study, Training
from probatum.study.model import REFERENCE_TOKENS

ADAM_BYTES = 16  # float32 weight, gradient and two moments of each adapter parameter
GRADIENT_BYTES = 4  # of which its gradient
FRAGMENTS = 0.02  # share of a device that the allocator leaves in pieces too small to use
ROWS = (32_768, 16_384, 8_192, 4_096, 2_048, 1_024)  # lengths of scoring rows that a plan may choose
SHORT_ROWS = (REFERENCE_TOKENS, 512, 256, 128)  # the same without the kernels
UNCOUNTED = (RuntimeError, TypeError, ValueError, AttributeError, KeyError, IndexError, StopIteration, ImportError)


@dataclass(frozen=True)
class Plan:
    """How a study is run on its device, and the bytes that this is predicted to take there.

    Attributes:
        micro_batch_size: posts in each forward pass of training.
        gradient_checkpointing: whether activations are computed again in backward.
        tokens_per_batch: most tokens of a scoring row.
        validation_tokens: most tokens of a scoring row while an adapter trains.
        dequantises: whether a layer's experts may be made bfloat16 at once; else their products read packed bytes.
        fast: whether the kernels of a GPU are used.
        is_mxfp4: whether the experts stay in MXFP4.
        weights: the model as it is held, MXFP4 experts in their bytes.
        adapter: LoRA weights, gradients and optimiser moments.
        activations: peak of a training step beyond these.
        graphs: what captured steps hold beside it.
        workspace: peak of a scoring row beyond the weights.
        validation: the same of a validation row.
        available: what may be taken, `None` where that is not known.
        counted: whether activations and workspace were counted; else they are estimated by a formula.
    """

    micro_batch_size: int
    gradient_checkpointing: bool
    tokens_per_batch: int
    validation_tokens: int
    dequantises: bool
    fast: bool
    is_mxfp4: bool
    weights: int
    adapter: int
    activations: int
    graphs: int
    workspace: int
    validation: int
    available: int | None
    counted: bool

    @property
    def scoring(self) -> int:
        """Peak while scoring."""
        return self.weights + self.workspace

    @property
    def training(self) -> int:
        """Peak while training; validation rows are scored beside all that training holds."""
        return self.weights + self.adapter + self.graphs + max(self.activations, self.validation)

    def fits(self, *, trains: bool) -> bool:
        """Whether it fits into what is available."""
        need = self.training if trains else self.scoring
        return self.available is None or need <= self.available * (1 - FRAGMENTS)

    def laid_over(self, training: Training, scoring: Scoring) -> tuple[Training, Scoring]:
        """Return the settings with the plan's values in place of `auto`."""
        chosen = {"micro_batch_size": self.micro_batch_size, "gradient_checkpointing": self.gradient_checkpointing}
        return training.model_copy(update=chosen), scoring.model_copy(
            update={"tokens_per_batch": self.tokens_per_batch}
        )

    def apply(self, model: nn.Module) -> None:
        """Tell a model's experts whether they may dequantise."""
        for module in model.modules():
            if isinstance(module, Mxfp4Experts):
                module.may_dequantise = self.dequantises

    def words(self) -> str:
        """Say what is planned and what it takes."""
        how = "" if self.counted else " (by a formula: its shapes could not be counted)"
        keep = "recomputing activations" if self.gradient_checkpointing else "keeping activations"
        packed = "" if self.dequantises else ", experts packed"
        return (
            f"about {size_words(self.weights)} of weights{' (experts in MXFP4)' if self.is_mxfp4 else ''}, "
            f"{size_words(self.scoring)} to score in rows of {self.tokens_per_batch:,} tokens{packed}, "
            f"{size_words(self.training)} to train {self.micro_batch_size} posts at a time, {keep}{how}"
        )

    def advice(self, *, trains: bool) -> str:
        """Say what to change where it does not fit."""
        if self.available is not None and self.weights > self.available:
            return "its weights alone do not fit: choose a smaller model, model.dtype: bfloat16, or a larger machine"
        if not self.fits(trains=False):
            return "scoring does not fit: lower scoring.tokens_per_batch, choose a smaller model, or a larger machine"
        assert trains
        if self.micro_batch_size == 1 and self.gradient_checkpointing:
            return (
                "training does not fit, not even a post at a time: lower scoring.tokens_per_batch, training.rank or "
                "prompt.max_tokens, choose a smaller model, or a larger machine"
            )
        return (
            "training does not fit: lower training.micro_batch_size or scoring.tokens_per_batch, "
            "set training.gradient_checkpointing: true, or leave all three to auto"
        )


def skeleton(config: Any, *, is_mxfp4: bool, trust_remote_code: bool = False) -> Any:
    """Build the model on the meta device: every shape, no memory.

    Args:
        config: the model's config.
        is_mxfp4: put the frozen MXFP4 experts in, as loading does.
        trust_remote_code: whether the model's class may come with it.
    """
    from transformers import AutoModelForCausalLM

    with torch.device("meta"), quiet():
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
        if is_mxfp4:
            for name in [n for n, module in model.named_modules() if type(module).__name__ == "GptOssExperts"]:
                model.set_submodule(name, Mxfp4Experts(config))
    return model


def weight_bytes(model: Any, dtype: torch.dtype) -> int:
    """Return what a model's weights take, held in a type; MXFP4 experts keep their bytes."""
    tensors = [*model.parameters(), *model.buffers()]
    return sum(t.numel() * (1 if t.dtype == torch.uint8 else dtype.itemsize) for t in tensors)


def shard_bytes(model: Any, dtype: torch.dtype, shards: int) -> int:
    """Return what one device holds of the weights, split over so many.

    Its shard, two layers gathered, this one and the next, and what is in no layer, such as embedding and head, which
    stays gathered while a row passes.
    """
    weights = weight_bytes(model, dtype)
    if shards == 1:
        return weights
    count = model.config.get_text_config().num_hidden_layers
    layers = next(m for m in model.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == count)
    inside = weight_bytes(layers, dtype)
    return weights // shards + 2 * inside // count + weights - inside


def adapter_bytes(model: Any, settings: Training) -> int:
    """Return what the adapter takes while it trains: weights, gradients and moments."""
    linear = [m for n, m in model.named_modules() if n.rsplit(".", 1)[-1] in settings.targets and hasattr(m, "weight")]
    return sum(settings.rank * sum(module.weight.shape) for module in linear) * ADAM_BYTES


def make_plan(
    config: Any,
    study: Study,
    shape: RowShape,
    device: torch.device,
    dtype: torch.dtype,
    *,
    available: int | None,
    shards: int = 1,
) -> Plan:
    """Choose what is `auto` so that it fits.

    Given up are, in this order: long rows, posts at a time, dequantising a layer, kept activations.
    On a CPU, and where the kernels do not serve, `auto` is the reference or less: its attention grows with the row's
    square.

    Args:
        config: the model's config as it was read.
        study: the study.
        shape: how long its rows are.
        device: where it will run.
        dtype: what it will be held in.
        available: bytes that each device may still give, `None` where that is not known.
        shards: the devices over which weights are split; each gathers a layer at a time.

    Returns:
        The first plan that fits; if none does, the one that takes least.
    """
    training, scoring, trains = study.training, study.scoring, "tuned" in study.systems
    is_mxfp4 = keep_mxfp4(config)
    bones = skeleton(config, is_mxfp4=is_mxfp4, trust_remote_code=study.model.trust_remote_code)
    fast = shards == 1 and study.model.kernels == "auto" and kernel_fits(bones, device, dtype)
    count = _Counts(bones, training, shape, dtype, fast)
    base = Plan(
        micro_batch_size=min(training.micro_batch_size, training.batch_size),
        gradient_checkpointing=training.gradient_checkpointing,
        tokens_per_batch=scoring.tokens_per_batch,
        validation_tokens=scoring.tokens_per_batch,
        dequantises=True,
        fast=fast,
        is_mxfp4=is_mxfp4,
        weights=shard_bytes(bones, dtype, shards),
        adapter=adapter_bytes(bones, training),
        activations=0,
        graphs=0,
        workspace=0,
        validation=0,
        available=available,
        counted=True,
    )
    plans = []
    for choice in _choices(base, training):
        plan = _with_rows(_with_steps(choice, count), scoring, count)
        if plan.fits(trains=False) and (plan.fits(trains=True) or not trains):
            return plan
        plans.append(plan)
    return min(plans, key=lambda plan: plan.training if trains else plan.scoring)


def _choices(base: Plan, training: Training) -> Iterator[Plan]:
    """Yield plans of every micro-batch, checkpointing and dequantisation that is left open, the best first."""
    micros, recomputes = [base.micro_batch_size], [base.gradient_checkpointing]
    if training.is_auto("micro_batch_size"):
        micros = training.micro_batches(training.batch_size if base.fast else base.micro_batch_size)[::-1]
    if base.fast and training.is_auto("gradient_checkpointing"):
        recomputes = [False, True]
    for recompute, dequantises, micro in product(recomputes, (True, False) if base.fast else (True,), micros):
        yield replace(base, micro_batch_size=micro, gradient_checkpointing=recompute, dequantises=dequantises)


def _with_steps(plan: Plan, count: _Counts) -> Plan:
    """Fill in what training steps take; captured ones hold their memory while others are captured or rows scored.

    All graphs share one pool, as large as the longest wants; what a graph gives out stays its own, though: the
    gradients of each length. Its buffers and angles are left out, less than a hundredth of that.
    """
    taken, counted = count.training(plan.micro_batch_size, plan.gradient_checkpointing, plan.dequantises)
    more = count.shape.num_training_lengths(plan.micro_batch_size) - 1
    captures = plan.fast and not plan.gradient_checkpointing
    graphs = taken + more * (plan.adapter // ADAM_BYTES * GRADIENT_BYTES) if captures else 0
    return replace(plan, activations=taken, graphs=graphs, counted=counted)


def _with_rows(plan: Plan, scoring: Scoring, count: _Counts) -> Plan:
    """Choose the longest rows that fit, for scoring and for validation; the shortest if none does."""
    rows = [plan.tokens_per_batch]
    if scoring.is_auto("tokens_per_batch"):
        rows = list(ROWS if plan.fast and scoring.method == "likelihood" else SHORT_ROWS)
    for tokens in rows:
        row = count.shape.scoring_row(tokens)
        taken, counted = count.scoring(row, plan.dequantises)
        plan = replace(plan, tokens_per_batch=tokens, workspace=taken, counted=plan.counted and counted)
        if plan.fits(trains=False):
            break
    for tokens in rows[rows.index(plan.tokens_per_batch) :]:
        row = count.shape.validation_row(tokens)
        taken, counted = count.scoring(row, plan.dequantises)
        plan = replace(plan, validation_tokens=tokens, validation=taken, counted=plan.counted and counted)
        if plan.fits(trains=True):
            break
    return plan


class _Counts:
    """Counts each shape of row once."""

    def __init__(self, bones: Any, settings: Training, shape: RowShape, dtype: torch.dtype, fast: bool) -> None:
        self.bones, self.settings, self.shape, self.dtype, self.fast = bones, settings, shape, dtype, fast
        self.training, self.scoring = cache(self._training), cache(self._scoring)

    def _training(self, micro: int, recompute: bool, dequantises: bool) -> tuple[int, bool]:
        """Return the peak of a training step beyond weights and adapter, and whether it was counted."""
        num_tokens, num_kept = self.shape.training_row(micro)
        num_tokens = padded_length(num_tokens) if self.fast else num_tokens
        settings = self.settings.model_copy(update={"gradient_checkpointing": recompute})
        inside = ledger.experts_inside(dequantises=dequantises)
        try:
            row = (num_tokens, num_kept)
            return ledger.training_bytes(self.bones, settings, self.dtype, row, inside, fast=self.fast), True
        except UNCOUNTED:  # an architecture that asks for a tensor's values, or for an operator that meta lacks
            return formula_bytes(self.bones, recompute, self.dtype, num_tokens), False

    def _scoring(self, row: tuple[int, int], dequantises: bool) -> tuple[int, bool]:
        """Return the peak of a scoring row beyond the weights, and whether it was counted."""
        inside = ledger.experts_inside(dequantises=dequantises)
        try:
            return ledger.scoring_bytes(self.bones, self.settings, self.dtype, row, inside, fast=self.fast), True
        except UNCOUNTED:
            return formula_bytes(self.bones, True, self.dtype, row[0]), False


def formula_bytes(model: Any, recompute: bool, dtype: torch.dtype, num_tokens: int) -> int:
    """Estimate what backward needs, for a model whose shapes cannot be counted.

    Per layer what eager attention, the LoRA inputs and the experts keep; the scores of every head and their softmax
    grow with the square of the row.
    """
    config, size = model.config.get_text_config(), dtype.itemsize
    hidden = config.hidden_size
    heads = config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or hidden // heads
    chosen = getattr(config, "num_experts_per_tok", 1) or 1
    intermediate = getattr(config, "moe_intermediate_size", None) or config.intermediate_size
    attention = 2 * heads * num_tokens**2 * size
    linear = num_tokens * (6 * hidden + 4 * heads * head_dim + chosen * (6 * intermediate + 2 * hidden)) * size
    if recompute:
        return config.num_hidden_layers * num_tokens * hidden * size + attention + linear
    return config.num_hidden_layers * (attention + linear)
