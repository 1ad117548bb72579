"""Where f saturates: the thresholds beyond which its slope stays small, and how much slope its tails keep.

It says where a gradient is cut to a small share, not that a network cannot learn there: ReLU is saturated below 0.
"""

import math

import torch
from torch import Tensor

from actbench.functions.properties import (
    PASSES,
    REACH,
    Function,
    derivative,
    find_supremum,
    finite_part,
    mean_or_nan,
    nodes_of,
    prepare,
    reading_range,
    subdivide,
)

EDGE = 1e-6  # a slope this near to the level, as a share of it, is at it: in float32 a slope of 0.01 is 2e-8 off


def saturation_thresholds(f: Function, *, epsilon: float = 0.01) -> tuple[float, float]:
    """(z_lo, z_hi), the smallest interval outside which |f'(z)| < epsilon sup|f'|; infinite where f never saturates.

    Only the tails count: a zero of f' between two active regions is not saturation. A stretch where |f'| is as large
    as epsilon sup|f'|, up to EDGE, lies inside: leaky ReLU with slope 0.01 does not saturate at epsilon 0.01, in
    float32 either. Where sup|f'| is infinite, see `steepness`; where that is nan, both ends are nan. Where f' is zero
    everywhere, the interval is empty: both ends are the point where f jumps most (0 if f is constant), and every other
    z lies outside.

    Raises:
        ValueError: If epsilon is not between 0 and 1.
    """
    if not 0 < epsilon < 1:
        raise ValueError(f"epsilon is {epsilon}, but it is a share of sup|f'|: give a number between 0 and 1.")
    with torch.random.fork_rng(devices=[]):
        f = prepare(f)
        z, slope = _slopes(f)
        supremum, place = _steepness(f, z, slope)
        if supremum == 0:
            return (_largest_jump(f, z),) * 2
        if math.isnan(supremum):
            return math.nan, math.nan
        level = epsilon * supremum
        if not bool((slope >= level).any()):  # a peak between two nodes: it is a node too
            z, index = torch.cat([z, torch.tensor([place], dtype=torch.float64)]).sort()
            slope = torch.cat([slope, slope.new_tensor([supremum])])[index]
        ends = [_outermost(f, sign * z, slope, level, sign=sign) for sign in (-1, 1)]
    return -ends[0], ends[1]


def steepness(f: Function) -> float:
    """sup|f'|; where it is infinite, the root mean square of f' under N(0, 1); nan where that is infinite too."""
    with torch.random.fork_rng(devices=[]):
        f = prepare(f)
        return _steepness(f, *_slopes(f))[0]


def tail_slope(f: Function, *, side: int) -> tuple[float, float]:
    """The limit of |f'| towards side * inf, as a share of `steepness`, with an error bound; nan where there is none.

    The tail is saturated at every epsilon above this share. |f'| is read at the end of the reading range and at two
    points nearer to 0; what it changes between them bounds what it changes beyond.
    """
    with torch.random.fork_rng(devices=[]):
        f = prepare(f)
        end = abs(reading_range(f)[(1 + side) // 2])
        shares = (0.01, 0.1, 1) if end == REACH else (0.25, 0.5, 1)
        slopes = derivative(f, side * end * torch.tensor(shares, dtype=torch.float64)).abs()
        scale = _steepness(f, *_slopes(f))[0]
    if not (scale > 0 and float(slopes.max() - slopes.min()) <= EDGE * scale):
        return math.nan, math.nan
    return float(slopes[-1]) / scale, float(slopes.max() - slopes.min()) / scale + 1e-12


def _slopes(f: Function) -> tuple[Tensor, Tensor]:
    """Nodes and |f'| there."""
    return finite_part(nodes_of(f), _absolute_slope(f))


def _steepness(f: Function, z: Tensor, slope: Tensor) -> tuple[float, float]:
    """`steepness` from |f'| at the nodes, and the place of sup|f'|."""
    supremum, place = find_supremum(_absolute_slope(f), z, slope)
    if math.isinf(supremum):
        supremum = math.sqrt(mean_or_nan(lambda x: derivative(f, x).square(), within=reading_range(f)))
    return supremum, place


def _absolute_slope(f: Function) -> Function:
    return lambda z: derivative(f, z).abs()


def _outermost(f: Function, z: Tensor, slope: Tensor, level: float, *, sign: int) -> float:
    """Where |f'| is last at the level towards z = +inf (f mirrored by `sign`).

    Lowering the level by EDGE moves a crossing by as little, and the end of a stretch that is at the level by far.
    """
    index = z.argsort()
    z, slope = z[index], slope[index]
    end, near = _last_above(f, z, slope, level, sign=sign), level * (1 - EDGE)
    if not bool(((slope < level) & (slope >= near)).any()):
        return end
    end_of_stretch = _last_above(f, z, slope, near, sign=sign)
    return end_of_stretch if end_of_stretch > end + 1e-3 * max(1.0, abs(end)) else end


def _last_above(f: Function, z: Tensor, slope: Tensor, level: float, *, sign: int) -> float:
    """Where |f'| last reaches the level: the outer end of the last bracket, closed in on."""
    last = int((slope >= level).nonzero()[-1])
    share = 0.1 if z[-1] == REACH else 0.5  # e^(z^2) overflows at 27, a few times where it is 1 / epsilon
    if z[last] > share * z[-1] or last + 1 == len(z):
        return math.inf
    low, high = z[last : last + 1], z[last + 1 : last + 2]
    for _ in range(PASSES):
        nodes = subdivide(low, high)[0]
        is_active = (derivative(f, sign * nodes).abs() >= level)[:-1]
        last = int(is_active.nonzero()[-1]) if is_active.any() else 0
        low, high = nodes[last : last + 1], nodes[last + 1 : last + 2]
    return float(high)


def _largest_jump(f: Function, z: Tensor) -> float:
    """The place where f changes most between two nodes, refined; 0 for a constant."""
    for _ in range(PASSES + 1):
        change = f(z).detach().diff().abs()
        cell = int(change.argmax())
        if change[cell] == 0:
            return 0.0
        z = subdivide(z[cell : cell + 1], z[cell + 1 : cell + 2])[0]
    return float(z[0])
