"""Generators of images: latent vectors (N, latent_size) -> (N, C, H, W), pixels in [-1, 1]."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from actbench.measure.models.block import Block
from actbench.measure.models.norm import batch, none
from actbench.measure.trace import Activation


class MLPGenerator(nn.Module):
    """`depth` hidden layers of `width` units, then a linear layer and tanh."""

    def __init__(
        self,
        *,
        latent_size: int,
        output_shape: Sequence[int],
        depth: int,
        width: int,
        act: Callable[[], nn.Module],
    ) -> None:
        super().__init__()
        block = _block(act, norm=none)
        widths = [latent_size] + depth * [width]
        self.output_shape = tuple(output_shape)
        self.hidden = nn.Sequential(*(block(nn.Linear(fan_in, fan_out)) for fan_in, fan_out in pairwise(widths)))
        self.output = nn.Linear(width, math.prod(output_shape))

    def forward(self, latents: Tensor) -> Tensor:
        return self.output(self.hidden(latents)).tanh().unflatten(1, self.output_shape)


class ConvGenerator(nn.Module):
    """A linear layer to a small feature map, then for each of `widths` a transposed 4×4 convolution with stride 2.

    The generator of DCGAN (Radford et al. 2016, arXiv:1511.06434, section 3), with batch normalisation in all layers
    but the last. `widths` are the channels before each doubling. Images are cropped where a side is no multiple of
    2^len(widths).
    """

    def __init__(
        self, *, latent_size: int, output_shape: Sequence[int], widths: Sequence[int], act: Callable[[], nn.Module]
    ) -> None:
        super().__init__()
        block = _block(act, norm=batch)
        channels, *self.size = output_shape
        height, width = (-(-side // 2 ** len(widths)) for side in self.size)
        self.start = (widths[0], height, width)
        self.input = block(nn.Linear(latent_size, math.prod(self.start)))
        self.hidden = nn.Sequential(*(block(_doubling(fan_in, fan_out)) for fan_in, fan_out in pairwise(widths)))
        self.output = _doubling(widths[-1], channels)

    def forward(self, latents: Tensor) -> Tensor:
        features = self.hidden(self.input(latents).unflatten(1, self.start))  # (N, widths[-1], H / 2, W / 2) or larger
        height, width = self.size
        return self.output(features)[..., :height, :width].tanh()


def _doubling(fan_in: int, fan_out: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(fan_in, fan_out, kernel_size=4, stride=2, padding=1)


def _block(act: Callable[[], nn.Module], *, norm: Callable[..., nn.Module]) -> Callable[..., Block]:
    """A factory of a generator's hidden layers, without dropout and so without random draws."""
    return partial(Block, act=lambda num_units: Activation(act()), norm=norm, dropout=0.0, generator=torch.Generator())
