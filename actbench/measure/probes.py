"""The measures of a layer: pure functions from the trace of a layer to a number, each with its formula and source.

A new probe is one function with an entry in PROBES and a column in tables.schema.LAYERS.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor, nn

from actbench.functions import properties, saturation
from actbench.measure.environment import in_float64
from actbench.measure.trace import Activation, LayerTrace

_MISSING = torch.tensor(math.nan)


@dataclass(frozen=True)
class Bounds:
    """The bounds of f: |f'| < ε sup|f'| outside [z_lo, z_hi], and f lies in [low, high]."""

    z_lo: float
    z_hi: float
    low: float
    high: float


def bounds_of(f: nn.Module, *, epsilon: float) -> Bounds:
    """The bounds of f with its present parameters."""
    return Bounds(*saturation.saturation_thresholds(f, epsilon=epsilon), *properties.value_range(f))


def saturation_low(t: LayerTrace, b: Bounds) -> Tensor:
    """P(z < z_lo); missing where f has no threshold (sup|f'| infinite under N(0, 1) too)."""
    return _MISSING if math.isnan(b.z_lo) else t.share(torch.lt, b.z_lo).mean()


def saturation_high(t: LayerTrace, b: Bounds) -> Tensor:
    """P(z > z_hi); missing where f has no threshold."""
    return _MISSING if math.isnan(b.z_hi) else t.share(torch.gt, b.z_hi).mean()


def saturated_units(t: LayerTrace, b: Bounds) -> Tensor:
    """Share of units with at least 95 % of their pre-activations below z_lo, or at least 95 % above z_hi."""
    low, high = t.share(torch.lt, b.z_lo), t.share(torch.gt, b.z_hi)
    return in_float64((low >= 0.95) | (high >= 0.95)).mean()


def dead(t: LayerTrace, b: Bounds) -> Tensor:
    """Share of units with max |f'(z)| < 1e-6 over the batch."""
    steepest = torch.zeros(t.z.shape[1], device=t.z.device)
    for slope in t.slopes():
        # One axis at a time, in memory order: amax((0, 2)) of a channels-last feature map takes ten times as long.
        steepest = torch.maximum(steepest, slope.abs().transpose(1, 2).amax(0).amax(0))
        if (steepest >= 1e-6).all():  # no unit is dead
            break
    return in_float64(steepest < 1e-6).mean()


def constant(t: LayerTrace, b: Bounds) -> Tensor:
    """Share of units whose standard deviation over inputs is below 1e-3 of the layer's RMS."""
    variance = t.covariance.diagonal()
    # "At most" instead of "below", so that a layer whose outputs are all zero is constant.
    return (variance.sqrt() <= 1e-3 * (variance + in_float64(t.mean).square()).mean().sqrt()).double().mean()


def phi(t: LayerTrace, b: Bounds) -> Tensor:
    """E|2 (a − inf f)/(sup f − inf f) − 1| for bounded f, else missing (after Rakitianskaia & Engelbrecht 2015)."""
    if not math.isfinite(b.high - b.low) or b.high == b.low:
        return _MISSING
    return (2 * (t.a - b.low) / (b.high - b.low) - 1).abs().mean()


def out_mean(t: LayerTrace, b: Bounds) -> Tensor:
    """E a."""
    return t.mean.mean()


def out_bias(t: LayerTrace, b: Bounds) -> Tensor:
    """Square root of the mean over units of (E_x a_u)²."""
    return t.mean.square().mean().sqrt()


def out_std(t: LayerTrace, b: Bounds) -> Tensor:
    """Standard deviation of a."""
    return t.std


def out_ratio(t: LayerTrace, b: Bounds) -> Tensor:
    """out_bias / out_std."""
    return out_bias(t, b) / t.std


def bias_shift(t: LayerTrace, b: Bounds) -> Tensor:
    """std of W μ over units / std(z) in the next layer, μ = E_x a.

    W μ is computed as the mean of W a, so it includes pooling.
    """
    if t.next_y is None or t.next_bias is None:
        return _MISSING
    return (t.next_y.mean((0, 2)) - t.next_bias).std(correction=0) / t.next_y.std(correction=0)


def grad_rms(t: LayerTrace, b: Bounds) -> Tensor:
    """RMS of ∂L/∂z, where L is the sum of the per-sample losses."""
    return t.dz_norms.l2 / math.sqrt(t.dz.numel())


def grad_zero(t: LayerTrace, b: Bounds) -> Tensor:
    """Share of exactly zero entries of ∂L/∂z."""
    return t.dz_norms.zero_share


def grad_hoyer(t: LayerTrace, b: Bounds) -> Tensor:
    """Hoyer sparsity (Hoyer 2004) of ∂L/∂z: (√n − ‖·‖₁/‖·‖₂)/(√n − 1), 0 for equal entries, 1 for one nonzero.

    The sums are in float32, accurate to 3e-5 on the 1.6 million entries of a small CNN's first layer.
    """
    # Not sparsity.hoyer, which needs a vector: flattening a channels-last feature map copies it.
    root = math.sqrt(t.dz.numel())
    return (root - t.dz_norms.l1 / t.dz_norms.l2) / (root - 1)


def update_ratio(t: LayerTrace, b: Bounds) -> Tensor:
    """‖ΔW‖/‖W‖ of the last update of the weight that feeds the layer; missing before the first."""
    if t.weight_before is None:
        return _MISSING
    return (t.weight - t.weight_before).norm() / t.weight.norm()


def rank(t: LayerTrace, b: Bounds) -> Tensor:
    """Effective rank (Roy & Vetterli 2007) / width: exp H(σ/Σσ) / width, σ the singular values of the centred outputs.

    The eigenvalues of the covariance over units are σ², up to a factor.
    """
    sigma = torch.linalg.eigvalsh(t.covariance).clamp(min=0).sqrt()
    share = sigma / sigma.sum()
    return torch.special.entr(share).sum().exp() / len(share)


def w2_normal(t: LayerTrace, b: Bounds) -> Tensor:
    """sqrt(μ² + (σ − 1)²) of the layer's output: its distance to N(0, 1) (Klambauer et al. 2017)."""
    return torch.hypot(t.mean.mean(), t.std - 1)


PROBES: dict[str, Callable[[LayerTrace, Bounds], Tensor]] = {
    probe.__name__: probe
    for probe in (
        saturation_low, saturation_high, saturated_units, dead, constant, phi,
        out_mean, out_bias, out_std, out_ratio, bias_shift,
        grad_rms, grad_zero, grad_hoyer, update_ratio, rank, w2_normal,
    )
}  # fmt: skip


# Those that depend on the bounds of f: where each unit has its own, they are the mean over the units.
_BY_UNIT = ("saturation_low", "saturation_high", "saturated_units", "phi")


def measure(t: LayerTrace, *, bounds: Callable[[Activation], list[Bounds]]) -> dict[str, float]:
    """Every probe of one layer, missing where the layer is not finite; `bounds` are those of the layer's functions."""
    if not t.is_finite:
        return dict.fromkeys(PROBES, math.nan)
    with torch.no_grad():
        of_functions = bounds(t.f)
        values = {name: float(probe(t, of_functions[0])) for name, probe in PROBES.items()}
        if len(of_functions) > 1:
            units = [(t.of_unit(index), b) for index, b in enumerate(of_functions)]
            values |= {name: fmean(float(PROBES[name](unit, b)) for unit, b in units) for name in _BY_UNIT}
        return values


def act_parameters(layer: Activation) -> dict[str, float]:
    """The learned parameters of an activation layer: `act.<parameter>`, entries of a vector as `act.<parameter>[i]`.

    Of a parameter that every unit has its own of, this is the mean over the units, and `act.<parameter>.std` is their
    standard deviation.
    """
    by_unit = layer.parameters_by_unit()
    values = {name.removeprefix("f."): p.detach() for name, p in layer.named_parameters()}
    values |= {name: p.mean(0) for name, p in by_unit.items()}
    values |= {f"{name}.std": p.std(0, correction=0) for name, p in by_unit.items()}
    return {
        f"act.{name}" if p.numel() == 1 else f"act.{name}[{i}]": entry
        for name, p in values.items()
        for i, entry in enumerate(p.flatten().tolist())
    }


def log_spaced(*, num_steps: int, steps_per_epoch: int, per_decade: int) -> set[int]:
    """Step 0, the steps 10^(k / per_decade), rounded, and the last step."""
    decades = per_decade * math.log10(num_steps) if num_steps else -1
    return {0, num_steps} | {round(10 ** (k / per_decade)) for k in range(math.floor(decades) + 1)}


def every_epoch(*, num_steps: int, steps_per_epoch: int) -> set[int]:
    """Step 0 and the last step of each epoch."""
    return set(range(0, num_steps + 1, steps_per_epoch))


def never(*, num_steps: int, steps_per_epoch: int) -> set[int]:
    """No step."""
    return set()
