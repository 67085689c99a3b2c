"""Random layers and routings for the kernels' tests, on any device."""

import torch

from probatum.model.mxfp4.layout import dequantise

ROUTINGS = {
    "uneven": [7, 0, 40, 1, 0],
    "one token": [0, 0, 0, 1, 0],
    "all on the last": [0, 0, 0, 0, 33],
    "even": [16, 16, 16, 16, 16],
}


def layer(generator, experts=5, outputs=96, inputs=192, low=110, high=126):
    shape = (experts, outputs, inputs // 32)
    blocks = torch.randint(0, 256, (*shape, 16), dtype=torch.uint8, generator=generator)
    return blocks, torch.randint(low, high, shape, dtype=torch.uint8, generator=generator)


def ends_of(counts):
    return torch.tensor(counts).cumsum(0).int()


def planes(x):
    """The order in which the kernels take input features: plane p, place j is feature 4 j + p."""
    return x.view(len(x), -1, 4).transpose(1, 2).reshape(x.shape).contiguous()


def from_planes(x):
    return x.view(len(x), 4, -1).transpose(1, 2).reshape(x.shape)


def product(x, blocks, scales, counts, transpose=True):
    """The naive product in float64, expert by expert."""
    weight = dequantise(blocks.cpu(), scales.cpu(), torch.float32).double()
    parts = x.cpu().double().split(counts)
    return torch.cat([part @ (w.T if transpose else w) for part, w in zip(parts, weight, strict=True)])


def error(ours, reference):
    assert not ours.isnan().any()
    return ((ours.cpu().double() - reference).norm() / reference.norm()).item()
