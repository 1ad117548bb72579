"""Functions that are called identical: where two computations of them differ, input by input, in each float type.

A new identity is one entry of IDENTITIES, a new overflow one of OVERFLOWS. Both sides get the same tensor and compute
in its type.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from actbench.catalogue import entries
from actbench.functions.properties import Function, derivative

# The integer type that holds the bits of each float type.
DTYPES = {
    torch.float64: torch.int64,
    torch.float32: torch.int32,
    torch.bfloat16: torch.int16,
    torch.float16: torch.int16,
}
NEAR = 100.0  # absolute differences are reported up to here; farther out the rounding of z itself dominates
_NAMED = (0.0, 1.0, 3.0, 10.0, 20.0, 88.0, 89.0, 100.0)  # with both signs
_SPREAD = 2**19  # values of each sign in a type with too many to use them all
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848, 1.0507009873554804934  # Klambauer et al. 2017, eq. 14


@dataclass(frozen=True)
class Identity:
    """f ≡ g as a claim states it; each side is built for a type, since modules hold their parameters in it."""

    title: str
    claim: str
    f: Callable[[torch.dtype], Function]
    g: Callable[[torch.dtype], Function]


def _of(name: str, **parameters: Any) -> Callable[[torch.dtype], Function]:
    """An activation of conf/act/."""

    def build(dtype: torch.dtype) -> Function:
        f = entries.load(name, parameters).f
        return f.to(dtype) if isinstance(f, nn.Module) else f

    return build


def _formula(f: Function) -> Callable[[torch.dtype], Function]:
    return lambda _: f


def _slope_of(name: str, **parameters: Any) -> Callable[[torch.dtype], Function]:
    """The derivative of an activation of conf/act/, by autograd."""
    return lambda dtype: lambda z: derivative(_of(name, **parameters)(dtype), z)


IDENTITIES = (
    Identity("leaky_relu(0) = relu", "C07", _of("leaky_relu", negative_slope=0.0), _of("relu")),
    Identity("prelu(0.01) = leaky_relu(0.01)", "C08", _of("prelu", init=0.01), _of("leaky_relu", negative_slope=0.01)),
    Identity("celu(1) = elu(1)", "C10", _of("celu", alpha=1.0), _of("elu", alpha=1.0)),
    Identity(
        "selu = scale · elu(alpha)", "C11", _of("selu"), _formula(lambda z: _SELU_SCALE * F.elu(z, alpha=_SELU_ALPHA))
    ),
    Identity(
        "hardtanh(−∞, ∞) = identity", "C19", _of("hardtanh", min_val=-math.inf, max_val=math.inf), _of("identity")
    ),
    Identity("swish(1) = silu", "C20", _of("swish", beta=1.0), _of("silu")),
    Identity("σ(z) = 1 − σ(−z)", "C17", _of("sigmoid"), _formula(lambda z: 1 - torch.sigmoid(-z))),
    Identity("softplus(1)′ = σ(z)", "C21", _slope_of("softplus", beta=1.0), _formula(torch.sigmoid)),
    Identity("softplus(2)′ = σ(2z)", "C21", _slope_of("softplus", beta=2.0), _formula(lambda z: torch.sigmoid(2 * z))),
    Identity("mish = z tanh(softplus(z))", "C22", _of("mish"), _formula(lambda z: z * F.softplus(z).tanh())),
    Identity(
        "gelu = z Φ(z) = z (1 + erf(z/√2)) / 2", "C23", _of("gelu"),
        _formula(lambda z: z * (0.5 * (1 + torch.erf(z * 0.5**0.5)))),
    ),
)  # fmt: skip
OVERFLOWS: dict[str, Function] = {
    "log(1 + e^z)": lambda z: torch.log(1 + torch.exp(z)),
    "softplus(z), threshold = ∞": lambda z: F.softplus(z, threshold=math.inf),
    "softplus(z), threshold = 20": lambda z: F.softplus(z, threshold=20.0),
}


def inputs(dtype: torch.dtype) -> Tensor:
    """The values of a type at which two functions are compared, in rising order, finite and each once.

    For float16 and bfloat16, all values. For float32 and float64, those values, ±0, 1, 3, 10, 20, 88, 89, 100, and for
    each sign 2^19 values equally spaced in their order, so that every binade has the same number.
    """
    bits = DTYPES[dtype]
    if dtype in (torch.float16, torch.bfloat16):
        values = torch.arange(-(2**15), 2**15, dtype=bits).view(dtype)
        return values[values.isfinite()].sort().values
    largest = int(torch.tensor(torch.finfo(dtype).max, dtype=dtype).view(bits))
    positive = torch.cat([
        torch.arange(_SPREAD, dtype=bits).mul(largest // _SPREAD).view(dtype), torch.tensor(_NAMED, dtype=dtype)
    ])  # fmt: skip
    short = [inputs(narrow).to(dtype) for narrow in (torch.float16, torch.bfloat16)]
    return torch.cat([positive, -positive, *short]).view(bits).unique().view(dtype).sort().values


def identities() -> pd.DataFrame:
    """Columns identity, claim, dtype, num, num_different, max_ulp, place and max_abs_difference.

    `num` inputs are compared; for `num_different` of them the two outputs differ in their bits (−0 differs from 0). The
    largest difference is `max_ulp` spacings of the type, at z = `place`; on |z| <= 100 it is `max_abs_difference`,
    taken in float64.
    """
    inputs_by_dtype = {dtype: inputs(dtype) for dtype in DTYPES}
    rows = [
        {"identity": identity.title, "claim": identity.claim, "dtype": _name(dtype)}
        | compare(identity.f(dtype), identity.g(dtype), z)
        for identity in IDENTITIES
        for dtype, z in inputs_by_dtype.items()
    ]
    return pd.DataFrame(rows)


def compare(f: Function, g: Function, z: Tensor) -> dict[str, float]:
    """The differences of f(z) and g(z), computed in the type of z: the numbers of a row of `identities`."""
    with torch.no_grad():
        left, right = f(z.clone()), g(z.clone())
    bits = DTYPES[z.dtype]
    is_same = ((left.view(bits) == right.view(bits)) | (left.isnan() & right.isnan())).numpy()
    ulp = np.where(is_same, 0, ulps(left, right))
    is_counted = (z.abs() <= NEAR).numpy() & ~is_same
    differences = (left.double() - right.double()).abs().numpy()[is_counted]
    return {
        "num": len(z),
        "num_different": int((~is_same).sum()),
        "max_ulp": float(ulp.max()),
        "place": float(z[int(ulp.argmax())]) if ulp.any() else math.nan,
        "max_abs_difference": float(differences.max(initial=0.0)),
    }


def ulps(left: Tensor, right: Tensor) -> np.ndarray:
    """The number of values of their type from one to the other: 0 from −0 to 0, 1 to a neighbour."""
    a, b = _indices(left), _indices(right)
    return np.maximum(a, b).astype(np.uint64) - np.minimum(a, b).astype(np.uint64)  # exact even where int64 overflows


def overflows() -> pd.DataFrame:
    """Columns form, dtype, largest_finite: the largest z at which a form that grows with z is finite in that type."""
    rows = [
        {"form": form, "dtype": _name(dtype), "largest_finite": largest_finite(f, dtype)}
        for form, f in OVERFLOWS.items()
        for dtype in DTYPES
    ]
    return pd.DataFrame(rows)


def largest_finite(f: Function, dtype: torch.dtype) -> float:
    """The largest z of the type, from 1 on, at which f is finite, by bisection over its values in their order."""
    low, high = (int(torch.tensor(z, dtype=dtype).view(DTYPES[dtype])) for z in (1.0, torch.finfo(dtype).max))

    def value_of(bits: int) -> Tensor:
        return torch.tensor([bits], dtype=DTYPES[dtype]).view(dtype)

    if f(value_of(high)).isfinite():
        return float(value_of(high))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if f(value_of(middle)).isfinite() else (low, middle)
    return float(value_of(low))


def _indices(values: Tensor) -> np.ndarray:
    """The index of each value in the order of its type, with 0 and −0 at 0."""
    bits = values.view(DTYPES[values.dtype]).numpy()
    return np.where(bits < 0, np.iinfo(bits.dtype).min - bits.astype(np.int64), bits)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
