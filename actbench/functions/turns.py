"""The course of f: where it turns, where it is zero, where it is steepest, which bounds it attains.

Rounding must not be mistaken for a property of f: in float64 tanh(20) is 1 and GELU(-9) is 0, yet f attains neither.
So a level stretch counts only where it truly ends, in a kink or in a value that rounding does not explain.
"""

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from actbench.functions.kinks import Kinks, roundest
from actbench.functions.properties import DENSE, Function, derivative, finite_part, nodes_of

_FLAT = 1e-13  # a change below this share of the scale is rounding
_SAME = 1e-12


@dataclass(frozen=True)
class Stretch:
    """A point (low = high) or an interval of z, with an error bound for its ends."""

    low: float
    high: float
    error: float


@dataclass(frozen=True)
class Extremum:
    """A strict local minimum or maximum of f, or a strict plateau between two kinks."""

    kind: str
    stretch: Stretch
    value: float


@dataclass(frozen=True)
class Curve:
    """f on the grid and on both sides of each kink, with its derivative and its kinks."""

    f: Function
    slope: Function
    kinks: Kinks
    z: Tensor
    value: Tensor

    @property
    def scale(self) -> float:
        return float(self.value[self.z.abs() <= DENSE].abs().max())


def sample(f: Function, kinks: Kinks, *, order: int = 0) -> Curve:
    """f, or its derivative of this order, on the grid and on both sides of each kink."""

    def g(z: Tensor) -> Tensor:
        return derivative(f, z, order=order)

    def slope(z: Tensor) -> Tensor:
        return derivative(f, z, order=order + 1)

    sides = [kink.place + sign * max(kink.error, 1e-15) for kink in kinks.real for sign in (-1, 0, 1)]
    z = torch.cat([nodes_of(f), torch.tensor(sides, dtype=torch.float64)]).unique()
    return Curve(g, slope, kinks, *finite_part(z, g))


def is_resolved(curve: Curve) -> bool:
    """Whether f between nodes is close to their mean in most cells, which it is not if it turns within the cells."""
    dense = curve.z[curve.z.abs() <= DENSE]
    value = curve.f(dense)
    deviation = (curve.f((dense[1:] + dense[:-1]) / 2) - (value[1:] + value[:-1]) / 2).abs()
    return float((deviation > 0.05 * (value.max() - value.min())).double().mean()) < 0.05


def monotonicity(curve: Curve) -> str:
    """constant, non-decreasing, non-increasing or no, from the largest fall and rise against the values before."""
    value, scale = curve.value, curve.value.abs().clamp(min=curve.scale)
    if bool(((value - value[0]).abs() <= _SAME * scale).all()):
        return "constant"
    falls = bool(((value.cummax(0).values - value) > _SAME * scale).any())
    rises = bool(((value - value.cummin(0).values) > _SAME * scale).any())
    return "no" if falls and rises else "non-increasing" if falls else "non-decreasing"


def extrema(curve: Curve) -> list[Extremum]:
    """The strict local extrema of f from left to right, located to about 1e-12, or to 1e-7 where f' is of no use."""
    z, value = curve.z, curve.value
    change = value.diff()
    size = torch.maximum(value[1:].abs(), value[:-1].abs()).clamp(min=curve.scale)
    changing = (change.abs() > _FLAT * size).nonzero().flatten()
    signs = change[changing].sign()
    turns = (signs[1:] != signs[:-1]).nonzero().flatten().tolist()
    brackets = [(int(changing[i]), int(changing[i + 1]) + 1, float(signs[i])) for i in turns]
    return [_extremum(curve, float(z[i]), float(z[j]), rising=sign > 0) for i, j, sign in brackets]


