"""What a function must be for its facts to be computed."""

import torch
from torch import Tensor

from actbench.functions.properties import DENSE, Function, grid
from actbench.functions.turns import Curve, is_resolved, sample


def check(f: Function) -> None:
    """Raise a ValueError if f is not applied element by element or changes the dtype."""
    z = torch.linspace(-3, 3, 7, dtype=torch.float64)
    value = f(z)
    if not isinstance(value, Tensor) or value.shape != z.shape:
        returned = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(
            f"An activation maps a tensor to one of the same shape, but this one returned {returned} for shape (7,). "
            "Give a function that works element by element."
        )
    if value.dtype != z.dtype:
        raise ValueError(
            f"An activation keeps the dtype of its argument, but this one returned {value.dtype} for {z.dtype}. "
            "Give a function that computes in the dtype that it is given."
        )
    separate = torch.cat([f(z[i : i + 1]) for i in range(len(z))])
    if is_repeatable(f) and not torch.allclose(value, separate, rtol=1e-9, atol=1e-12, equal_nan=True):
        raise ValueError(
            "This function's value at one element depends on the others, so it has no graph over z. "
            "Give a function that works element by element."
        )


def is_repeatable(f: Function) -> bool:
    """Whether f draws no random numbers, judged by two evaluations."""
    z = torch.linspace(-3, 3, 64, dtype=torch.float64)
    return torch.equal(f(z).nan_to_num(), f(z).nan_to_num())


def why_unreadable(f: Function, curve: Curve, reading: tuple[float, float]) -> str:
    """Why the grid does not show how f runs, in words; empty if it does."""
    z = grid()
    z = z[(z >= max(reading[0], -DENSE)) & (z <= min(reading[1], DENSE))]
    not_finite = z[~f(z).isfinite()]
    if len(not_finite):
        return f"f is not finite at z = {float(not_finite[not_finite.abs().argmin()]):g}"
    both_resolved = is_resolved(curve) and is_resolved(sample(f, curve.kinks, order=1))
    return "" if both_resolved else "f turns within a cell of the grid, so its shape cannot be read; its moments can"
