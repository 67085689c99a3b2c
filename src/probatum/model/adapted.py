"""A linear layer with LoRA, with half of the passes over memory that PEFT's own forward takes.

PEFT turns activations into the adapter's float32 and back. Here the adapter is rounded to the activations' type once a
step, and its update is added where the layer's own product lies; what is trained stays float32.

T tokens · I input features · O output features · R rank
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class AdaptedLinear(torch.autograd.Function):
    """y = W x + b + s · B A dropout(x) (Hu et al. 2021); the gradient reaches x, A and B."""

    @staticmethod
    def forward(  # noqa: PLR0917  # autograd passes no names
        ctx: Any,
        x: Tensor,
        weight_OI: Tensor,
        bias_O: Tensor | None,
        a_RI: Tensor,
        b_OR: Tensor,
        scale: float,
        p: float,
    ) -> Tensor:
        """Return `[..., O]` for `x` of `[..., I]`; `p` is the share of x that is dropped before A."""
        x_TI = x.reshape(-1, x.shape[-1])
        dropped_TI, mask_TI = torch.native_dropout(x_TI, p, True) if p else (x_TI, None)
        low_a, low_b = a_RI.to(x.dtype), (b_OR * scale).to(x.dtype)
        h_TR = dropped_TI @ low_a.T
        y_TO = F.linear(x_TI, weight_OI, bias_O).addmm_(h_TR, low_b.T)
        ctx.save_for_backward(dropped_TI, mask_TI, h_TR, weight_OI, low_a, low_b)
        ctx.scale, ctx.p, ctx.shape = scale, p, x.shape
        return y_TO.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        """Return the gradients for x, A and B."""
        dropped_TI, mask_TI, h_TR, weight_OI, low_a, low_b = ctx.saved_tensors
        dy_TO = grads[0].reshape(-1, grads[0].shape[-1])
        dh_TR = dy_TO @ low_b
        db_OR = (dy_TO.T @ h_TR).float() * ctx.scale
        da_RI = (dh_TR.T @ dropped_TI).float()
        if not ctx.needs_input_grad[0]:  # the first layer's input is the frozen embedding
            return None, None, None, da_RI, db_OR, None, None
        dx_TI = dh_TR @ low_a
        if mask_TI is not None:
            dx_TI = torch.ops.aten.native_dropout_backward(dx_TI, mask_TI, 1 / (1 - ctx.p))
        return dx_TI.addmm_(dy_TO, weight_OI).view(ctx.shape), None, None, da_RI, db_OR, None, None


def is_plain(module: Any) -> bool:
    """Whether a module of PEFT is LoRA on a linear layer as in the paper, and nothing beside it."""
    from peft.tuners.lora import Linear

    if type(module) is not Linear or type(module.base_layer) is not nn.Linear:
        return False
    names = module.active_adapters
    if module.merged or module.disable_adapters or len(names) != 1 or names[0] not in module.lora_A:
        return False
    bare = not module.lora_bias.get(names[0]) and names[0] not in getattr(module, "lora_variant", {})
    return bare and isinstance(module.lora_dropout[names[0]], nn.Dropout | nn.Identity)


def adapted_linear(module: Any, x: Tensor) -> Tensor:
    """Return what a plain LoRA module of PEFT does for an input."""
    name = module.active_adapters[0]
    dropout = module.lora_dropout[name]
    p = dropout.p if module.training and isinstance(dropout, nn.Dropout) else 0.0
    base = module.base_layer
    adapter = (module.lora_A[name].weight, module.lora_B[name].weight, module.scaling[name])
    return AdaptedLinear.apply(x, base.weight, base.bias, *adapter, p)
