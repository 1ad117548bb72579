"""Linear layers by oneDNN in place of torch.mm: what another library's products would bring to training on this CPU.

torch.mm calls the library that torch was built with, which on some processors does not use the widest vectors. torch
has no public way to choose another library, so no run trains with one. It is measured to say what it would be worth.
"""

from functools import partial

import torch
from torch import Tensor, nn

from benchmarks.speed.harness import LeftOutError


def use_onednn(model: nn.Module) -> None:
    """Make every linear layer of a model multiply by oneDNN, in place.

    Raises:
        LeftOutError: If torch has no oneDNN, or the model is not on the CPU.
    """
    if next(model.parameters()).device.type != "cpu" or not torch.backends.mkldnn.is_available():
        raise LeftOutError("oneDNN multiplies on a CPU, where torch is built with it; here is none.")
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            layer.forward = partial(_forward, layer)  # type: ignore[assignment]


def _forward(layer: nn.Linear, x: Tensor) -> Tensor:
    return _Product.apply(x, layer.weight, layer.bias)


class _Product(torch.autograd.Function):
    """x Wᵀ + b: (N, in), (out, in), (out,) -> (N, out)."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _multiply(x, weight, bias)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:  # type: ignore[override]
        x, weight = ctx.saved_tensors
        x_gradient = _multiply(gradient, weight.t()) if ctx.needs_input_grad[0] else None
        return x_gradient, _multiply(gradient.t(), x.t()), gradient.sum(0)


def _multiply(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
