"""Initial weights: unscaled draws from the stream `init`, times the scheme's scale.

The draws do not depend on scheme, activation or device, so the weights of runs with one seed differ in scale only.
Normals are N(0, 1), uniforms U(-1, 1); fan_in and fan_out include the kernel's positions.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from actbench.measure.trace import Activation, weight_layers


@dataclass(frozen=True)
class Draw:
    """The unscaled draws of one weight layer.

    Attributes:
        normal, uniform: Two independent draws of the weight's shape, (fan_out, …).
        uniform_bias: A draw of the bias's shape.
        fan_in, fan_out: Number of inputs of a unit, number of units that an input feeds.
        gain: Computes sqrt((1 − dropout) / E f(z)^2), z ~ N(0, 1), of the activation before the layer; 1 for the first.
    """

    normal: Tensor
    uniform: Tensor
    uniform_bias: Tensor
    fan_in: int
    fan_out: int
    gain: Callable[[], float]


def torch_default(draw: Draw) -> tuple[Tensor, Tensor]:
    """The default of nn.Linear and nn.Conv2d: weight and bias ~ U(-1, 1) / sqrt(fan_in)."""
    return draw.uniform / math.sqrt(draw.fan_in), draw.uniform_bias / math.sqrt(draw.fan_in)


def lecun(draw: Draw) -> tuple[Tensor, Tensor]:
    """LeCun normal (LeCun et al. 1998): N(0, 1 / fan_in), biases 0."""
    return draw.normal / math.sqrt(draw.fan_in), torch.zeros_like(draw.uniform_bias)


def glorot(draw: Draw) -> tuple[Tensor, Tensor]:
    """Glorot uniform (Glorot & Bengio 2010, eq. 16): U(-1, 1) sqrt(6 / (fan_in + fan_out)), biases 0."""
    return draw.uniform * math.sqrt(6 / (draw.fan_in + draw.fan_out)), torch.zeros_like(draw.uniform_bias)


def he(draw: Draw) -> tuple[Tensor, Tensor]:
    """He normal (He et al. 2015, arXiv:1502.01852, eq. 10): N(0, 2 / fan_in), biases 0."""
    return draw.normal * math.sqrt(2 / draw.fan_in), torch.zeros_like(draw.uniform_bias)


def unit_norm(draw: Draw) -> tuple[Tensor, Tensor]:
    """Weight vectors of norm 1 in Gaussian directions, one per unit (Hendrycks & Gimpel 2016), biases 0."""
    rows = draw.normal.flatten(1)
    return (rows / rows.norm(dim=1, keepdim=True)).view_as(draw.normal), torch.zeros_like(draw.uniform_bias)


def positive_mean(draw: Draw, *, mean: float) -> tuple[Tensor, Tensor]:
    """N(mean / fan_in, 1 / fan_in), biases 0: shifts W a by `mean` times the mean of a, so that means can drift."""
    return draw.normal / math.sqrt(draw.fan_in) + mean / draw.fan_in, torch.zeros_like(draw.uniform_bias)


def matched(draw: Draw) -> tuple[Tensor, Tensor]:
    """N(0, gain^2 / fan_in), biases 0: the activation's gain keeps the variance of pre-activations at 1."""
    return draw.gain() * draw.normal / math.sqrt(draw.fan_in), torch.zeros_like(draw.uniform_bias)


@torch.no_grad()
def initialize(
    model: nn.Module,
    scheme: Callable[[Draw], tuple[Tensor, Tensor]],
    *,
    generator: torch.Generator,
    gain: Callable[[Activation], float],
) -> None:
    """Set the weights and biases of every weight layer, in the order of definition, from draws of a CPU `generator`."""
    layers = set(weight_layers(model).values())
    gain_before: Callable[[], float] = lambda: 1.0  # noqa: E731
    for layer in model.modules():
        if isinstance(layer, Activation):
            gain_before = functools.partial(gain, layer)
        if layer not in layers:
            continue
        shape = layer.weight.shape
        draw = Draw(
            normal=torch.randn(shape, generator=generator),
            uniform=2 * torch.rand(shape, generator=generator) - 1,
            uniform_bias=2 * torch.rand(shape[0], generator=generator) - 1,
            fan_in=shape[1:].numel(),
            fan_out=shape[0] * shape[2:].numel(),
            gain=gain_before,
        )
        weight, bias = scheme(draw)
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)  # type: ignore[union-attr]
