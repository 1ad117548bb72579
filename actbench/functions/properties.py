"""Range and second moment under N(0, 1) of any scalar function f, from its values and slopes; how these are read.

f' is what autograd returns, in float64: a straight-through step has f' = 1. A module is copied, put in evaluation mode
and cast; neither it nor the global generator changes. f is evaluated on one fixed grid, fine around 0 and geometric out
to |z| = REACH, or to where it overflows. Kinks, peaks and ends between its nodes are then bracketed more narrowly.
"""

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from actbench.functions.moments import gaussian_mean

Function = Callable[[Tensor], Tensor]
REACH = 1e8  # the last decades before this decide how f behaves towards infinity
DENSE = 16.0  # the grid is uniform up to here
STEP = 1 / 64  # its spacing there, a power of two so that the nodes are exact
_ZOOM = 64  # pieces into which each pass cuts a bracket
PASSES = 9  # STEP / 64^9 is below float64's spacing at 1


def value_range(f: Function) -> tuple[float, float]:
    """(inf f, sup f), infinite where f is unbounded; an asymptote counts, as the limit of values of f."""
    with torch.random.fork_rng(devices=[]):
        f = prepare(f)
        z, value = finite_part(nodes_of(f), lambda x: f(x).detach())
        return -find_supremum(lambda x: -f(x).detach(), z, -value)[0], find_supremum(f, z, value)[0]


def second_moment(f: Function) -> float:
    """E f(z)^2 for z ~ N(0, 1); nan where it does not exist."""
    with torch.random.fork_rng(devices=[]):
        f = prepare(f)
        return mean_or_nan(lambda z: f(z).square(), within=reading_range(f))


def prepare(f: Function) -> Function:
    """f applied to a copy of its argument; a module is copied too, in evaluation mode and float64, to the CPU."""
    if isinstance(f, nn.Module):
        f = copy.deepcopy(f).eval().to(device="cpu", dtype=torch.float64)
    return lambda z: f(z.clone())


def derivative(f: Function, z: Tensor, *, order: int = 1) -> Tensor:
    """The derivative of that order by autograd; zero where autograd sees no dependence on z."""
    z = z.detach().requires_grad_(True)
    with torch.enable_grad():
        value = f(z)
        for remaining in reversed(range(order)):
            if value is None or not value.requires_grad:
                return torch.zeros_like(z)
            value = torch.autograd.grad(value.sum(), z, create_graph=remaining > 0, allow_unused=True)[0]
    return torch.zeros_like(z) if value is None else value.detach()


def grid() -> Tensor:
    """The nodes at which f is evaluated first: 0, then on both sides a geometric, a uniform and a geometric stretch."""
    near = torch.logspace(-6, math.log10(STEP), 65, dtype=torch.float64)[:-1]
    dense = torch.arange(1, int(DENSE / STEP) + 1, dtype=torch.float64) * STEP
    far = torch.logspace(math.log10(DENSE), math.log10(REACH), 225, dtype=torch.float64)[1:]
    right = torch.cat([near, dense, far])
    return torch.cat([-right.flip(0), torch.zeros(1, dtype=torch.float64), right])


def nodes_of(f: Function) -> Tensor:
    """The grid within the reading range, refined where f changes by more than its slopes at both ends explain.

    A ramp is in such a cell; narrower than STEP / 64^2 it still looks like a jump. More than 8 such cells are a pattern
    and are not refined.
    """
    z, (low, high) = grid(), reading_range(f)
    z = z[(z >= low) & (z <= high)]
    for _ in range(2):
        value, slope = f(z).detach(), derivative(f, z).abs()
        unexplained = value.diff().abs() - 2 * torch.maximum(slope[1:], slope[:-1]) * z.diff()
        cells = (unexplained > 1e-6 * value[z.abs() <= DENSE].abs().max()).nonzero().flatten()
        if not 0 < len(cells) <= 8:
            break
        z = torch.cat([z, subdivide(z[cells], z[cells + 1]).flatten()]).unique()
    return z