def zeros(curve: Curve, turns: list[Extremum]) -> list[Stretch]:
    """Points and intervals where f is zero: sign changes, exact zeros without underflow, and extrema of value zero."""
    z, value = curve.z, curve.value
    stretches = [_zero_stretch(curve, first, last) for first, last in _true_ranges((value == 0).tolist())]
    crossings = (value[1:] * value[:-1] < 0).nonzero().flatten().tolist()
    for i in crossings:
        low, high = _sign_change(curve.f, float(z[i]), float(z[i + 1]))
        if float(curve.f(torch.tensor([low, high], dtype=torch.float64)).abs().max()) <= 1e-6 * curve.scale:
            stretches.append(_point(low, high, error=high - low))
    stretches += [turn.stretch for turn in turns if abs(turn.value) <= _SAME * curve.scale]
    return _distinct([stretch for stretch in stretches if stretch is not None])


def peaks(curve: Curve, supremum: float) -> list[Stretch]:
    """Where |g| takes its supremum, g being the sampled derivative: whole pieces, else turns and kinks, else a tail."""
    near = 1e-9 * supremum
    places = [-math.inf, *(kink.place for kink in curve.kinks.real), math.inf]
    stretches: list[Stretch] = []
    for low, high in itertools.pairwise(places):
        piece = curve.value[(curve.z > low) & (curve.z < high)].abs()
        if len(piece) and bool((piece >= supremum - near).all()):
            start = stretches.pop().low if stretches and stretches[-1].high == low else low
            stretches.append(Stretch(start, high, error=1e-12))
    if stretches:
        return stretches
    stretches = [turn.stretch for turn in extrema(curve) if abs(turn.value) >= supremum - near]
    for kink in curve.kinks.real:  # beside it: at a kink autograd may return a value between the sides
        sides = kink.place + max(2 * kink.error, 1e-15) * torch.tensor([-1.0, 1.0], dtype=torch.float64)
        if float(curve.f(sides).abs().max()) >= supremum - near:
            stretches.append(Stretch(kink.place, kink.place, kink.error))
    if not stretches:
        ends = zip((-math.inf, math.inf), curve.value[[0, -1]].tolist(), strict=True)
        stretches = [Stretch(end, end, error=0.0) for end, value in ends if abs(value) >= supremum - near]
    return _distinct(stretches)


def is_taken(curve: Curve, bound: float, turns: list[Extremum]) -> bool | None:
    """Whether f takes its bound: at an extremum, a kink or on a constant tail; None if only beside a jump."""
    if math.isinf(bound):
        return False
    near = _SAME * max(curve.scale, 1e-300)
    jumps = [kink.place for kink in curve.kinks.real if kink.order == 0]
    others = torch.tensor([kink.place for kink in curve.kinks.real if kink.order > 0], dtype=torch.float64)
    at_turns = [turn.value for turn in turns if turn.stretch.low not in jumps]
    values = [*at_turns, *(curve.f(others).tolist() if len(others) else []), *_tail_levels(curve)]
    if any(abs(value - bound) <= near for value in values):
        return True
    sides = [side for kink in curve.kinks.real if kink.order == 0 for side in (kink.left, kink.right)]
    return None if any(abs(side - bound) <= near for side in sides) else False


def _extremum(curve: Curve, low: float, high: float, *, rising: bool) -> Extremum:
    kind = "maximum" if rising else "minimum"
    inner = [kink for kink in curve.kinks.real if low <= kink.place <= high]
    if len(inner) > 1:
        stretch = Stretch(inner[0].place, inner[-1].place, max(kink.error for kink in inner))
    else:
        stretch = _turn(curve, low, high, rising=rising)
    middle = torch.tensor([(stretch.low + stretch.high) / 2], dtype=torch.float64)
    return Extremum(kind, stretch, float(curve.f(middle)))


def _turn(curve: Curve, low: float, high: float, *, rising: bool) -> Stretch:
    """Where f' changes sign, or if it does not (autograd's f' is not f's derivative), where f is highest or lowest."""
    if _changes_sign(curve.slope, low, high):
        low, high = _sign_change(curve.slope, low, high)
        return _point(low - _SAME, high + _SAME, error=high - low + 2 * _SAME)
    for _ in range(6):
        nodes = torch.linspace(low, high, 65, dtype=torch.float64)
        value = curve.f(nodes)
        best = int(value.argmax() if rising else value.argmin())
        low, high = float(nodes[max(best - 1, 0)]), float(nodes[min(best + 1, 64)])
    return _point(low, high, error=high - low + 1e-7)


