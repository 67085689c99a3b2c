"""The memory that a pass takes beyond the weights, counted on meta tensors: every shape is real, nothing is computed.

A dispatch mode sees every tensor that an operator makes and every storage that is given up again, in backward too, so
that the peak is that of the very operators that run. What meta tensors cannot know is put in by hand: what the
experts' kernels use inside, and a GPU's one-byte dropout masks.

T tokens of a row · K kept positions · R = T * experts per token · H hidden · I intermediate · J = 2 I · E experts
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from probatum.model.adapted import adapted_linear, is_plain
from probatum.model.fast import kernel_attention
from probatum.model.kept import only_kept
from probatum.model.masks import KERNEL, by_kind, windows
from probatum.model.mxfp4.experts import Mxfp4Experts
from probatum.model.notices import quiet
from probatum.study import Training

Inside = Callable[[str, tuple[Any, ...]], int]
FEW, MORE = 2, 4  # layers that are counted; the rest repeats what the latter two add


def _grouped_mm(rows_RI: Tensor, weight_EIO: Tensor, *_: Any, **__: Any) -> Tensor:
    return rows_RI.new_empty((len(rows_RI), weight_EIO.shape[-1]))


def _bincount(values: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    return values.new_empty((minlength,))


# What PyTorch has no rule for on meta tensors, or one for bfloat16 alone.
SHAPES: dict[Any, Any] = {torch.ops.aten._grouped_mm.default: _grouped_mm, torch.ops.aten.bincount.default: _bincount}


class Ledger(TorchDispatchMode):
    """Counts the bytes of the storages that are alive, and their peak.

    Args:
        known: tensors that were there before, as weights.
        inside: bytes that an operator takes and gives up before it returns, given its name and arguments.
    """

    def __init__(self, known: Iterator[Tensor], inside: Inside) -> None:
        super().__init__()
        self.inside = inside
        self.live = self.peak = 0
        self.known = {tensor.untyped_storage()._cdata for tensor in known}

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        """Run an operator and note what it made."""
        before = self.live
        made = SHAPES.get(func, func)(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor) and tensor.device.type == "meta":
                self._note(tensor.untyped_storage())
        self.peak = max(self.peak, self.live, before + self.inside(str(func), args))
        return made

    def _note(self, storage: Any) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key not in self.known:
            self.known.add(key)
            self.live += size
            weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self.known.discard(key)
        self.live -= size


class _FusedAttention(torch.autograd.Function):
    """What PyTorch's fused attention keeps: its arguments, its result, and one float a query and head.

    For meta tensors PyTorch would choose the way that keeps every score.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        out = torch.empty_like(query)
        ctx.save_for_backward(query, key, value, out, query.new_empty(query.shape[:-1], dtype=torch.float32))
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        query, key, value, *_ = ctx.saved_tensors
        return torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)


@contextmanager
def _fused_attention() -> Iterator[None]:
    before = F.scaled_dot_product_attention
    F.scaled_dot_product_attention = lambda query, key, value, *_, **__: _FusedAttention.apply(query, key, value)
    try:
        yield
    finally:
        F.scaled_dot_product_attention = before


class _FusedNorm(torch.autograd.Function):
    """What the kernel for RMS norm keeps: its input, and one float a token."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x, x.new_empty(x.shape[:-1], dtype=torch.float32))
        return torch.empty_like(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return torch.empty_like(grads[0])


class _Dropout(nn.Dropout):
    """Dropout as a GPU does it: its mask takes a byte a number."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.native_dropout(x, self.p, True)[0] if self.training else x