def reading_range(f: Function) -> tuple[float, float]:
    """The interval in which f and f' are read: +-REACH, or three digits of the z from which one of them is not finite.

    e^z overflows at 709.8, and nothing is concluded from what a formula returns beyond. What is not finite from less
    than |z| = 1 on does not count: a function that is nan for z < 0 has no range to be read in, and one whose slope
    autograd cannot tell there is still a function.
    """
    right = grid()[len(grid()) // 2 :]
    low, high = (min(_finite_end(g, side * right) for g in (f, lambda z: derivative(f, z))) for side in (-1, 1))
    return -low, high


def _finite_end(g: Function, z: Tensor) -> float:
    """The |z| up to which g is finite, from nodes that lead away from 0, in three digits and not rounded up."""
    if bool(g(z[-1:]).isfinite()):
        return REACH
    for _ in range(4):
        finite = g(z).detach()[:-1].isfinite().nonzero()
        last = int(finite[-1]) if len(finite) else 0
        z = subdivide(z[last : last + 1], z[last + 1 : last + 2])[0]
    end = abs(float(z[0]))
    if end < 1:
        return REACH
    digits = 10.0 ** (2 - math.floor(math.log10(end)))
    return math.floor(end * digits) / digits


def finite_part(z: Tensor, g: Function) -> tuple[Tensor, Tensor]:
    """Nodes and values of g from its first to its last finite value (e^z overflows at 710); nan between becomes 0."""
    value = g(z).detach()
    finite = value.isfinite().nonzero().flatten()
    if len(finite) == 0:
        raise ValueError("The function is finite nowhere on the grid: give one whose values are numbers.")
    inside = slice(int(finite[0]), int(finite[-1]) + 1)
    return z[inside], value[inside].nan_to_num(nan=0.0, posinf=math.inf, neginf=-math.inf)


def find_supremum(g: Function, z: Tensor, value: Tensor) -> tuple[float, float]:
    """(sup g, its place), from the highest nodes and the tails; +inf where g grows without bound."""
    best, place = find_maximum(g, z, value)
    if math.isinf(best):
        return best, place
    limits = {sign * math.inf: _tail_supremum(sign * z, value.clamp(max=best), best) for sign in (-1, 1)}
    tail = max(limits, key=lambda end: limits[end])
    return (limits[tail], tail) if limits[tail] > best else (best, place)


def find_maximum(g: Function, z: Tensor, value: Tensor) -> tuple[float, float]:
    """(max g, its place) between the first and the last node, refined around the highest nodes; +inf at a pole."""
    peaks = value[1:-1].topk(8).indices + 1
    low, high, best, gains = z[peaks - 1], z[peaks + 1], value.max(), []
    place = float(z[value.argmax()])
    for _ in range(PASSES):
        nodes = subdivide(low, high)
        inner = g(nodes).detach().nan_to_num(nan=-math.inf, posinf=math.inf, neginf=-math.inf)
        top = inner.argmax(dim=1, keepdim=True)
        low = nodes.gather(1, (top - 1).clamp(min=0)).squeeze(1)
        high = nodes.gather(1, (top + 1).clamp(max=_ZOOM)).squeeze(1)
        gains.append(float((inner.max() - best).clamp(min=0)))
        if inner.max() > best:
            best, place = inner.max(), float(nodes.flatten()[inner.argmax()])
    # Each pass towards a pole gains as much as the last or more; at a smooth peak the gain falls by 64^2 per pass.
    at_pole = gains[-1] > max(gains[-2] / 2, 1e-6 * float(best.abs()))
    return (math.inf if at_pole else float(best)), place


def mean_or_nan(g: Function, *, within: tuple[float, float]) -> float:
    """E g(z) for z ~ N(0, 1); nan where it does not exist or six digits of it are not certain."""
    mean, error = gaussian_mean(g, within=within)
    return mean if math.isfinite(mean) and error <= 1e-6 * max(1.0, abs(mean)) else math.nan


def subdivide(low: Tensor, high: Tensor) -> Tensor:
    """Nodes that cut each bracket into _ZOOM equal pieces, its ends exact; shape (brackets, _ZOOM + 1)."""
    nodes = low[:, None] + (high - low)[:, None] * torch.linspace(0, 1, _ZOOM + 1, dtype=torch.float64)
    nodes[:, -1] = high
    return nodes


def _tail_supremum(z: Tensor, value: Tensor, best: float) -> float:
    """The supremum of g towards z = +inf, from its maxima up to R / 100, R / 10 and R, where R is the last finite node.

    If the gain per decade does not fall, g grows without bound, as a logarithm does. If it falls by a factor, the gains
    are summed as a geometric series (Aitken), which is exact for a power of z. Where R is short of REACH, R / 4 and
    R / 2 take the places of R / 100 and R / 10, which may be too near to 0 to belong to a tail.
    """
    reach = float(z.max())
    shares = (0.01, 0.1, 1) if reach == REACH else (0.25, 0.5, 1)
    first, second, last = (float(value[(z > 0) & (z <= share * reach)].max()) for share in shares)
    gain, previous = last - second, second - first
    if last < best or gain <= 0:
        return last
    if previous <= 0 or gain > 0.75 * previous:
        return math.inf if gain > 1e-3 * abs(last) else last
    return last + gain * gain / (previous - gain)
