"""The facts of a function: each a value, its error bound and the method that computed it."""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from actbench.functions import properties, saturation
from actbench.functions.asymptotes import asymptote
from actbench.functions.conditions import check, is_repeatable, why_unreadable
from actbench.functions.kinks import HIGHEST_ORDER, MANY, Kink, Kinks, find_kinks
from actbench.functions.moments import gaussian_mean
from actbench.functions.properties import Function, derivative, prepare
from actbench.functions.turns import Curve, Extremum, extrema, is_taken, monotonicity, peaks, sample, zeros

EPSILONS = (0.001, 0.01, 0.1)
NOT_DETERMINED = "not determined"


@dataclass(frozen=True)
class Fact:
    """One property of one function; `index` counts kinks, zeros and extrema from the left.

    A number is in `value`, with a qualification in `text` (`open`, `closed`); any other property is in `text` alone.
    Where it is not determined, `text` says so and `method` says why. `error` bounds |value - truth|.
    """

    property: str
    value: float = math.nan
    text: str = ""
    error: float = math.nan
    method: str = ""
    index: int = 0


def facts_of(f: Function) -> list[Fact]:
    """All facts about f, from its parameters to its moments under N(0, 1).

    Raises:
        ValueError: If f does not return a tensor of its argument's shape, or is not applied element by element.
    """
    with torch.random.fork_rng(devices=[]):
        learnable = _parameter_facts(f)
        f = prepare(f)
        check(f)
        if not is_repeatable(f):
            return [*learnable, Fact("all", text=NOT_DETERMINED, method="two evaluations at the same z differ")]
        reading = properties.reading_range(f)
        kinks = find_kinks(f)
        curve = sample(f, kinks)
        groups = [learnable, _reading_facts(reading)]
        if reason := why_unreadable(f, curve, reading):
            groups += [[Fact("shape", text=NOT_DETERMINED, method=reason)], _moment_facts(f, reading)]
        else:
            turns = extrema(curve)
            groups += [_range_facts(f, curve, turns), _asymptote_facts(f, reading), _zero_facts(curve, turns)]
            groups += [_kink_facts(f, kinks), _turn_facts(curve, turns), _slope_facts(f, kinks), _saturation_facts(f)]
            groups += [_moment_facts(f, reading)]
        return [fact for group in groups for fact in group]


def _reading_facts(reading: tuple[float, float]) -> Iterator[Fact]:
    """Where f is read, if it overflows."""
    if reading != (-properties.REACH, properties.REACH):
        method = f"read on {_interval(reading)}: beyond it f or f' is not finite"
        yield Fact("read_low", reading[0], error=0.0, method=method)
        yield Fact("read_high", reading[1], error=0.0, method=method)


def _interval(reading: tuple[float, float]) -> str:
    return f"[{reading[0]:g}, {reading[1]:g}]"


def _parameter_facts(f: Function) -> list[Fact]:
    """The learned parameters, and whether f draws random numbers in training; all other facts hold in evaluation."""
    if not isinstance(f, nn.Module):
        return [Fact("learnable", text="none"), Fact("stochastic", text="no", method="a function has no training mode")]
    learned = [name for name, parameter in f.named_parameters() if parameter.requires_grad]
    stochastic = not is_repeatable(copy.deepcopy(f).to(device="cpu", dtype=torch.float64).train())
    return [
        Fact("learnable", text=", ".join(learned) or "none", method="parameters that require a gradient"),
        Fact("stochastic", text="in training" if stochastic else "no", method="two evaluations in training mode"),
    ]


def _range_facts(f: Function, curve: Curve, turns: list[Extremum]) -> Iterator[Fact]:
    texts = {True: "closed", False: "open", None: NOT_DETERMINED}
    for name, bound in zip(("range_inf", "range_sup"), properties.value_range(f), strict=True):
        end = "unbounded" if math.isinf(bound) else texts[is_taken(curve, bound, turns)]
        error = 0.0 if math.isinf(bound) else 1e-12 * max(1.0, abs(bound))
        yield Fact(name, bound, end, error, "grid, peaks closed in on, tails extrapolated; closed: f takes the value")