class _Rotary(nn.Module):
    """Rotary tables of the right shapes, from a table made on the CPU: some kinds look at positions to choose."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        with torch.device("cpu"):
            self.real = type(module)(module.config)

    def forward(self, x: Tensor, position_ids: Tensor, *more: Any, **options: Any) -> Any:
        positions = torch.arange(position_ids.shape[-1], device="cpu")[None]
        tables = self.real(torch.empty(0, dtype=x.dtype, device="cpu"), positions, *more, **options)
        return tree_map_only(Tensor, lambda table: torch.empty_like(table, device="meta"), tables)


def training_bytes(
    skeleton: Any, settings: Training, dtype: torch.dtype, row: tuple[int, int], inside: Inside, *, fast: bool
) -> int:
    """Return the peak of one forward and backward pass beyond weights and adapter, the adapter's gradients included.

    Args:
        skeleton: the model on the meta device.
        settings: the study's training section, planned.
        dtype: what activations are held in.
        row: T, and K positions with a label.
        inside: as for `Ledger`.
        fast: with the kernels of a GPU.
    """

    def step(model: Any) -> int:
        tuned = _adapted(model, settings, dtype, fast=fast).train()
        if settings.gradient_checkpointing:
            with quiet():
                tuned.gradient_checkpointing_enable({"use_reentrant": False, "preserve_rng_state": False})
                tuned.enable_input_require_grads()

        def work() -> None:
            inputs = _inputs(tuned, row, dtype, fast=fast)
            with _kept(tuned, inputs, graphed=fast and not settings.gradient_checkpointing):
                logits_KV = tuned(**inputs).logits[0].float()
                labels_K = torch.zeros(row[1], dtype=torch.int64, device="meta")
                F.cross_entropy(logits_KV, labels_K, reduction="sum").backward()

        return _peak(tuned, work, inside)

    return _extrapolated(skeleton, step)


def scoring_bytes(
    skeleton: Any, settings: Training, dtype: torch.dtype, row: tuple[int, int], inside: Inside, *, fast: bool
) -> int:
    """Return the peak of one forward pass without gradients beyond the weights, with an adapter in the model."""

    def score(model: Any) -> int:
        tuned = _adapted(model, settings, dtype, fast=fast).eval()

        @torch.no_grad()
        def work() -> None:
            inputs = _inputs(tuned, row, dtype, fast=fast)
            with _kept(tuned, inputs, graphed=fast):
                logits_KV = tuned(**inputs).logits[0]
            logits_KV.float().log_softmax(-1)

        return _peak(tuned, work, inside)

    return _extrapolated(skeleton, score)


def experts_inside(*, dequantises: bool) -> Inside:
    """Return what tells the bytes that the experts' kernels use inside one call, their results included.

    Args:
        dequantises: whether a layer's weights may be made bfloat16 at once, where there are many rows.
    """

    def inside(name: str, args: tuple[Any, ...]) -> int:
        if not name.startswith("probatum.experts"):
            return 0
        from probatum.model.kernels.experts import FUSED_BACKWARD_ROWS, FUSED_FORWARD_ROWS

        blocks = [a for a in args if isinstance(a, Tensor) and a.dtype == torch.uint8 and a.dim() == 4]
        (experts, both, _, _), down = blocks[0].shape, blocks[1].shape
        hidden, inner = down[1], both // 2
        backward = name.startswith("probatum.experts_backward")
        num_rows = args[2].shape[0] if backward else args[1].numel()
        many = num_rows > (FUSED_BACKWARD_ROWS if backward else FUSED_FORWARD_ROWS) * experts and dequantises
        first, second = [2 * 2 * block.numel() if many else 0 for block in blocks]  # two values a byte, two bytes each
        if backward:
            rows = (hidden + inner, hidden + inner + both + hidden)
            return max(num_rows * 2 * rows[0] + second, num_rows * 2 * rows[1] + first)
        rows = (hidden + both, hidden + both + inner + hidden)
        return max(num_rows * 2 * rows[0] + first, num_rows * 2 * rows[1] + second)

    return inside


def _extrapolated(skeleton: Any, count: Callable[[Any], int]) -> int:
    """Count on few layers and on more, and add what each further layer adds."""
    num_layers = len(decoder_layers(skeleton))
    if num_layers <= MORE:
        return count(_shallow(skeleton, num_layers))
    few, more = (count(_shallow(skeleton, layers)) for layers in (FEW, MORE))
    return more + (more - few) * (num_layers - MORE) // (MORE - FEW)


def _shallow(skeleton: Any, num_layers: int) -> Any:
    """Return a copy of a skeleton with its first layers alone."""
    layers = decoder_layers(skeleton)
    copied: dict[int, Any] = {}
    copied[id(layers)] = nn.ModuleList(copy.deepcopy(list(layers)[:num_layers], copied))
    model = copy.deepcopy(skeleton, copied)  # the same config in all of it
    model.config.get_text_config().num_hidden_layers = num_layers
    for name, module in list(model.named_modules()):
        if type(module).__name__.endswith("RotaryEmbedding"):
            model.set_submodule(name, _Rotary(module))
    return model


def decoder_layers(model: nn.Module) -> nn.ModuleList:
    """Return the list of a model's decoder layers."""
    lists = (module for module in model.modules() if isinstance(module, nn.ModuleList) and len(module))
    return next(layers for layers in lists if type(layers[0]).__name__.endswith(("DecoderLayer", "Block")))


