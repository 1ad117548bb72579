"""What a network does on a fixed batch: z, a and the gradient at z, per activation layer. All hooks live here.

A trace is one forward and one backward pass in evaluation mode, outside the training step: parameters, their `.grad`,
buffers, the optimizer and the random state stay as they are, so training is bitwise the same with and without it.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor, nn

from actbench.measure.sparsity import in_cache, zeros

_AFFINE = (nn.Linear, nn.Conv2d)


class Activation(nn.Module):
    """An activation layer a = f(z): the place in a model where a trace looks."""

    def __init__(self, f: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.f = f

    def forward(self, z: Tensor) -> Tensor:
        return self.f(z)


class Sizes(NamedTuple):
    """‖x‖₁, ‖x‖₂ and the share of exactly zero entries, () each."""

    absolute: Tensor
    euclidean: Tensor
    zero: Tensor


@dataclass(frozen=True)
class LayerTrace:
    """One activation layer on the probe batch. Tensors are (N, U, P): examples, units or channels, positions (or 1).

    Attributes:
        layer: Module path.
        layer_index: From 1 at the input.
        f: The activation as a function, in evaluation mode.
        z, a: Pre-activation and output.
        dz: Gradient at z of the loss, summed over examples.
        weight: The weight that feeds z.
        weight_before: The same before the last update; None before the first.
        next_y, next_bias: Output W a + b of the next weight layer and its b, (U,); None behind the last.
    """

    layer: str
    layer_index: int
    f: nn.Module
    z: Tensor
    a: Tensor
    dz: Tensor
    weight: Tensor
    weight_before: Tensor | None
    next_y: Tensor | None
    next_bias: Tensor | None
    _shares: dict[tuple[Callable, float], Tensor] = field(default_factory=dict, init=False, repr=False)

    @property
    def is_finite(self) -> bool:
        """Whether z, a and dz are; they are not once training has diverged."""
        # In this order each comes out of memory once: dz for its norms and zeros, a for its moments, z for its shares.
        gradient = self.dz_sizes.absolute.isfinite() or self.dz.sum().isfinite()  # norms of finite entries may overflow
        return bool(gradient and self.std.isfinite() and self.z.sum().isfinite())

    @cached_property
    def mean(self) -> Tensor:
        """E_x a_u, (U,)."""
        return self.a.mean((0, 2))

    @cached_property
    def dz_sizes(self) -> Sizes:
        """Of ∂L/∂z over all entries."""
        euclidean = self.dz.norm()  # first: it streams, and the others wait for memory unless that was read before
        return Sizes(self.dz.norm(p=1), euclidean, zeros(self.dz))

    @cached_property
    def covariance(self) -> Tensor:
        """Of a over examples and positions, (U, U), in float64."""
        # In float64 throughout: outputs of a run about to diverge overflow float32 when squared.
        a = self.a.to(torch.float64, copy=True)
        a -= a.mean((0, 2))[:, None]  # in place: a third copy would cost more than the product
        centred = a.transpose(0, 1).flatten(1)  # (U, N P)
        return centred @ centred.T / centred.shape[1]

    @cached_property
    def std(self) -> Tensor:
        """Standard deviation of a over everything, (): the units' variance and the variance of their means."""
        return (self.covariance.diagonal().mean() + self.mean.double().var(correction=0)).sqrt()

    def share(self, compare: Callable[..., Tensor], threshold: float) -> Tensor:
        """The share of entries of z for which torch.lt or torch.gt holds, per unit, (U,); counted once."""
        if math.isinf(threshold):  # z is finite: it holds for every entry as for 0
            return torch.full(self.z.shape[1:2], float(compare(torch.zeros(()), threshold)), device=self.z.device)
        if (compare, threshold) not in self._shares:
            # Into ones and zeros of z's own type: torch vectorises that, and not a comparison into bools.
            held = [compare(z, threshold, out=torch.empty_like(z)).mean(2) for z in in_cache(self.z)]
            self._shares[compare, threshold] = torch.cat(held).mean(0)
        return self._shares[compare, threshold]

    def slopes(self) -> Iterator[Tensor]:
        """f'(z) by autograd of f alone, some examples at a time."""
        one = torch.ones((), dtype=self.z.dtype, device=self.z.device)
        with undisturbed(self.f):
            for part in in_cache(self.z):
                z = part.detach().requires_grad_()
                with torch.enable_grad():
                    a = self.f(z)
                yield torch.autograd.grad(a, z, one.expand_as(a))[0]


