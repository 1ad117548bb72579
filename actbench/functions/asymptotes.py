"""The lines that f approaches."""

import math

import torch
from torch import Tensor

from actbench.functions.properties import REACH, Function

# Small radii first, where the slope's error costs the intercept few digits; then out to the end of the grid.
_RADII = [torch.tensor([5e1, 5e2, 5e3, 5e4], dtype=torch.float64) * scale for scale in (1, 1e3)]


def asymptote(f: Function, *, side: int) -> tuple[float, float, float] | None:
    """(slope, intercept, error bound) of the line that f approaches towards side * inf, or None if there is none.

    Slopes are secants of f from r to 2r, with r growing tenfold, since autograd's f' need not be the derivative of f.
    Limits are extrapolated by Aitken's method. The line must still hold at |z| = REACH.
    """
    for radius in _RADII:
        near, far = f(side * radius).detach(), f(2 * side * radius).detach()
        slope, slope_error = _limit((far - near) / (side * radius))
        if abs(slope) <= 1e-9:  # a constant: with no slope to subtract, f can be read farther out
            slope, slope_error, radius = 0.0, 0.0, radius * REACH / (2 * radius[-1])
        else:
            slope_error += 1e-11 * float(radius[-1])  # the rounding of the secants, as it reaches the intercept
        intercept, error = _limit(f(side * radius).detach() - slope * side * radius)
        line = slope * side * REACH + intercept
        value = f(torch.tensor([side * REACH], dtype=torch.float64)).item()
        if abs(value - line) <= 1e-6 * max(1.0, abs(line)):
            return slope, intercept, slope_error + error
    return None


def _limit(sequence: Tensor) -> tuple[float, float]:
    """The limit of a sequence whose changes shrink geometrically (Aitken) and its error bound; nan if they do not."""
    previous, last = (float(change) for change in sequence.diff()[-2:])
    end = float(sequence[-1])
    rounding = 1e-9 * max(1.0, abs(end))
    if abs(last) <= rounding / 1000:
        return end + 0.0, rounding
    if not abs(last) <= 0.75 * abs(previous):
        return math.nan, math.nan
    step = last * last / (previous - last)
    return end + step, abs(step) / 100 + rounding
