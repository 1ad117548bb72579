"""Where f or one of its derivatives jumps: found without being told, located to a few units in the last place."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from actbench.functions.properties import DENSE, Function, derivative, finite_part, nodes_of

HIGHEST_ORDER = 3  # f, f', f'' and f''' are searched
SEAM = 2.0**-23  # float32's spacing at 1
MANY = 32  # more of anything than this are a pattern read on a finite grid: not counted
_PARTS = 16
_ROUNDS = 4  # a cell is searched again on both sides of a kink found in it
_PASSES = 12  # STEP / 16^12 is below float64's spacing at 1
_POLE = 1e6  # a one-sided value beyond this multiple of its cell's ends grew as the place was closed in on
_NOISE = 1e-11  # a jump below this share of the scale cannot be told from rounding


@dataclass(frozen=True)
class Kink:
    """A place where the derivative of that order jumps and no lower one does (order 0 is f itself).

    `left` and `right` are the one-sided values of that derivative. A seam is a jump that float32 cannot resolve,
    as where an implementation goes over from a formula to its asymptote.
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
    """All kinks from left to right, and the highest derivative that could be searched (-1: none)."""

    found: tuple[Kink, ...]
    searched: int

    @property
    def real(self) -> tuple[Kink, ...]:
        """Those that are no seams."""
        return tuple(kink for kink in self.found if not kink.is_seam)

    @property
    def seams(self) -> tuple[Kink, ...]:
        return tuple(kink for kink in self.found if kink.is_seam)

    @property
    def continuity(self) -> int:
        """The order of the highest derivative that is continuous, as far as searched; -1 where f itself jumps."""
        return min((kink.order - 1 for kink in self.real), default=self.searched)


def find_kinks(f: Function) -> Kinks:
    """The kinks of f up to HIGHEST_ORDER, MANY of an order and a few more where there are more.

    The search ends where autograd has no derivative, and before a derivative that may be unbounded.
    """
    found: list[Kink] = []
    for order in range(HIGHEST_ORDER + 1):
        try:
            new = _jumps(f, order)
        except (RuntimeError, NotImplementedError):  # autograd has no derivative of this order for this f
            return Kinks(_in_order(found), order - 1)
        if new is None:
            return Kinks(_in_order(found), max(order - 2, 0))
        found += [kink for kink in new if all(_apart(kink, lower) for lower in found)]
    return Kinks(_in_order(found), HIGHEST_ORDER)


def _in_order(found: list[Kink]) -> tuple[Kink, ...]:
    return tuple(sorted(found, key=lambda kink: kink.place))


def _apart(one: Kink, other: Kink) -> bool:
    return abs(one.place - other.place) > 1e-9 * max(1.0, abs(one.place))


def _jumps(f: Function, order: int) -> list[Kink] | None:
    """The jumps of one derivative, or None where it jumps between infinities, as 1 / z does."""

    def g(x: Tensor) -> Tensor:
        return derivative(f, x, order=order)

    # Off the round numbers: at a kink itself autograd delivers either side or something between (0 for |z|).
    z, value = finite_part(nodes_of(f) * (1 + 1e-5 * math.pi) + 1e-7 / math.pi, g)
    scale = value[z.abs() <= DENSE].abs().nan_to_num(posinf=0.0).max()
    found: list[Kink] = []
    low, high = z[:-1], z[1:]
    for _ in range(_ROUNDS):
        local = torch.maximum(g(low).abs(), g(high).abs()).clamp(min=scale)
        kinks, cells = _closed_in(g, low, high, order=order, scale=scale)
        if any(
            max(abs(kink.left), abs(kink.right)) > _POLE * local[cell] for kink, cell in zip(kinks, cells, strict=True)
        ):
            return None
        new = [kink for kink in kinks if all(_apart(kink, other) for other in found)]
        found += [kink for i, kink in enumerate(new) if i == 0 or _apart(kink, new[i - 1])]
        if not new or len(found) > MANY:
            break
        low, high = _halves(low[cells], high[cells], kinks)
    return found


def _closed_in(g: Function, low: Tensor, high: Tensor, *, order: int, scale: Tensor) -> tuple[list[Kink], list[int]]:
    """The jumps of g, at most one a cell, and their cells.

    Every cell is cut again and again, keeping the part with the largest third difference, which removes a local
    parabola: a small jump is not hidden by a slope. At the last width a smooth function changes as it does in the
    neighbouring parts, a jump by more.
    """
    for _ in range(_PASSES):
        low, high = _standing_out(g, low, high)
    width = high - low
    around = g(torch.stack([low - width, low, high, high + width]))
    change = around.diff(dim=0)
    excess = change[1].abs() - 0.8 * (change[0].abs() + change[2].abs())
    tolerance = _NOISE * (scale + around[1:3].abs().amax(dim=0))
    cells = ((excess > tolerance) & around.isfinite().all(dim=0)).nonzero().flatten().tolist()
    kinks = [
        Kink(order, roundest(float(low[i]), float(high[i])), float(around[1, i]), float(around[2, i]), float(width[i]))
        for i in cells
    ]
    return kinks, cells


def _halves(low: Tensor, high: Tensor, kinks: list[Kink]) -> tuple[Tensor, Tensor]:
    """What is left of the cells on both sides of their kinks, with room for the parts beside a part."""
    place = torch.tensor([kink.place for kink in kinks], dtype=torch.float64)
    low, high = torch.cat([low, place]), torch.cat([place, high])
    room = (high - low) / (_PARTS + 2)
    wide = high - low > 1e-6 * place.abs().clamp(min=1e-3).repeat(2)
    return (low + room)[wide], (high - room)[wide]


def _standing_out(g: Function, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Of each cell the part with the largest third difference; a cell a few spacings of float64 wide stays."""
    width = (high - low)[:, None] / _PARTS
    nodes = low[:, None] + width * torch.arange(-1, _PARTS + 2, dtype=torch.float64)
    nodes[:, 1], nodes[:, -2] = low, high
    part = g(nodes.flatten()).view_as(nodes).diff(n=3).abs().nan_to_num().argmax(dim=1, keepdim=True)
    spacing = torch.maximum(low.abs(), high.abs()) * torch.finfo(torch.float64).eps
    coarse = width[:, 0] > 4 * spacing
    new_low, new_high = (nodes.gather(1, part + side).squeeze(1) for side in (1, 2))
    return torch.where(coarse, new_low, low), torch.where(coarse, new_high, high)


def roundest(low: float, high: float) -> float:
    """The number with the fewest decimals in a bracket: formulas change at 0, 0.5 or 3, not at their neighbours."""
    middle = (low + high) / 2
    return next((x for x in (round(middle, decimals) for decimals in range(16)) if low <= x <= high), middle) + 0.0
