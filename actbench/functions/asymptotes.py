"""The lines that f approaches."""

import math

import torch
from torch import Tensor

from actbench.functions.properties import REACH, Function

# Small radii first, where the slope's error costs the intercept few digits; then out to the end of the grid.
_RADII = [torch.tensor([5e1, 5e2, 5e3, 5e4], dtype=torch.float64) * scale for scale in (1, 1e3)]
_SHORT = torch.tensor([1 / 128, 1 / 32, 1 / 8, 1 / 2], dtype=torch.float64)  # of a reach short of REACH


def asymptote(f: Function, *, side: int, reach: float = REACH) -> tuple[float, float, float] | None:
    """(slope, intercept, error bound) of the line that f approaches towards side * inf, or None if there is none.

    Slopes are secants of f from r to 2r, with r growing tenfold, since autograd's f' need not be the derivative of f.
    Limits are extrapolated by Aitken's method. The line must still hold at |z| = reach, up to which f is read. Where f
    overflows there, r grows fourfold up to it, and if f is neither seen to approach a line nor to outgrow every line,
    all three numbers are nan.
    """
    for radius in _RADII if reach == REACH else [_SHORT * reach]:
        near, far = f(side * radius).detach(), f(2 * side * radius).detach()
        secants = (far - near) / (side * radius)
        slope, slope_error = _limit(secants)
        if abs(slope) <= 1e-9:  # a constant: with no slope to subtract, f can be read farther out
            slope, slope_error, radius = 0.0, 0.0, radius * reach / (2 * radius[-1])
        else:
            slope_error += 1e-11 * float(radius[-1])  # the rounding of the secants, as it reaches the intercept
        intercept, error = _limit(f(side * radius).detach() - slope * side * radius, noise=1e-15 * float(far.abs()[-1]))
        line = slope * side * reach + intercept
        value = f(torch.tensor([side * reach], dtype=torch.float64)).item()
        if abs(value - line) <= 1e-6 * max(1.0, abs(line)):
            return slope, intercept, slope_error + error
    previous, last = secants.abs().diff()[-2:].tolist()
    outgrows = 0 < 0.75 * previous <= last
    return None if reach == REACH or outgrows else (math.nan, math.nan, math.nan)


def _limit(sequence: Tensor, *, noise: float = 0.0) -> tuple[float, float]:
    """The limit of a sequence whose changes shrink geometrically (Aitken) and its error bound; nan if they do not.

    Changes within `noise`, the rounding of the values, are none.
    """
    previous, last = (float(change) for change in sequence.diff()[-2:])
    end = float(sequence[-1])
    rounding = 1e-9 * max(1.0, abs(end))
    if abs(last) <= rounding / 1000:
        return end + 0.0, rounding
    if not abs(last) <= 0.75 * abs(previous):
        return (end, rounding + noise) if max(abs(last), abs(previous)) <= noise else (math.nan, math.nan)
    step = last * last / (previous - last)
    return end + step, abs(step) / 100 + rounding