def _adapted(model: Any, settings: Training, dtype: torch.dtype, *, fast: bool) -> Any:
    """Put an adapter in, and what a GPU has for modules of its own."""
    from peft import LoraConfig, get_peft_model
    from transformers import AttentionInterface

    shape = LoraConfig(
        r=settings.rank, lora_dropout=settings.dropout, target_modules=list(settings.targets), task_type="CAUSAL_LM"
    )
    model = model.to(dtype).requires_grad_(requires_grad=False)
    if fast:
        AttentionInterface.register(KERNEL, kernel_attention)
        model.config.get_text_config()._attn_implementation = KERNEL
    with torch.device("meta"), quiet():
        tuned = get_peft_model(model, shape)
    for name, module in list(tuned.named_modules()):
        if fast and isinstance(module, nn.Dropout):
            tuned.set_submodule(name, _Dropout(module.p))
        elif fast and isinstance(module, Mxfp4Experts):
            module.forward = module.forward_kernels  # type: ignore[method-assign]  # no meta tensor is on a GPU
        elif fast and is_plain(module):
            module.forward = partial(adapted_linear, module)
        elif fast and type(module).__name__.endswith("RMSNorm") and hasattr(module, "variance_epsilon"):
            module.forward = _FusedNorm.apply
    return tuned


def _inputs(model: Any, row: tuple[int, int], dtype: torch.dtype, *, fast: bool) -> dict[str, Any]:
    """Return a model's arguments for one row of the shape, as scoring and training give them."""
    config = model.config.get_text_config()
    num_tokens, num_kept = row
    with torch.device("meta"):
        ids, keep = torch.zeros((1, num_tokens), dtype=torch.int64), torch.zeros(num_kept, dtype=torch.int64)
        shape, kind = ((1, 1, 6, num_tokens), torch.int32) if fast else ((1, 1, num_tokens, num_tokens), dtype)
        masks = by_kind(config, [torch.empty(shape, dtype=kind) for _ in windows(config)])
    rest = {"attention_mask": masks, "logits_to_keep": keep, "use_cache": False}
    return {"input_ids": ids, "position_ids": ids, **rest}


def _kept(model: Any, inputs: dict[str, Any], *, graphed: bool) -> Any:
    """Compute the last layer at kept positions alone, where the real pass does so."""
    return only_kept(model, inputs["logits_to_keep"], inputs["input_ids"].shape[1]) if graphed else nullcontext()


def _peak(model: Any, work: Callable[[], None], inside: Inside) -> int:
    with _fused_attention(), Ledger(iter([*model.parameters(), *model.buffers()]), inside) as ledger:
        work()
    return ledger.peak
