"""Norm and rotary embedding by their definitions, on any device."""

import torch
from tests.model.kernels.attention_cases import off


def norm_errors(shape, dtype, device):
    """Return the relative errors of output and input gradient."""
    from probatum.model.kernels.pointwise import RmsNorm

    torch.manual_seed(0)
    x, weight, grad = torch.randn(shape).to(dtype), torch.randn(shape[-1]).to(dtype), torch.randn(shape).to(dtype)
    wide = x.double().requires_grad_()
    expected = weight.double() * wide / (wide.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    given = x.to(device).requires_grad_()
    found = RmsNorm.apply(given, weight.to(device), 1e-5)
    (dx,) = torch.autograd.grad(found, given, grad.to(device))
    (dx_expected,) = torch.autograd.grad(expected, wide, grad.double())
    return off(found.detach(), expected.detach()), off(dx, dx_expected)


def rotary_errors(heads, tokens, dim, dtype, device, doubled):
    """Return the relative errors of output and input gradient; `x` lies as a projection leaves it."""
    from probatum.model.kernels.pointwise import Rotary

    torch.manual_seed(0)
    x, grad = torch.randn(tokens, heads, dim).to(dtype).transpose(0, 1), torch.randn(heads, tokens, dim).to(dtype)
    angle = torch.randn(tokens, dim // 2)
    cos, sin = (torch.cat((t, t), 1) if doubled else t for t in (angle.cos(), angle.sin()))
    wide = x.double().requires_grad_()
    first, second = wide.chunk(2, -1)
    c, s = angle.cos().double(), angle.sin().double()
    expected = torch.cat((first * c - second * s, second * c + first * s), -1)
    given = x.to(device).detach().requires_grad_()
    cos, sin = (t.T.contiguous().T.to(device) for t in (cos, sin))  # transposed in memory, as models make them
    found = Rotary.apply(given, cos, sin)
    (dx,) = torch.autograd.grad(found, given, grad.to(device))
    (dx_expected,) = torch.autograd.grad(expected, wide, grad.double())
    return off(found.detach(), expected.detach()), off(dx, dx_expected)