def activations(model: nn.Module) -> dict[str, Activation]:
    """The activation layers of a model by module path, in the order of definition."""
    return {name: module for name, module in model.named_modules() if isinstance(module, Activation)}


def weight_layers(model: nn.Module) -> dict[str, nn.Linear | nn.Conv2d]:
    """The weight layers of a model by module path; what an activation keeps inside is its own."""
    inside = {module for layer in activations(model).values() for module in layer.modules()}
    return {n: m for n, m in model.named_modules() if isinstance(m, _AFFINE) and m not in inside}


def weights(model: nn.Module) -> dict[nn.Module, Tensor]:
    """A copy of every weight layer's weight, for the update ratio of the step that follows."""
    return {layer: layer.weight.detach().clone() for layer in weight_layers(model).values()}


def trace(
    model: nn.Module, loss: Callable[[], Tensor], *, weights_before: dict[nn.Module, Tensor] | None = None
) -> list[LayerTrace]:
    """Trace every activation layer that `loss` passes through, in the order of execution.

    Args:
        model: The model; it is put into evaluation mode for the pass, and back.
        loss: Calls `model` once and returns the per-sample losses, summed.
        weights_before: What `weights(model)` returned before the last update.
    """
    with undisturbed(model), torch.enable_grad(), _recording(model) as passes:
        total = loss()
        acts = [i for i, passed in enumerate(passes) if isinstance(passed.module, Activation)]
        if not acts:
            return []
        gradients = torch.autograd.grad(total, [passes[i].x for i in acts], materialize_grads=True)
    traces = []
    for index, i in enumerate(acts):
        fed_by = next(p.module for p in reversed(passes[:i]) if isinstance(p.module, _AFFINE))
        follows = next(((p.module, p.y) for p in passes[i:] if isinstance(p.module, _AFFINE)), None)
        next_bias = None if follows is None else follows[0].bias
        traces.append(
            LayerTrace(
                layer=passes[i].name,
                layer_index=index + 1,
                f=passes[i].module,
                z=_by_unit(passes[i].x),
                a=_by_unit(passes[i].y),
                dz=_by_unit(gradients[index]),
                weight=fed_by.weight.detach(),
                weight_before=None if weights_before is None else weights_before[fed_by],
                next_y=None if follows is None else _by_unit(follows[1]),
                next_bias=None if next_bias is None else next_bias.detach(),
            )
        )
    return traces


@dataclass(frozen=True)
class _Pass:
    """A layer as it was passed: y = module(x)."""

    name: str
    module: nn.Module
    x: Tensor
    y: Tensor


@contextmanager
def _recording(model: nn.Module) -> Iterator[list[_Pass]]:
    """Every pass through a weight or an activation layer, in the order of execution, while the context is open."""
    passes: list[_Pass] = []

    def hook(name: str) -> Callable[[nn.Module, tuple[Tensor], Tensor], None]:
        return lambda module, inputs, output: passes.append(_Pass(name, module, inputs[0], output))

    watched: dict[str, nn.Module] = {**activations(model), **weight_layers(model)}
    handles = [module.register_forward_hook(hook(name)) for name, module in watched.items()]
    try:
        yield passes
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Evaluation mode while the context is open; afterwards every mode and the random state are as they were."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    on = {parameter.device for parameter in model.parameters() if parameter.is_cuda}
    try:
        with torch.random.fork_rng(devices=list(on)):
            yield
    finally:
        for module, training in modes.items():
            module.training = training


def _by_unit(t: Tensor) -> Tensor:
    """(N, U) as (N, U, 1); (N, U, H, W) as (N, U, H W)."""
    return t.detach().unsqueeze(-1).flatten(2)
