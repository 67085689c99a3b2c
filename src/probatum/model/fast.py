"""Packed rows through the project's own attention, norms, rotary embedding and adapters, in any model that fits them.

transformers lets attention be chosen by name. The others have no such door: they are replaced for the moment, norms and
rotary embeddings after a comparison with what they replace. What does not agree stays as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from probatum.errors import ModelError
from probatum.model import kernels
from probatum.model.adapted import adapted_linear, is_plain
from probatum.model.masks import KERNEL

CAPABILITY, WIDEST_HEAD = (8, 0), 128  # what the kernels are compiled for in tests
EXTRAS = ("attention_dropout", "attn_pdrop", "attn_logit_softcapping")  # what they do not do
AGREES = 1e-2  # relative distance; bfloat16 keeps 3 digits
TRIED = 64  # tokens on which a rotary embedding is tried
ROTARY = "apply_rotary_pos_emb"


def kernel_attention(  # noqa: PLR0917  # transformers' own order
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    scaling: float | None = None,
    s_aux: Tensor | None = None,
    dropout: float = 0.0,
    softcap: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attend within one packed row; transformers calls it in place of a model's own attention.

    Args:
        module: the attention layer.
        query: `[1, H, T, D]`; `key` and `value` likewise, for their own number of heads.
        key: see query.
        value: see query.
        attention_mask: the row's map, int32 `[1, 1, 7, T]` (`masks.row_map`).
        scaling: factor of the scores (default: 1 / sqrt(D)).
        s_aux: attention sinks, a logit of each head.
        dropout: what the kernel does not do; nor does it cap scores.
        softcap: see dropout.

    Returns:
        `[1, T, H, D]`, and no weights.

    Raises:
        ModelError: the layer asks for what the kernel does not do.
    """
    from probatum.model.kernels.attention import attention

    assert len(query) == 1, "packed rows come one at a time"
    if dropout or softcap or len({t.shape[-1] for t in (query, key, value)}) > 1:
        raise ModelError(f"{type(module).__name__} asks for more than the kernels do; set model: {{kernels: off}}")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return attention(query[0], key[0], value[0], s_aux, attention_mask[0, 0], scale)[0][None], None


