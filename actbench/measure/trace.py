"""Traces: z, a and the gradient at z of every activation layer on a fixed batch. All hooks are in this file.

A trace is one forward and one backward pass in evaluation mode, outside the training step. Parameters, their `.grad`,
buffers, the optimizer and the random state stay as they are, so training is bitwise the same with and without it.
"""

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from actbench.measure.environment import in_float64
from actbench.measure.sparsity import chunks, zero_share

Affine = nn.Linear | nn.Conv2d | nn.ConvTranspose2d


class Activation(nn.Module):
    """An activation layer a = f(z), which a trace records."""

    def __init__(self, f: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.f = f

    def forward(self, z: Tensor) -> Tensor:
        return self.f(z)

    def functions(self) -> list[nn.Module]:
        """The functions of one number that the layer applies: here one, for all units."""
        return [self]

    def parameters_by_unit(self) -> dict[str, Tensor]:
        """The parameters of which each unit has its own, (U, entries): here none."""
        return {}


class Norms(NamedTuple):
    """‖x‖₁, ‖x‖₂ and the share of exactly zero entries, () each."""

    l1: Tensor
    l2: Tensor
    zero_share: Tensor


@dataclass(frozen=True)
class LayerTrace:
    """One activation layer on the probe batch. Tensors are (N, U, P): examples, units or channels, positions (or 1).

    Attributes:
        layer: Module path.
        layer_index: From 1 at the input.
        f: The activation layer.
        z, a: Pre-activation and output.
        dz: Gradient at z of the loss, summed over examples.
        weight: The weight of the layer before.
        weight_before: That weight before the last update; None before the first.
        next_y, next_bias: Output W a + b of the next weight layer and its b, (U,), 0 without one; None after the last.
        positions: The axes of z behind (N, U) in the network: () or (H, W).
    """

    layer: str
    layer_index: int
    f: Activation
    z: Tensor
    a: Tensor
    dz: Tensor
    weight: Tensor
    weight_before: Tensor | None
    next_y: Tensor | None
    next_bias: Tensor | None
    positions: tuple[int, ...]
    _shares: dict[tuple[Callable, float], Tensor] = field(default_factory=dict, init=False, repr=False)

    @property
    def is_finite(self) -> bool:
        """Whether z, a and dz are finite; they are not once training has diverged."""
        # In this order each is read from memory once: dz for its norms and zeros, a for its moments, z for its shares.
        dz_is_finite = self.dz_norms.l1.isfinite() or self.dz.sum().isfinite()  # norms of finite entries may overflow
        return bool(dz_is_finite and self.std.isfinite() and self.z.sum().isfinite())

    @cached_property
    def mean(self) -> Tensor:
        """E_x a_u, (U,)."""
        return self.a.mean((0, 2))

    @cached_property
    def dz_norms(self) -> Norms:
        """Norms of ∂L/∂z over all entries."""
        l2 = self.dz.norm()  # first: it streams, while the others wait for memory that is not yet in the cache
        return Norms(self.dz.norm(p=1), l2, zero_share(self.dz))

    @cached_property
    def covariance(self) -> Tensor:
        """Covariance of a over examples and positions, (U, U), in float64."""
        # Shortly before a run diverges, squares of its outputs overflow float32.
        a = in_float64(self.a)
        a -= a.mean((0, 2))[:, None]  # in place: a third copy would cost more than the product
        centred = a.transpose(0, 1).flatten(1)  # (U, N P)
        return centred @ centred.T / centred.shape[1]

    @cached_property
    def std(self) -> Tensor:
        """Standard deviation of a over all entries, (): the units' mean variance plus the variance of their means."""
        return (self.covariance.diagonal().mean() + in_float64(self.mean).var(correction=0)).sqrt()

    def share(self, relation: Callable[..., Tensor], threshold: float) -> Tensor:
        """The share of entries of z with relation(z, threshold), torch.lt or torch.gt, per unit, (U,); cached."""
        if math.isinf(threshold):  # z is finite, so the answer is the same for every entry as for 0
            return torch.full(self.z.shape[1:2], float(relation(torch.zeros(()), threshold)), device=self.z.device)
        if (relation, threshold) not in self._shares:
            # The result has z's dtype: torch vectorises that, but not a comparison into bools.
            shares = [relation(z, threshold, out=torch.empty_like(z)).mean(2) for z in chunks(self.z)]
            self._shares[relation, threshold] = torch.cat(shares).mean(0)
        return self._shares[relation, threshold]

    def of_unit(self, index: int) -> "LayerTrace":
        """The same with one unit's z, a and dz, (N, 1, P)."""
        unit = slice(index, index + 1)
        return replace(self, z=self.z[:, unit], a=self.a[:, unit], dz=self.dz[:, unit])

    def slopes(self) -> Iterator[Tensor]:
        """f'(z) by autograd of f alone, a chunk of examples at a time; f takes z in the network's shape."""
        with evaluation_mode(self.f):
            for chunk in chunks(self.z):
                z = chunk.detach().reshape(chunk.shape[:2] + self.positions).requires_grad_()
                with torch.enable_grad():
                    total = self.f(z).sum()  # given the gradient at f(z) instead, torch imports sympy: half a second
                yield _by_unit(torch.autograd.grad(total, z)[0])


def activations(model: nn.Module) -> dict[str, Activation]:
    """The activation layers of a model by module path, in the order of definition."""
    return {name: module for name, module in model.named_modules() if isinstance(module, Activation)}


def weight_layers(model: nn.Module) -> dict[str, Affine]:
    """The weight layers of a model by module path, without those inside an activation."""
    inside = {module for layer in activations(model).values() for module in layer.modules()}
    return {n: m for n, m in model.named_modules() if isinstance(m, Affine) and m not in inside}


def weights(model: nn.Module) -> dict[nn.Module, Tensor]:
    """A copy of every weight layer's weight, for the update ratio of the step that follows."""
    return {layer: layer.weight.detach().clone() for layer in weight_layers(model).values()}


def trace(
    model: nn.Module, loss: Callable[[], Tensor], *, weights_before: dict[nn.Module, Tensor] | None = None
) -> list[LayerTrace]:
    """Trace every activation layer that `loss` passes through, in the order of execution.

    Args:
        model: The model; it is in evaluation mode during the pass.
        loss: Calls `model` once and returns the sum of the per-sample losses.
        weights_before: What `weights(model)` returned before the last update.

    Raises:
        ValueError: If an activation layer has no weight layer before it.
    """
    with evaluation_mode(model), torch.enable_grad(), _recording(model) as calls:
        total = loss()
        layers = [(i, call.module) for i, call in enumerate(calls) if isinstance(call.module, Activation)]
        if not layers:
            return []
        first = layers[0][0]
        if not any(isinstance(call.module, Affine) for call in calls[:first]):
            kinds = "an nn.Linear, nn.Conv2d or nn.ConvTranspose2d"
            raise ValueError(
                f"{calls[first].name} cannot be probed: each activation needs a weight layer before it, {kinds}"
            )
        gradients = torch.autograd.grad(total, [calls[i].x for i, _ in layers], materialize_grads=True)
    traces = []
    for index, (i, f) in enumerate(layers):
        weight_layer = next(c.module for c in reversed(calls[:i]) if isinstance(c.module, Affine))
        next_call = next((c for c in calls[i:] if isinstance(c.module, Affine)), None)
        traces.append(
            LayerTrace(
                layer=calls[i].name,
                layer_index=index + 1,
                f=f,
                z=_by_unit(calls[i].x),
                a=_by_unit(calls[i].y),
                dz=_by_unit(gradients[index]),
                weight=weight_layer.weight.detach(),
                weight_before=None if weights_before is None else weights_before[weight_layer],
                next_y=None if next_call is None else _by_unit(next_call.y),
                next_bias=None if next_call is None else _bias(next_call),
                positions=tuple(calls[i].x.shape[2:]),
            )
        )
    return traces


@torch.no_grad()
def passed_on(model: nn.Module, inputs: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """The output of each weight layer in a pass as in training, by its path, and what the activation behind it gets.

    Behind the last layer there is no activation: it is the output twice. The pass is made by a copy of the model, so
    dropout's generator, running statistics and what else a layer keeps stay as they are, and so does the random state.
    """
    copied = copy.deepcopy(model).train()
    with torch.random.fork_rng(devices=[inputs.device] if inputs.is_cuda else []), _recording(copied) as calls:
        copied(inputs)
    return {
        call.name: (call.y, next_call.x if isinstance(next_call.module, Activation) else call.y)
        for call, next_call in pairwise([*calls, calls[-1]])
        if isinstance(call.module, Affine)
    }


@dataclass(frozen=True)
class _Call:
    """A call of a layer: y = module(x)."""

    name: str
    module: nn.Module
    x: Tensor
    y: Tensor


def _bias(call: _Call) -> Tensor:
    """The bias of a weight layer, (U,); zeros where it has none."""
    bias = call.module.bias
    return call.y.new_zeros(call.y.shape[1]) if bias is None else bias.detach()  # type: ignore[operator]


@contextmanager
def _recording(model: nn.Module) -> Iterator[list[_Call]]:
    """Record every call of a weight or an activation layer, in the order of execution, while the context is open."""
    calls: list[_Call] = []

    def hook(name: str) -> Callable[[nn.Module, tuple[Tensor], Tensor], None]:
        return lambda module, inputs, output: calls.append(_Call(name, module, inputs[0], output))

    layers: dict[str, nn.Module] = {**activations(model), **weight_layers(model)}
    handles = [module.register_forward_hook(hook(name)) for name, module in layers.items()]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Put the model in evaluation mode while the context is open, then restore every mode and the random state."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    devices = {parameter.device for parameter in model.parameters() if parameter.is_cuda}
    try:
        with torch.random.fork_rng(devices=list(devices)):
            yield
    finally:
        for module, training in modes.items():
            module.training = training


def _by_unit(t: Tensor) -> Tensor:
    """(N, U) as (N, U, 1); (N, U, H, W) as (N, U, H W)."""
    return t.detach().unsqueeze(-1).flatten(2)
