"""In the last layer, the feed-forward part at the kept positions alone: no other position's output is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


def last_feed_forward(model: nn.Module) -> nn.Module | None:
    """Return the `mlp` of the model's last decoder layer; `None` where there is no module of that name."""
    layers = [module for module in model.modules() if type(module).__name__.endswith("DecoderLayer")]
    return getattr(layers[-1], "mlp", None) if layers else None


def _gather(module: Any, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    hidden, *others = arguments
    return hidden[:, module.probatum_kept], *others


def _scatter(module: Any, _: Any, output: Tensor | tuple[Tensor, ...]) -> Tensor | tuple[Tensor, ...]:
    kept, *others = output if isinstance(output, tuple) else (output,)
    full = kept.new_zeros((kept.shape[0], module.probatum_length, kept.shape[2]))
    full = full.index_copy(1, module.probatum_kept, kept)
    return (full, *others) if isinstance(output, tuple) else full


@contextmanager
def only_kept(model: nn.Module, keep_K: Tensor, num_tokens: int) -> Iterator[None]:
    """Compute the last layer's feed-forward part at `keep_K` alone while the context lasts.

    What the model gives at other positions is meaningless there. Logits and gradients at the kept ones are the same.

    Args:
        model: a causal language model, with or without an adapter.
        keep_K: positions, int64; one that is there twice must not be read.
        num_tokens: length of the row.
    """
    feed_forward: Any = last_feed_forward(model)
    if feed_forward is None:
        yield
        return
    feed_forward.probatum_kept, feed_forward.probatum_length = keep_K, num_tokens
    hooks = (feed_forward.register_forward_pre_hook(_gather), feed_forward.register_forward_hook(_scatter))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        del feed_forward.probatum_kept, feed_forward.probatum_length
