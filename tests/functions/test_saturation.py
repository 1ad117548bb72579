"""The edge of saturation: a slope exactly at the threshold lies inside, whatever rounding does to it."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from actbench.functions.saturation import EDGE, saturation_thresholds, steepness, tail_slope

INF = math.inf


def leaky(slope):
    return lambda z: torch.where(z > 0, z, slope * z)


AT_THE_EDGE = {
    "leaky_relu": (nn.LeakyReLU(0.01), 0.01),
    "leaky_relu, next float64 above": (nn.LeakyReLU(0.010000000000000002), 0.01),
    "leaky_relu, next float64 below": (nn.LeakyReLU(0.009999999999999998), 0.01),
    "leaky_relu, float32": (nn.LeakyReLU(float(np.float32(0.01))), 0.01),
    "prelu, float32": (nn.PReLU(init=0.01), 0.01),
    "prelu, float64": (nn.PReLU(init=0.01, dtype=torch.float64), 0.01),
    "rrelu": (nn.RReLU(0.01, 0.01), 0.01),
    "rrelu, a mean of float64": (nn.RReLU(0.004, 0.016), 0.01),
    "a tensor of float32": (lambda z: torch.where(z > 0, z, z * torch.tensor([0.01])), 0.01),
    "scaled in float32": (lambda z: torch.tensor([3.3]) * nn.functional.leaky_relu(z, 0.01), 0.01),
    "epsilon .1": (nn.PReLU(init=0.1), 0.1),
    "epsilon .001": (nn.PReLU(init=0.001), 0.001),
    "smooth, from above": (lambda z: 0.01 * z + 0.99 * nn.functional.softplus(z), 0.01),
    "smooth, from below": (lambda z: torch.where(z > 0, z, 0.01 * z - 0.005 * z.clamp(max=0).expm1()), 0.01),
}


@pytest.mark.parametrize(("f", "epsilon"), AT_THE_EDGE.values(), ids=AT_THE_EDGE)
def test_a_tail_at_the_edge_is_inside(f, epsilon):
    assert saturation_thresholds(f, epsilon=epsilon) == (-INF, INF)
    assert saturation_thresholds(f, epsilon=1.001 * epsilon)[0] > -INF
    assert saturation_thresholds(f, epsilon=0.999 * epsilon) == (-INF, INF)


@given(
    epsilon=st.floats(1e-4, 0.5),
    distance=st.sampled_from([-0.5, -1e-3, -1e-5, -1e-7, 0.0, 1e-7, 1e-5, 1e-3]),
    mirrored=st.booleans(),
)
def test_only_a_slope_that_is_truly_below_the_edge_is_outside(epsilon, distance, mirrored):
    slope, sign = epsilon * (1 + distance), -1 if mirrored else 1
    tail = -INF if distance >= -EDGE else 0.0
    low, high = saturation_thresholds(lambda z: leaky(slope)(sign * z), epsilon=epsilon)
    assert (low, high) == ((-INF, -tail) if mirrored else (tail, INF))


def test_a_stretch_at_the_edge_ends_where_the_slope_falls():
    """Slopes 0, .01 in float32, 1 on either side of -5 and 0: the middle one is inside."""
    slope = float(np.float32(0.01))
    assert slope < 0.01
    low, high = saturation_thresholds(lambda z: leaky(slope)(z.clamp(min=-5.0)))
    assert (low, high) == (pytest.approx(-5, abs=1e-11), INF)


def test_the_edge_does_not_move_a_slope_that_crosses_the_threshold():
    """1/(1 + z)² = 1/100 at 9, a node of the grid; e^z = 1/100 at -ln 100."""
    assert saturation_thresholds(nn.Softsign()) == pytest.approx((-9, 9), abs=1e-11)
    assert saturation_thresholds(nn.ELU())[0] == pytest.approx(-math.log(100), abs=1e-11)


@given(slope=st.floats(-2, 2))
def test_the_slope_of_a_tail_is_a_share_of_the_steepest_one(slope):
    share, error = tail_slope(leaky(slope), side=-1)
    assert share == pytest.approx(abs(slope) / max(1, abs(slope)), abs=error)
    assert tail_slope(leaky(slope), side=1)[0] == pytest.approx(1 / max(1, abs(slope)), abs=error)


@pytest.mark.parametrize(
    "f", [torch.sin, torch.exp, torch.zeros_like, lambda z: z.square(), lambda z: z.sign() * z.abs().sqrt()]
)
def test_a_tail_whose_slope_has_no_limit_has_no_share(f):
    assert all(map(math.isnan, tail_slope(f, side=1)))


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (torch.tanh, 1.0),
        (torch.square, 2.0),  # unbounded: sqrt(E 4 z²)
        (lambda z: z.relu().square(), math.sqrt(2)),
        (torch.zeros_like, 0.0),
    ],
)
def test_the_steepest_slope_or_else_its_root_mean_square(f, expected):
    assert steepness(f) == pytest.approx(expected, rel=1e-9)


def test_a_slope_whose_square_has_no_mean_is_no_measure():
    assert math.isnan(steepness(lambda z: z.sign() * z.abs().sqrt()))