def _changes_sign(slope: Function, low: float, high: float) -> bool:
    try:
        ends = slope(torch.tensor([low, high], dtype=torch.float64))
    except (RuntimeError, NotImplementedError):  # autograd has no derivative of this order
        return False
    return float(ends[0] * ends[1]) < 0


def _point(low: float, high: float, *, error: float) -> Stretch:
    place = roundest(low, high)
    return Stretch(place, place, error)


def _sign_change(g: Function, low: float, high: float) -> tuple[float, float]:
    """The bracket of a sign change of g, cut into 64 pieces again and again until a few spacings of float64 wide."""
    for _ in range(9):
        nodes = torch.linspace(low, high, 65, dtype=torch.float64)
        sign = g(nodes).detach().sign()
        cell = int((sign != sign[0]).nonzero()[0]) if bool((sign != sign[0]).any()) else 64
        low, high = float(nodes[cell - 1]), float(nodes[cell])
    return low, high


def _true_ranges(flags: list[bool]) -> list[tuple[int, int]]:
    """First and last index of each unbroken range of True."""
    edges = [i for i, (a, b) in enumerate(zip([False, *flags], [*flags, False], strict=True)) if a != b]
    return [(start, end - 1) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _zero_stretch(curve: Curve, first: int, last: int) -> Stretch | None:
    """Exact zeros at successive nodes: an interval if it truly ends, else a point; None for a tail's underflow."""
    z, ends = curve.z, (float(curve.z[first]), float(curve.z[last]))
    is_tail = first == 0, last == len(z) - 1
    low = -math.inf if is_tail[0] else _true_end(curve, first, outwards=-1)
    high = math.inf if is_tail[1] else _true_end(curve, last, outwards=1)
    if all(is_tail) or any(end is not None for end, tail in zip((low, high), is_tail, strict=True) if not tail):
        return Stretch(ends[0] if low is None else low, ends[1] if high is None else high, error=1e-12)
    if any(is_tail):
        return None
    return _point(*ends, error=(ends[1] - ends[0]) / 2)


def _true_end(curve: Curve, index: int, *, outwards: int) -> float | None:
    """Where a level stretch that reaches out to this node truly ends; None if it is level by rounding only.

    An end is true at a kink, and where f has left the level one hundredth farther out: e^z is still 0 at 7 beyond -745,
    whereas z^4 is not at 0.01 beyond 0. (A flat transition like e^(-1/z) is mistaken for underflow.)
    """
    low, high = float(curve.z[index]), float(curve.z[index + outwards])
    level = float(curve.value[index])
    kink = next((k.place for k in curve.kinks.real if min(low, high) - 1e-9 <= k.place <= max(low, high) + 1e-9), None)
    if kink is not None:
        return kink
    low, high = _sign_change(lambda z: torch.where(curve.f(z) == level, -1.0, 1.0), low, high)
    farther = high + outwards * (0.01 * abs(high) if abs(high) > _SAME else 0.01)
    value = float(curve.f(torch.tensor([farther], dtype=torch.float64)))
    return roundest(*sorted((low, high))) if abs(value - level) > _FLAT * max(1, abs(level), abs(high)) else None


def _distinct(stretches: list[Stretch]) -> list[Stretch]:
    """The stretches from left to right, each place once."""
    distinct: list[Stretch] = []
    for stretch in sorted(stretches, key=lambda s: (s.low, -s.high)):
        if not distinct or stretch.low > distinct[-1].high + max(1e-6, stretch.error):
            distinct.append(stretch)
    return distinct


def _tail_levels(curve: Curve) -> list[float]:
    """The value of f on each tail where it is constant."""
    levels, last = [], len(curve.z) - 1
    for end, inwards in ((0, 1), (last, -1)):
        is_level = (curve.value == curve.value[end]).tolist()[::inwards]
        length = is_level.index(False) if False in is_level else len(is_level)
        index = end + inwards * (length - 1)
        if length == len(is_level) or (length > 1 and _true_end(curve, index, outwards=inwards) is not None):
            levels.append(float(curve.value[end]))
    return levels
