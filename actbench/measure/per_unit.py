"""Activations with parameters of their own for each unit, as many functions of one number."""

import copy
from collections.abc import Callable

from torch import Tensor, nn

from actbench.measure.trace import Activation


class PerUnit(Activation):
    """An activation layer whose f has parameters for each of U units, axis 1 of z: (N, U) or (N, U, H, W).

    Args:
        make: Makes f for a number of units.
        num_units: U.
    """

    def __init__(self, make: Callable[[int], nn.Module], *, num_units: int) -> None:
        super().__init__(make(num_units))
        self.f: nn.Module
        self.num_units = num_units
        self._for_one = (make(1),)  # in a tuple, its parameters are not the layer's

    def functions(self) -> list[nn.Module]:
        """Each unit's function with its present parameters, of tensors of any shape."""
        return [self._function_of(index) for index in range(self.num_units)]

    def parameters_by_unit(self) -> dict[str, Tensor]:
        """Each parameter that a unit has its own of, (U, entries)."""
        axes = self._unit_axes()
        return {
            name: p.detach().movedim(axes[name], 0).reshape(self.num_units, -1)
            for name, p in self.f.named_parameters()
            if name in axes
        }

    def _unit_axes(self) -> dict[str, int]:
        """The axis of units of each tensor that has one: it is longer than in the f for one unit."""
        for_one = tensors(self._for_one[0])
        axes = {}
        for name, p in tensors(self.f).items():
            differs = [axis for axis, size in enumerate(p.shape) if size != for_one[name].shape[axis]]
            if differs:
                axes[name] = differs[0]
        return axes

    def _function_of(self, index: int) -> nn.Module:
        function, axes = copy.deepcopy(self._for_one[0]).train(self.f.training), self._unit_axes()
        own = tensors(self.f)
        for name, p in tensors(function).items():
            p.data = (own[name].narrow(axes[name], index, 1) if name in axes else own[name]).detach().clone()
        return _Unit(function)


class _Unit(nn.Module):
    """f of a unit, (M, 1) -> (M, 1), for tensors of any shape."""

    def __init__(self, f: nn.Module) -> None:
        super().__init__()
        self.f = f

    def forward(self, z: Tensor) -> Tensor:
        return self.f(z.reshape(-1, 1)).reshape(z.shape)


def tensors(module: nn.Module) -> dict[str, Tensor]:
    """The parameters and buffers of a module by name."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}
