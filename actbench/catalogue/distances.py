"""Distances between functions that are called alike: sup|f - g| along a parameter, with its closed form.

The pairs are those of the article's claims (C09, C12, C15, C20, C21).
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from actbench.catalogue import entries
from actbench.functions.properties import Function, derivative, find_maximum, finite_part, grid, prepare

# t / (1 + e^t), the distance of z sigmoid(z) from max(0, z), is largest at t = 1 + w, where it is w = e^(-1 - w).
_SWISH = functools.reduce(lambda w, _: math.exp(-1 - w), range(64), 0.0)


@dataclass(frozen=True)
class Pair:
    """f and g of one parameter, compared on |z| <= edge; `closed_form` gives the distance for a parameter."""

    title: str
    parameter: str
    settings: tuple[float, ...]
    f: Callable[[float], Function]
    g: Callable[[float], Function]
    closed_form: Callable[[float], float] | None = None
    edge: float = 1e3


def _of(name: str, parameter: str) -> Callable[[float], Function]:
    return functools.cache(lambda setting: entries.load(name, {parameter: setting}).f)


def _fixed(name: str, **parameters: object) -> Callable[[float], Function]:
    load = functools.cache(lambda: entries.load(name, parameters).f)
    return lambda _: load()


def _logarithmic(low: float, high: float) -> tuple[float, ...]:
    return tuple(np.geomspace(low, high, 13).tolist())


PAIRS = (
    Pair("ELU → ReLU", "alpha", _logarithmic(0.01, 2), _of("elu", "alpha"), _fixed("relu"), lambda alpha: alpha),
    Pair(
        "Softplus → ReLU", "beta", _logarithmic(0.5, 50), _of("softplus", "beta"), _fixed("relu"),
        lambda beta: math.log(2) / beta,
    ),
    Pair(
        "Swish → ReLU", "beta", _logarithmic(0.5, 50), _of("swish", "beta"), _fixed("relu"),
        lambda beta: _SWISH / beta,
    ),
    # |z sigmoid(beta z) - z/2| = |z| tanh(beta |z| / 2) / 2 grows with |z|: without an edge it has no bound.
    Pair(
        "Swish → z/2 on |z| ≤ 3", "beta", _logarithmic(0.01, 2), _of("swish", "beta"), _fixed("swish", beta=0.0),
        lambda beta: 1.5 * math.tanh(1.5 * beta), edge=3.0,
    ),
    Pair(
        "Swish ~ GELU", "beta", (*np.linspace(1.3, 2.3, 21).tolist(), 1.702), _of("swish", "beta"), _fixed("gelu"),
    ),
    Pair("GELU's tanh form ~ GELU", "", (math.nan,), _fixed("gelu", approximate="tanh"), _fixed("gelu")),
    Pair("GELU's sigmoid form ~ GELU", "", (math.nan,), _fixed("gelu_sigmoid"), _fixed("gelu")),
    Pair(
        "Hard sigmoid ~ σ(scale z)", "scale", (*np.linspace(0.4, 1.2, 16).tolist(), 1.0),
        _fixed("hardsigmoid"), lambda scale: lambda z: torch.sigmoid(scale * z),
    ),
)  # fmt: skip


def distances() -> pd.DataFrame:
    """Columns pair, parameter, setting, order (0: f, 1: f'), distance, place, closed_form and deviation.

    `closed_form` is nan where none is known; `deviation` is the distance less its closed form.
    """
    rows = [
        {
            "pair": pair.title,
            "parameter": pair.parameter,
            "setting": setting,
            "order": order,
            **dict(zip(("distance", "place"), distance(pair, setting, order=order), strict=True)),
            "closed_form": pair.closed_form(setting) if pair.closed_form and order == 0 else math.nan,
        }
        for pair in PAIRS
        for setting in sorted(pair.settings)
        for order in (0, 1)
    ]
    return pd.DataFrame(rows).assign(deviation=lambda table: table["distance"] - table["closed_form"])


def distance(pair: Pair, setting: float, *, order: int = 0) -> tuple[float, float]:
    """(sup |f - g| over |z| <= edge, its place), of the functions (order 0) or of their derivatives (order 1)."""
    f, g = prepare(pair.f(setting)), prepare(pair.g(setting))

    def difference(z: Tensor) -> Tensor:
        return (derivative(f, z, order=order) - derivative(g, z, order=order)).abs()

    nodes = grid()
    return find_maximum(difference, *finite_part(nodes[nodes.abs() <= pair.edge], difference))
