"""f and f' at the points that the article's claims name (C04 to C06, C10, C14, C18, C21), at kinks on both sides.

A new point is one entry of POINTS.
"""

import math
from dataclasses import dataclass, replace

import pandas as pd
import torch

from actbench.catalogue import entries
from actbench.functions.properties import Function, derivative, prepare, value_range

_EPSILON = torch.finfo(torch.float64).eps
_FORMULAS = {
    ("value", 0): "f(z)",
    ("value", 1): "f ′(z)",
    ("forward_difference", 1): "(f(z + h) − f(z)) / h",
    ("below_sup", 0): "sup f − f(z)",
    ("jump", 0): "f(z+) − f(z−)",
    ("jump", 1): "f ′(z+) − f ′(z−)",
}


@dataclass(frozen=True)
class Point:
    """One number to compute of a function.

    Attributes:
        function: The name of the function in conf/act/.
        z: The point.
        order: 0 for f, 1 for f'.
        side: `left` or `right` for the limit from that side of z, empty for z itself.
        parameter, setting: The parameter that is not at its default, if any, and its value.
        quantity: `value`; `jump`, the limit from the right less that from the left; `forward_difference`,
            (f(z + h) − f(z)) / h, which is of order 1; `below_sup`, sup f − f(z).
        h: The step of a forward difference.
    """

    function: str
    z: float
    order: int = 0
    side: str = ""
    parameter: str = ""
    setting: float = math.nan
    quantity: str = "value"
    h: float = math.nan


def _sides(function: str, z: float, *orders: int, parameter: str = "", setting: float = math.nan) -> list[Point]:
    """Both sides of a kink or a jump, and the size of the jump."""
    kinds = (("left", "value"), ("right", "value"), ("", "jump"))
    return [Point(function, z, order, side, parameter, setting, kind) for order in orders for side, kind in kinds]


POINTS = (
    *_sides("binary_step", 0.0, 0, 1),
    *_sides("relu", 0.0, 1),
    *_sides("relu6", 0.0, 1),
    *_sides("relu6", 6.0, 1),
    *(Point("relu6", z, order=1) for z in (7.0, 100.0)),
    *(
        point
        for name in ("elu", "celu")
        for alpha in (0.01, 0.1, 0.5, 1.0, 2.0)
        for point in _sides(name, 0.0, 1, parameter="alpha", setting=alpha)
    ),
    *(Point("sigmoid", z, order=1) for z in (1.0, 20.0)),
    *(Point("sigmoid", z, order=1, quantity="forward_difference", h=1e-3) for z in (1.0, 20.0)),
    *(Point(name, z, quantity="below_sup") for name in ("tanh", "softsign") for z in (3.0, 10.0)),
    *(point for t in (5.0, 10.0, 20.0) for point in _sides("softplus", t, 0, 1, parameter="threshold", setting=t)),
)  # fmt: skip


def points() -> pd.DataFrame:
    """Columns function, parameter, setting, quantity, order, side, z, h, formula, value and error (a bound)."""
    return pd.DataFrame([_row(point) for point in POINTS])


def _row(point: Point) -> dict:
    f = prepare(entries.load(point.function, {point.parameter: point.setting} if point.parameter else {}).f)
    value, error = _QUANTITIES[point.quantity](f, point)
    keys = ("function", "parameter", "setting", "quantity", "order", "side", "z", "h")
    formula = _FORMULAS[point.quantity, point.order]
    return {key: getattr(point, key) for key in keys} | {"formula": formula, "value": value, "error": error}


def _value(f: Function, point: Point) -> tuple[float, float]:
    """The value at z, or for a side at the float64 next to z, which is as near to the limit as float64 comes."""
    z = torch.tensor([point.z], dtype=torch.float64)
    if point.side:
        z = z.nextafter(torch.full_like(z, math.inf if point.side == "right" else -math.inf))
    value = derivative(f, z, order=point.order).item()
    return value, 4 * _EPSILON * max(1.0, abs(value), abs(point.z) if point.side else 0.0)


def _jump(f: Function, point: Point) -> tuple[float, float]:
    left, right = (_value(f, replace(point, side=side)) for side in ("left", "right"))
    return right[0] - left[0], right[1] + left[1]


def _forward_difference(f: Function, point: Point) -> tuple[float, float]:
    """The difference quotient as float64 computes it; its error is the rounding of f, which 1 / h magnifies."""
    ends = f(torch.tensor([point.z, point.z + point.h], dtype=torch.float64)).detach()
    return float(ends.diff() / point.h), 2 * _EPSILON * max(1.0, float(ends.abs().max())) / point.h


def _below_sup(f: Function, point: Point) -> tuple[float, float]:
    supremum, value = value_range(f)[1], f(torch.tensor([point.z], dtype=torch.float64)).item()
    return supremum - value, 1e-12 * max(1.0, abs(supremum))


_QUANTITIES = {"value": _value, "jump": _jump, "forward_difference": _forward_difference, "below_sup": _below_sup}
