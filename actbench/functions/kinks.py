"""Where f or one of its derivatives jumps: found by search, located to a few units in the last place."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from actbench.functions.properties import DENSE, STEP, Function, derivative, finite_part, nodes_of

HIGHEST_ORDER = 3  # f, f', f'' and f''' are searched
SEAM = 2.0**-23  # float32's spacing at 1
MANY = 32  # more kinks, zeros or extrema than this are a pattern that a finite grid cannot count
_SUBCELLS = 16
_ROUNDS = 4  # a cell is searched again on both sides of its kink
_PASSES = 12  # STEP / 16^12 is below float64's spacing at 1
_POLE = 1e6  # a one-sided value above this multiple of the values at its cell's ends is that of a pole
_NOISE = 1e-11  # a jump below this share of the scale cannot be told from rounding


@dataclass(frozen=True)
class Kink:
    """A place where the derivative of this order jumps and no lower one does (order 0 is f itself).

    `left` and `right` are the one-sided values of that derivative. A seam is a jump that float32 cannot resolve,
    for instance where an implementation switches from a formula to its asymptote.
    """

    order: int
    place: float
    left: float
    right: float
    error: float

    @property
    def jump(self) -> float:
        return self.right - self.left

    @property
    def is_seam(self) -> bool:
        return abs(self.jump) < SEAM * max(1.0, abs(self.left), abs(self.right))


@dataclass(frozen=True)
class Kinks:
    """All kinks from left to right, and the order of the highest derivative that could be searched (-1: none)."""

    all: tuple[Kink, ...]
    searched_order: int

    @property
    def real(self) -> tuple[Kink, ...]:
        """Those that are not seams."""
        return tuple(kink for kink in self.all if not kink.is_seam)

    @property
    def seams(self) -> tuple[Kink, ...]:
        return tuple(kink for kink in self.all if kink.is_seam)

    @property
    def continuity(self) -> int:
        """The order of the highest derivative that is continuous, as far as searched; -1 where f itself jumps."""
        return min((kink.order - 1 for kink in self.real), default=self.searched_order)


def find_kinks(f: Function) -> Kinks:
    """The kinks of f up to HIGHEST_ORDER; where one order has more than MANY, only slightly more than MANY of them.

    The search ends where autograd has no derivative, and before a derivative that may be unbounded.
    """
    kinks: list[Kink] = []
    for order in range(HIGHEST_ORDER + 1):
        try:
            new = _jumps(f, order)
        except (RuntimeError, NotImplementedError):  # autograd has no derivative of this order for this f
            return Kinks(_in_order(kinks), order - 1)
        if new is None:
            return Kinks(_in_order(kinks), max(order - 2, 0))
        kinks += [kink for kink in new if all(_are_apart(kink, lower) for lower in kinks)]
    return Kinks(_in_order(kinks), HIGHEST_ORDER)


def _in_order(kinks: list[Kink]) -> tuple[Kink, ...]:
    return tuple(sorted(kinks, key=lambda kink: kink.place))


def _are_apart(one: Kink, other: Kink) -> bool:
    return abs(one.place - other.place) > 1e-9 * max(1.0, abs(one.place))


def _jumps(f: Function, order: int) -> list[Kink] | None:
    """The jumps of one derivative, or None if it has a pole, as 1 / z does."""

    def g(x: Tensor) -> Tensor:
        return derivative(f, x, order=order)

    # Off the round numbers: at a kink itself autograd returns either side or a value between them (0 for |z|).
    z, value = finite_part(nodes_of(f) * (1 + 1e-5 * math.pi) + 1e-7 / math.pi, g)
    scale = value[z.abs() <= DENSE].abs().nan_to_num(posinf=0.0).max()
    jumps: list[Kink] = []
    low, high = z[:-1], z[1:]
    for _ in range(_ROUNDS):
        at_ends = torch.maximum(g(low).abs(), g(high).abs()).clamp(min=scale)
        kinks, cells = _locate_jumps(g, low, high, order=order, scale=scale)
        if any(
            max(abs(kink.left), abs(kink.right)) > _POLE * at_ends[cell]
            for kink, cell in zip(kinks, cells, strict=True)
        ):
            return None
        room = ((high - low) / 4).clamp(max=STEP)[cells].tolist()
        true = [
            i
            for i, kink in enumerate(kinks)
            if _stands_alone(g, kink, room[i]) and _lasts(g, kink) and (order < 2 or _is_turn(f, kink, float(scale)))
        ]
        kinks, cells = [kinks[i] for i in true], [cells[i] for i in true]
        new = [kink for kink in kinks if all(_are_apart(kink, other) for other in jumps)]
        jumps += [kink for i, kink in enumerate(new) if i == 0 or _are_apart(kink, new[i - 1])]
        if not new or len(jumps) > MANY:
            break
        low, high = _both_sides(low[cells], high[cells], kinks)
    return jumps


def _stands_alone(g: Function, kink: Kink, length: float) -> bool:
    """Whether g is smooth beside the jump: within 64 widths of its bracket, and but for a few places within a length.

    Rounding noise is not: where terms cancel, as in log(z + sqrt(z^2 + 1)) far on the left, g jumps again and again.
    """
    for spacing, share in ((kink.error, 1.0), (length / 64, 0.8)):
        steps = spacing * torch.arange(2, 66, dtype=torch.float64)
        roughness = torch.cat([g(kink.place + side * steps).diff(n=3).abs() for side in (-1, 1)])
        if not float(roughness.quantile(share)) <= abs(kink.jump) / 8:  # not for nan either
            return False
    return True


def _lasts(g: Function, kink: Kink) -> bool:
    """Whether both sides, each continued to the place by a straight line, differ by the jump.

    Where terms cancel, rounding takes g to a value of its own at one number and back at the next.
    """
    steps = kink.error * torch.tensor([2.0, 4.0], dtype=torch.float64)
    left, right = (2 * near - far for near, far in (g(kink.place + side * steps) for side in (-1, 1)))
    return abs(float(right - left) - kink.jump) <= abs(kink.jump) / 2


def _is_turn(f: Function, kink: Kink, scale: float) -> bool:
    """Whether the derivative below has, on both sides, the slopes that the jump claims.

    It has not where the computed derivative jumps by itself: the slope of log(1 + e^z) holds e^(2z) (1 + e^z)^-2, which
    is 1, yet goes in steps once its second factor is a small multiple of float64's least number. The sides are as short
    as the rounding of the derivative below allows, and `scale` is the size of the one that jumps.
    """
    place, below = kink.place, kink.order - 1
    around = derivative(f, torch.linspace(place - 1, place + 1, 65, dtype=torch.float64), order=below)
    height = around.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0).abs().max()  # torch.where passes a pole on as nan
    rounding = 1e-14 * max(float(height), abs(place) * max(scale, abs(kink.left), abs(kink.right)))
    length = max(1e3 * kink.error, 8 * rounding / abs(kink.jump))
    nodes, weights = (torch.from_numpy(array) for array in np.polynomial.legendre.leggauss(8))
    for side in (-1, 1):
        start, end = place + side * 2 * kink.error, place + side * length
        ends = derivative(f, torch.tensor([start, end], dtype=torch.float64), order=below)
        slope = derivative(f, (start + end) / 2 + (end - start) / 2 * nodes, order=kink.order) @ weights / 2
        if not abs(float(ends.diff()) / (end - start) - float(slope)) <= abs(kink.jump) / 4:  # not for nan either
            return False
    return True


def _locate_jumps(g: Function, low: Tensor, high: Tensor, *, order: int, scale: Tensor) -> tuple[list[Kink], list[int]]:
    """The jumps of g, at most one a cell, and their cells.

    Every pass cuts each cell and keeps the subcell with the largest third difference. A third difference removes a
    local parabola, so a slope does not hide a small jump. A cell is given up where none is as large as that of the
    smallest jump to be found, as in most after two passes. At the last width a smooth function changes as much as in
    the neighbouring subcells, and a function that jumps changes more.
    """
    cell = torch.arange(len(low))
    for _ in range(_PASSES):
        low, high, roughness = _roughest_subcell(g, low, high)
        kept = ~(roughness <= _NOISE * scale / 2)  # nan is kept
        low, high, cell = low[kept], high[kept], cell[kept]
        if not len(cell):
            return [], []
    width = high - low
    values = g(torch.stack([low - width, low, high, high + width]))  # (4, cells)
    changes = values.diff(dim=0)
    excess = changes[1].abs() - 0.8 * (changes[0].abs() + changes[2].abs())
    tolerance = _NOISE * (scale + values[1:3].abs().amax(dim=0))
    found = ((excess > tolerance) & values.isfinite().all(dim=0)).nonzero().flatten().tolist()
    kinks = [
        Kink(order, roundest(float(low[i]), float(high[i])), float(values[1, i]), float(values[2, i]), float(width[i]))
        for i in found
    ]
    return kinks, cell[found].tolist()


def _both_sides(low: Tensor, high: Tensor, kinks: list[Kink]) -> tuple[Tensor, Tensor]:
    """The cells left and right of the kinks, narrowed so that the subcells beside a subcell fit."""
    place = torch.tensor([kink.place for kink in kinks], dtype=torch.float64)
    low, high = torch.cat([low, place]), torch.cat([place, high])
    room = (high - low) / (_SUBCELLS + 2)
    is_wide = high - low > 1e-6 * place.abs().clamp(min=1e-3).repeat(2)
    return (low + room)[is_wide], (high - room)[is_wide]


def _roughest_subcell(g: Function, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """In each cell the subcell with the largest third difference; cells a few spacings of float64 wide are kept.

    Returns the ends of the subcells, and the largest third difference of each cell, nan where one is not finite.
    """
    width = (high - low)[:, None] / _SUBCELLS
    nodes = low[:, None] + width * torch.arange(-1, _SUBCELLS + 2, dtype=torch.float64)
    nodes[:, 1], nodes[:, -2] = low, high
    third = g(nodes.flatten()).view_as(nodes).diff(n=3).abs()
    subcell = third.nan_to_num().argmax(dim=1, keepdim=True)
    spacing = torch.maximum(low.abs(), high.abs()) * torch.finfo(torch.float64).eps
    is_coarse = width[:, 0] > 4 * spacing
    new_low, new_high = (nodes.gather(1, subcell + side).squeeze(1) for side in (1, 2))
    roughness = torch.where(third.isfinite(), third, torch.nan).amax(dim=1)  # amax passes nan on
    return torch.where(is_coarse, new_low, low), torch.where(is_coarse, new_high, high), roughness


def roundest(low: float, high: float) -> float:
    """The number with the fewest decimals in a bracket, since formulas change at 0, 0.5 or 3, not next to them."""
    middle = (low + high) / 2
    return next((x for x in (round(middle, decimals) for decimals in range(16)) if low <= x <= high), middle) + 0.0
