"""f, f' and f'' as tables of points: at the defaults, and as a family along each parameter."""

from typing import Any

import pandas as pd
import torch

from actbench.catalogue import entries
from actbench.catalogue.entries import NamedFunction
from actbench.functions.properties import Function, derivative, prepare

EDGE = 8.0
_STEP = 1 / 32


def curves_of(activation: NamedFunction) -> pd.DataFrame:
    """Columns function, parameter, setting (nan for the defaults), order, z, value (float32, enough to draw)."""
    frames = _sampled(activation.f, function=activation.name, parameter="", setting=float("nan"), orders=(0, 1, 2))
    for parameter, default in activation.parameters.items():
        for setting in family(default):
            try:
                varied = entries.load(activation.name, {**activation.parameters, parameter: setting})
            except (ValueError, AssertionError):  # the activation does not allow this setting
                continue
            labels = {"function": activation.name, "parameter": parameter, "setting": setting}
            frames += _sampled(varied.f, **labels, orders=(0, 1))
    return pd.concat(frames, ignore_index=True)


def family(default: Any) -> list[float]:
    """Settings around a default whose curves differ visibly on |z| <= EDGE; none if the default is not a number.

    They raise a small slope, bring a distant threshold near, and lie on both sides of a default of 0.
    """
    if isinstance(default, bool) or not isinstance(default, int | float):
        return []
    if default == 0:
        return [-1.0, -0.5, 0.0, 0.5, 1.0]
    factors = (
        (1, 3, 10, 30) if abs(default) < 0.1 else (0.05, 0.1, 0.25, 1) if abs(default) > EDGE else (0.25, 0.5, 1, 2, 4)
    )
    return [float(default) * factor for factor in factors]


def _sampled(f: Function, *, orders: tuple[int, ...], **labels: Any) -> list[pd.DataFrame]:
    f = prepare(f)
    # Between the round numbers, where formulas change: a line then runs from one side of a jump to the other.
    z = torch.arange(-EDGE, EDGE, _STEP, dtype=torch.float64) + _STEP / 2
    frames = []
    for order in orders:
        try:
            value = derivative(f, z, order=order)
        except (RuntimeError, NotImplementedError):  # no derivative of this order, or f rejects the setting
            continue
        frames.append(pd.DataFrame({**labels, "order": order, "z": z.float().numpy(), "value": value.float().numpy()}))
    return frames