def _asymptote_facts(f: Function, reading: tuple[float, float]) -> Iterator[Fact]:
    for name, side, end in (("asymptote_left", -1, reading[0]), ("asymptote_right", 1, reading[1])):
        line = asymptote(f, side=side, reach=abs(end))
        if abs(end) == properties.REACH:
            method = "secants and offsets to |z| = 1e5, levels to 1e8, extrapolated (Aitken)"
        else:
            method = f"secants, offsets and levels as far as f is read, to z = {end:g}, extrapolated (Aitken)"
        if line is None:
            yield Fact(f"{name}", text="none", method=f"{method}: they have no limit")
        elif math.isnan(line[0]):
            yield Fact(f"{name}", text=NOT_DETERMINED, method=f"{method}: too near to tell")
        else:
            yield Fact(f"{name}_slope", line[0], error=line[2], method=method)
            yield Fact(f"{name}_intercept", line[1], error=line[2], method=method)


def _zero_facts(curve: Curve, turns: list[Extremum]) -> Iterator[Fact]:
    stretches = zeros(curve, turns)
    method = "sign changes, exact zeros and touching extrema; tails that underflow are left out"
    if len(stretches) > MANY:
        yield Fact("num_zeros", text=NOT_DETERMINED, method=f"more than {MANY} on the grid")
        return
    yield Fact("num_zeros", len(stretches), error=0.0, method=method)
    for index, stretch in enumerate(stretches):
        yield Fact("zero_low", stretch.low, error=stretch.error, method=method, index=index)
        yield Fact("zero_high", stretch.high, error=stretch.error, method=method, index=index)


def _kink_facts(f: Function, kinks: Kinks) -> Iterator[Fact]:
    """Each kink with its order (0: f jumps, 1: f', 2: f'', 3: f'''), its one-sided values and f there; then seams."""
    method = "every cell of the grid cut until a few spacings of float64 wide"
    unsearched = "autograd has no derivative of this order, or it may be unbounded"
    for order, name in enumerate(("num_jumps", "num_kinks", "num_derivative_kinks")):
        if order > kinks.searched_order:
            yield Fact(name, text=NOT_DETERMINED, method=unsearched)
        elif len(kinks.all) > MANY:
            yield Fact(name, text=NOT_DETERMINED, method=f"more than {MANY} found")
        else:
            yield Fact(name, sum(kink.order == order for kink in kinks.real), error=0.0, method=method)
    if kinks.real or kinks.searched_order == HIGHEST_ORDER:
        bound = "exactly" if kinks.real else "at least"
        yield Fact("continuity", kinks.continuity, bound, 0.0, "the lowest derivative that jumps, less one")
    else:
        yield Fact("continuity", kinks.continuity, "at least", math.nan, f"searched so far; {unsearched}")
    for kind, group in (("kink", kinks.real), ("seam", kinks.seams)):
        if len(group) > MANY:
            yield Fact(f"{kind}_place", text=NOT_DETERMINED, method=f"more than {MANY} found")
            continue
        for index, kink in enumerate(group):
            values = {"order": kink.order, "left": kink.left, "right": kink.right, "jump": kink.jump, **_at(f, kink)}
            yield Fact(f"{kind}_place", kink.place, error=kink.error, method=method, index=index)
            for name, value in values.items():
                error = 0.0 if name == "order" else 1e-11 * max(1.0, abs(value))
                yield Fact(f"{kind}_{name}", value, error=error, method=method, index=index)


def _at(f: Function, kink: Kink) -> dict[str, float]:
    """f at a kink and f' on both sides of it."""
    offset = max(2 * kink.error, 1e-15)
    slopes = derivative(f, torch.tensor([kink.place - offset, kink.place + offset], dtype=torch.float64)).tolist()
    value = f(torch.tensor([kink.place], dtype=torch.float64)).item()
    return {"value": value, "slope_left": slopes[0], "slope_right": slopes[1]}


def _turn_facts(curve: Curve, turns: list[Extremum]) -> Iterator[Fact]:
    yield Fact("monotonic", text=monotonicity(curve), method="largest fall and rise over the grid and the kinks")
    if len(turns) > MANY:
        yield Fact("num_extrema", text=NOT_DETERMINED, method=f"more than {MANY} on the grid")
        return
    method = "where f turns on the grid, closed in on by the sign of f'"
    yield Fact("num_extrema", len(turns), error=0.0, method=method)
    for index, turn in enumerate(turns):
        yield Fact("extremum_low", turn.stretch.low, turn.kind, turn.stretch.error, method, index)
        yield Fact("extremum_high", turn.stretch.high, turn.kind, turn.stretch.error, method, index)
        yield Fact("extremum_value", turn.value, turn.kind, 1e-12 * max(1.0, abs(turn.value)), method, index)