def fits(model: Any, device: torch.device | None = None, dtype: torch.dtype | None = None) -> bool:
    """Whether the kernels serve a model: on a GPU, in bfloat16, and without dropout, soft caps or other extras.

    Args:
        model: the model, or its skeleton.
        device: where it will be (default: where it is).
        dtype: what it will be held in (default: what it is).
    """
    config, where = model.config.get_text_config(), device or model.device
    heads = [getattr(config, name, None) for name in ("head_dim", "v_head_dim", "qk_head_dim")]
    return (
        where.type == "cuda"
        and (dtype or model.dtype) == torch.bfloat16
        and kernels.installed()
        and not (torch.cuda.is_available() and torch.cuda.get_device_capability(where) < CAPABILITY)
        and getattr(model, "_supports_attention_backend", False)
        and not any(getattr(config, extra, None) for extra in EXTRAS)
        and len({head for head in heads if head}) <= 1
        and (heads[0] or config.hidden_size // config.num_attention_heads) <= WIDEST_HEAD
    )


@contextmanager
def fast_rows(model: Any, *, wanted: bool = True) -> Iterator[bool]:
    """Compute packed rows with the project's kernels while the context lasts, where they fit the model.

    Elsewhere, and for text that is not packed, a model keeps its own attention: the kernel knows maps of rows alone.

    Args:
        model: a causal language model, with or without an adapter.
        wanted: whether to try.

    Yields:
        Whether the kernels are used.
    """
    if not (wanted and fits(model)):
        yield False
        return
    with ExitStack() as replaced:
        replaced.enter_context(_attention(model.config.get_text_config()))
        replaced.enter_context(_norms(model))
        replaced.enter_context(_rotary(model))
        replaced.enter_context(_forwards(model, is_plain, adapted_linear))
        yield True


@contextmanager
def _attention(config: Any) -> Iterator[None]:
    from transformers import AttentionInterface

    AttentionInterface.register(KERNEL, kernel_attention)
    before = config._attn_implementation
    config._attn_implementation = KERNEL
    try:
        yield
    finally:
        config._attn_implementation = before


def _close(ours: Tensor, theirs: Tensor) -> bool:
    """Whether two results are one up to rounding; a difference in shape or type is one that matters."""
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return False
    return bool((ours.float() - theirs.float()).norm() <= AGREES * theirs.float().norm())


@torch.no_grad()
def _is_rms_norm(module: Any) -> bool:
    """Whether a module is RMS norm with a plain weight, by trying it; Gemma's, for one, adds 1 to it."""
    weight = getattr(module, "weight", None)
    if not (isinstance(weight, Tensor) and weight.dim() == 1 and hasattr(module, "variance_epsilon")):
        return False
    x = torch.linspace(-2, 2, 3 * len(weight)).view(3, -1).to(weight)
    return _close(_rms_norm(module, x), module(x))


def _rms_norm(module: Any, hidden: Tensor) -> Tensor:
    from probatum.model.kernels.pointwise import RmsNorm

    return RmsNorm.apply(hidden, module.weight, module.variance_epsilon)


@contextmanager
def _norms(model: nn.Module) -> Iterator[None]:
    agrees: dict[type, bool] = {}

    def is_norm(module: nn.Module) -> bool:
        kind = type(module)
        if kind.__name__.endswith("RMSNorm") and kind not in agrees:
            agrees[kind] = _is_rms_norm(module)
        return agrees.get(kind, False)

    with _forwards(model, is_norm, _rms_norm):
        yield


@contextmanager
def _forwards(
    model: nn.Module, chosen: Callable[[nn.Module], bool], instead: Callable[[Any, Tensor], Tensor]
) -> Iterator[None]:
    """Let chosen modules compute their output by a function of module and input while the context lasts."""
    replaced: list[Any] = [module for module in model.modules() if chosen(module)]
    try:
        for module in replaced:
            module.forward = partial(instead, module)
        yield
    finally:
        for module in replaced:
            del module.forward


class _Rotary:
    """Stands for a model's `apply_rotary_pos_emb`; at its first call it tries whether it is the same."""

    def __init__(self, original: Callable[..., tuple[Tensor, Tensor]]) -> None:
        self.original = original
        self.agrees: bool | None = None

    def __call__(self, q: Tensor, k: Tensor, cos: Tensor, sin: Tensor, **others: Any) -> tuple[Tensor, Tensor]:
        """Return queries and keys `[1, heads, T, D]`, rotated."""
        plain = not others and len(q) == 1 and cos.dim() == 3 and cos.shape[-1] in (q.shape[-1], q.shape[-1] // 2)
        if not plain or self.agrees is False:
            return self.original(q, k, cos, sin, **others)
        if self.agrees is None:
            self.agrees = self._try(*(x[..., :TRIED, :] for x in (q, k, cos, sin)))
        return self._ours(q, k, cos, sin) if self.agrees else self.original(q, k, cos, sin)

    @torch.no_grad()
    def _try(self, *given: Tensor) -> bool:
        return all(map(_close, self._ours(*given), self.original(*given)))

    @staticmethod
    def _ours(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
        from probatum.model.kernels.pointwise import Rotary

        return Rotary.apply(q[0], cos[0], sin[0])[None], Rotary.apply(k[0], cos[0], sin[0])[None]


@contextmanager
def _rotary(model: nn.Module) -> Iterator[None]:
    attentions = (module for module in model.modules() if type(module).__name__.endswith("Attention"))
    files = {sys.modules[type(module).__module__] for module in attentions}
    originals = {file: getattr(file, ROTARY) for file in files if hasattr(file, ROTARY)}
    try:
        for file, original in originals.items():
            setattr(file, ROTARY, _Rotary(original))
        yield
    finally:
        for file, original in originals.items():
            setattr(file, ROTARY, original)
