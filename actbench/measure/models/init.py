"""Initial weights: unscaled draws from the stream `init`, times the scheme's scale.

The draws do not depend on scheme, activation or device, so the weights of runs with one seed differ in scale only.
Normals are N(0, 1), uniforms U(-1, 1); fan_in and fan_out include the kernel's positions. Layers are set one after
another from the input, so a scheme may ask what the layers before make of a batch.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from actbench.measure.trace import Activation, Affine, passed_on, weight_layers

_ROUNDING = 0.01  # batch normalisation makes less than this share of a constant out of its rounding errors


@dataclass(frozen=True)
class Draw:
    """The unscaled draws of one weight layer.

    Attributes:
        normal, uniform: Two independent draws of the weight's shape, (fan_out, …).
        uniform_bias: A draw of the bias's shape.
        fan_in, fan_out: Number of inputs of a unit, number of units that an input feeds.
        gain: Computes sqrt((1 − dropout) / E f(z)^2), z ~ N(0, 1), of the activation before the layer; 1 for the first.
        is_last: Whether the layer's outputs are the network's.
        z_std: Computes the standard deviation of the pre-activations that a weight gives on the batch of `initialize`,
            over all examples, units and positions; of the last layer's outputs. Biases are 0. It is 0 if they vary by
            rounding errors only.
    """

    normal: Tensor
    uniform: Tensor
    uniform_bias: Tensor
    fan_in: int
    fan_out: int
    gain: Callable[[], float]
    is_last: bool
    z_std: Callable[[Tensor], float]


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
    """N(0, gain^2 / fan_in), biases 0: the closed-form gain keeps the variance of an MLP's pre-activations at 1.

    It is of wide layers with inputs of variance 1, and does not see what else stands between two weight layers, such as
    pooling.
    """
    return draw.gain() * draw.normal / math.sqrt(draw.fan_in), torch.zeros_like(draw.uniform_bias)


def lsuv(draw: Draw, *, output_std: float) -> tuple[Tensor, Tensor]:
    """Layer-sequential unit variance (Mishkin & Matas 2016, arXiv:1511.06422, algorithm 1), biases 0.

    LeCun normal weights (not orthonormal ones, as there), divided by the standard deviation of the pre-activations that
    they give on a batch of training images, in a pass as in training: behind pooling, dropout, the batch's statistics,
    gates. The network's outputs get the standard deviation `output_std`: a small one, at which a softmax over K classes
    is near uniform, so that the loss of the first step is near ln K. (In evaluation it may be another one at that time,
    under batch normalisation, whose running averages have seen no data.)

    Where normalisation stands before the activation, pre-activations have variance 1 whatever the scale is, so it stays
    LeCun's. It stays so too where they do not vary, as behind a layer whose outputs are all 0. A constant other than 0
    becomes another one in each unit of the next layer, and is scaled like any input.

    Raises:
        ValueError: If the pre-activations are not finite.
    """
    weight, bias = lecun(draw)
    std = draw.z_std(weight)
    if not math.isfinite(std):
        raise ValueError(
            "init=lsuv needs finite pre-activations on the training images, but some are not: give another init."
        )
    target = output_std if draw.is_last else 1.0
    return weight * (target / std if std else 1.0), bias


@torch.no_grad()
def initialize(
    model: nn.Module,
    scheme: Callable[[Draw], tuple[Tensor, Tensor]],
    *,
    generator: torch.Generator,
    gain: Callable[[Activation], float],
    inputs: Callable[[], Tensor],
) -> None:
    """Set the weights and biases of every weight layer, in the order of definition, which is that of execution.

    Args:
        model: On the device of its inputs.
        scheme: Computes a layer's weight and bias.
        generator: Gives the draws; on the CPU.
        gain: Computes the gain of an activation.
        inputs: Computes the batch behind `Draw.z_std`.
    """
    layers = weight_layers(model)

    def z_std(name: str, weight: Tensor) -> float:
        _set(layers[name], weight, torch.zeros(len(weight)))
        y, z = passed_on(model, inputs())[name]
        std, rms = z.std(correction=0).item(), (y.norm() / y.numel() ** 0.5).item()
        return 0.0 if std < _ROUNDING * rms else std

    gain_before: Callable[[], float] = lambda: 1.0  # noqa: E731
    for name, module in model.named_modules():
        if isinstance(module, Activation):
            gain_before = partial(gain, module)
        if name not in layers:
            continue
        layer = layers[name]
        shape = _by_unit(layer).shape
        fan_in, fan_out = _fans(layer)
        draw = Draw(
            normal=torch.randn(shape, generator=generator),
            uniform=2 * torch.rand(shape, generator=generator) - 1,
            uniform_bias=2 * torch.rand(shape[0], generator=generator) - 1,
            fan_in=fan_in,
            fan_out=fan_out,
            gain=gain_before,
            is_last=name == list(layers)[-1],
            z_std=partial(z_std, name),
        )
        _set(layer, *scheme(draw))


def _set(layer: Affine, weight: Tensor, bias: Tensor) -> None:
    _by_unit(layer).copy_(weight)
    if layer.bias is not None:
        layer.bias.copy_(bias)


def _by_unit(layer: Affine) -> Tensor:
    """The weight with the units first, (fan_out, …); torch's transposed convolutions have the inputs first."""
    return layer.weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else layer.weight


def _fans(layer: Affine) -> tuple[int, int]:
    """fan_in and fan_out: with a stride, positions of one end are skipped, and the other end meets fewer of them."""
    shape = _by_unit(layer).shape
    positions = shape[2:].numel()
    strided = positions // math.prod(getattr(layer, "stride", ()))
    at_unit, at_input = (strided, positions) if isinstance(layer, nn.ConvTranspose2d) else (positions, strided)
    return shape[1] * at_unit, shape[0] * at_input