def _slope_facts(f: Function, kinks: Kinks) -> Iterator[Fact]:
    def slope(z: Tensor) -> Tensor:
        return derivative(f, z).abs()

    curve = sample(f, kinks, order=1)
    method = "autograd on the grid and both sides of the kinks"
    yield Fact("derivative_monotonic", text=monotonicity(curve), method=method)
    supremum, place = properties.find_supremum(slope, *properties.finite_part(properties.nodes_of(f), slope))
    if math.isinf(supremum):
        yield Fact("sup_derivative", supremum, "unbounded", 0.0, "|f'| grows with every decade or every closing in")
        yield Fact("sup_derivative_low", place, error=0.0, method="where it grows")
        yield Fact("sup_derivative_high", place, error=0.0, method="where it grows")
        return
    yield Fact("sup_derivative", supremum, error=1e-12 * max(1.0, supremum), method="highest nodes closed in on, tails")
    stretches = peaks(curve, supremum)
    if len(stretches) > MANY:
        yield Fact("sup_derivative_low", text=NOT_DETERMINED, method=f"taken at more than {MANY} places")
        return
    for index, stretch in enumerate(stretches):
        yield Fact("sup_derivative_low", stretch.low, error=stretch.error, method=method, index=index)
        yield Fact("sup_derivative_high", stretch.high, error=stretch.error, method=method, index=index)


def _saturation_facts(f: Function) -> Iterator[Fact]:
    """The thresholds, and the share of its steepest slope that each tail keeps: above that epsilon it is saturated."""
    for epsilon in EPSILONS:
        method = f"outermost |f'| >= {epsilon} sup|f'|, closed in on"
        for name, z in zip(("low", "high"), saturation.saturation_thresholds(f, epsilon=epsilon), strict=True):
            if math.isnan(z):
                yield Fact(
                    f"saturation_{name}_{epsilon}", text=NOT_DETERMINED, method="sup|f'| and E f'^2 are infinite"
                )
            else:
                error = 0.0 if math.isinf(z) else 1e-11 * max(1.0, abs(z))
                yield Fact(f"saturation_{name}_{epsilon}", z, error=error, method=method)
    method = "|f'| at the end of what is read, over sup|f'|"
    for name, side in (("low", -1), ("high", 1)):
        share, error = saturation.tail_slope(f, side=side)
        if math.isnan(share):
            yield Fact(f"tail_slope_{name}", text="none", method=f"{method}: it has no limit")
        else:
            yield Fact(f"tail_slope_{name}", share, error=error, method=method)


def _moment_facts(f: Function, reading: tuple[float, float]) -> Iterator[Fact]:
    """E f, E f^2, E f'^2 under N(0, 1), the gain 1 / sqrt(E f^2) and chi* = E f'^2 / E f^2, with error bounds."""
    method = "Gauss-Legendre on panels halved towards kinks, 20 against 10 nodes"
    integrands: dict[str, Callable[[Tensor], Tensor]] = {
        "mean": lambda z: f(z),
        "second_moment": lambda z: f(z).square(),
        "derivative_second_moment": lambda z: derivative(f, z).square(),
    }
    moments = {name: gaussian_mean(g, within=reading) for name, g in integrands.items()}
    second, slope = moments["second_moment"], moments["derivative_second_moment"]
    if second[0] > 0:
        relative = second[1] / second[0]
        moments["gain"] = (second[0] ** -0.5, second[0] ** -0.5 * relative)
        chi = slope[0] / second[0]
        moments["chi"] = (chi, chi * relative + slope[1] / second[0])
    else:
        moments["gain"] = moments["chi"] = (math.nan, math.inf)
    for name, (value, error) in moments.items():
        if math.isfinite(value) and error <= 1e-9 * max(1.0, abs(value)):
            yield Fact(name, value, error=error, method=method)
        else:
            is_read = reading[0] <= -20 and reading[1] >= 20
            reason = "the integral does not converge" if is_read else f"f is read on {_interval(reading)} only"
            reason = "E f^2 is 0" if second[0] == 0 else reason
            yield Fact(name, text=NOT_DETERMINED, method=reason)
