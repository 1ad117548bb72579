"""The measures of a layer: pure functions, trace of a layer -> number. Definitions and sources: measures.md.

A new probe is one function with an entry in PROBES and its column in tables.LAYERS.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from actbench.functions import properties
from actbench.measure.trace import LayerTrace

_MISSING = torch.tensor(math.nan)


@dataclass(frozen=True)
class Shape:
    """What the probes need to know of f itself: outside [z_lo, z_hi] |f'| < ε sup|f'|; f lies in [low, high]."""

    z_lo: float
    z_hi: float
    low: float
    high: float


def shape_of(f: nn.Module, *, epsilon: float) -> Shape:
    """The shape of f with its present parameters."""
    return Shape(*properties.saturation_thresholds(f, epsilon=epsilon), *properties.value_range(f))


def saturation_low(t: LayerTrace, s: Shape) -> Tensor:
    """P(z < z_lo); missing where f has no threshold (sup|f'| infinite under N(0, 1) too)."""
    return _MISSING if math.isnan(s.z_lo) else t.share(torch.lt, s.z_lo).mean()


def saturation_high(t: LayerTrace, s: Shape) -> Tensor:
    """P(z > z_hi); missing where f has no threshold."""
    return _MISSING if math.isnan(s.z_hi) else t.share(torch.gt, s.z_hi).mean()


def saturated_units(t: LayerTrace, s: Shape) -> Tensor:
    """Share of units with at least 95 % of their pre-activations beyond one and the same end."""
    low, high = t.share(torch.lt, s.z_lo), t.share(torch.gt, s.z_hi)
    return ((low >= 0.95) | (high >= 0.95)).double().mean()


def dead(t: LayerTrace, s: Shape) -> Tensor:
    """Share of units with max |f'(z)| < 1e-6 over the batch."""
    steepest = torch.zeros(t.z.shape[1], device=t.z.device)
    for slope in t.slopes():
        # By axes in the order of feature maps stored channels last, of which amax((0, 2)) takes ten times as long.
        steepest = torch.maximum(steepest, slope.abs().transpose(1, 2).amax(0).amax(0))
        if (steepest >= 1e-6).all():  # nothing left that could be dead
            break
    return (steepest < 1e-6).double().mean()


def constant(t: LayerTrace, s: Shape) -> Tensor:
    """Share of units whose standard deviation over inputs is below 1e-3 of the layer's RMS."""
    variance = t.covariance.diagonal()
    # Not "below" but "at most": a layer whose outputs are all zero is constant.
    return (variance.sqrt() <= 1e-3 * (variance + t.mean.double().square()).mean().sqrt()).double().mean()


def phi(t: LayerTrace, s: Shape) -> Tensor:
    """E|2 (a − inf f)/(sup f − inf f) − 1| for bounded f, else missing (after Rakitianskaia & Engelbrecht 2015)."""
    if not math.isfinite(s.high - s.low) or s.high == s.low:
        return _MISSING
    return (2 * (t.a - s.low) / (s.high - s.low) - 1).abs().mean()


def out_mean(t: LayerTrace, s: Shape) -> Tensor:
    """E a."""
    return t.mean.mean()


def out_bias(t: LayerTrace, s: Shape) -> Tensor:
    """sqrt of the mean over units of (E_x a_u)²."""
    return t.mean.square().mean().sqrt()


def out_std(t: LayerTrace, s: Shape) -> Tensor:
    """Standard deviation of a."""
    return t.std


def out_ratio(t: LayerTrace, s: Shape) -> Tensor:
    """out_bias / out_std."""
    return out_bias(t, s) / t.std


def bias_shift(t: LayerTrace, s: Shape) -> Tensor:
    """std over units of (W μ) / std(z) in the next layer, μ = E_x a: W μ is the mean of W a, so pooling is included."""
    if t.next_y is None or t.next_bias is None:
        return _MISSING
    return (t.next_y.mean((0, 2)) - t.next_bias).std(correction=0) / t.next_y.std(correction=0)


def grad_rms(t: LayerTrace, s: Shape) -> Tensor:
    """RMS of ∂L/∂z, per-sample losses summed."""
    return t.dz_sizes.euclidean / math.sqrt(t.dz.numel())


def grad_zero(t: LayerTrace, s: Shape) -> Tensor:
    """Share of exactly zero entries of ∂L/∂z."""
    return t.dz_sizes.zero


def grad_hoyer(t: LayerTrace, s: Shape) -> Tensor:
    """Hoyer sparsity (Hoyer 2004) of ∂L/∂z: (√n − ‖·‖₁/‖·‖₂)/(√n − 1), 0 for equal entries, 1 for a single one.

    Of float32 sums: on the 1.6 million entries of a small CNN's first layer it is right to 3e-5.
    """
    # Not sparsity.hoyer, which needs a vector: of feature maps stored channels last that is a copy in another order.
    root = math.sqrt(t.dz.numel())
    return (root - t.dz_sizes.absolute / t.dz_sizes.euclidean) / (root - 1)


def update_ratio(t: LayerTrace, s: Shape) -> Tensor:
    """‖ΔW‖/‖W‖ of the last update of the weight that feeds the layer; missing before the first."""
    if t.weight_before is None:
        return _MISSING
    return (t.weight - t.weight_before).norm() / t.weight.norm()


def rank(t: LayerTrace, s: Shape) -> Tensor:
    """Effective rank (Roy & Vetterli 2007) / width: exp H(σ/Σσ), σ the singular values of the centred outputs.

    σ² are, but for a factor, the eigenvalues of the covariance over units.
    """
    sigma = torch.linalg.eigvalsh(t.covariance).clamp(min=0).sqrt()
    share = sigma / sigma.sum()
    return torch.special.entr(share).sum().exp() / len(share)


def w2_normal(t: LayerTrace, s: Shape) -> Tensor:
    """sqrt(μ² + (σ − 1)²) of the layer's output: its distance to N(0, 1) (Klambauer et al. 2017)."""
    return torch.hypot(t.mean.mean(), t.std - 1)


PROBES: dict[str, Callable[[LayerTrace, Shape], Tensor]] = {
    probe.__name__: probe
    for probe in (
        saturation_low, saturation_high, saturated_units, dead, constant, phi,
        out_mean, out_bias, out_std, out_ratio, bias_shift,
        grad_rms, grad_zero, grad_hoyer, update_ratio, rank, w2_normal,
    )
}  # fmt: skip


def measure(t: LayerTrace, *, shape: Callable[[nn.Module], Shape]) -> dict[str, float]:
    """Every probe of one layer, missing where the layer is not finite; `shape` tells the shape of its f."""
    if not t.is_finite:
        return dict.fromkeys(PROBES, math.nan)
    with torch.no_grad():
        s = shape(t.f)
        return {name: float(probe(t, s)) for name, probe in PROBES.items()}


def learned(layer: nn.Module) -> dict[str, float]:
    """The learned parameters of an activation layer: `act.<parameter>`, entries of a vector as `act.<parameter>[i]`."""
    values = {name.removeprefix("f."): p.detach().flatten().tolist() for name, p in layer.named_parameters()}
    return {
        f"act.{name}" if len(entries) == 1 else f"act.{name}[{i}]": entry
        for name, entries in values.items()
        for i, entry in enumerate(entries)
    }


def log_spaced(*, num_steps: int, steps_per_epoch: int, per_decade: int) -> set[int]:
    """Step 0, the steps 10^(k / per_decade), rounded, and the last."""
    decades = per_decade * math.log10(num_steps) if num_steps else -1
    return {0, num_steps} | {round(10 ** (k / per_decade)) for k in range(math.floor(decades) + 1)}


def every_epoch(*, num_steps: int, steps_per_epoch: int) -> set[int]:
    """Step 0 and the last step of every epoch."""
    return set(range(0, num_steps + 1, steps_per_epoch))


def never(*, num_steps: int, steps_per_epoch: int) -> set[int]:
    """No step."""
    return set()
