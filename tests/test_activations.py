"""Activations against torch's own functions, closed forms, identities and limits, and at extreme inputs."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from actbench import activations
from actbench.catalogue import entries
from actbench.functions.properties import derivative

# ±0, ±1e-300, ±100, the kinks and both of their sides, and evenly spaced points.
POINTS = torch.tensor(
    [
        *(s * x for s in (-1, 1) for x in (0.0, 1e-300, 1e-8, 0.5, 1.0, 3.0, 6.0, 19.9, 20.1, 50.0, 100.0)),
        *(torch.linspace(-8, 8, 321, dtype=torch.float64) + 1e-3).tolist(),
    ],
    dtype=torch.float64,
)
# torch's own function, with the same parameters, for each activation of conf/act/ that torch has.
TORCH = {
    "celu": lambda z: F.celu(z, 1.0),
    "elu": lambda z: F.elu(z, 1.0),
    "elu_half": lambda z: F.elu(z, 0.5),
    "gelu": F.gelu,
    "hardshrink": lambda z: F.hardshrink(z, 0.5),
    "hardsigmoid": F.hardsigmoid,
    "hardswish": F.hardswish,
    "hardtanh": lambda z: F.hardtanh(z, -1.0, 1.0),
    "identity": lambda z: z,
    "leaky_relu": lambda z: F.leaky_relu(z, 0.01),
    "leaky_relu_tenth": lambda z: F.leaky_relu(z, 0.1),
    "logsigmoid": F.logsigmoid,
    "mish": F.mish,
    "prelu": lambda z: F.prelu(z, torch.tensor([0.25], dtype=z.dtype)),
    "relu": F.relu,
    "relu6": F.relu6,
    "rrelu": lambda z: F.rrelu(z, 1 / 8, 1 / 3, training=False),
    "selu": F.selu,
    "sigmoid": torch.sigmoid,
    "silu": F.silu,
    "softplus": F.softplus,
    "softshrink": lambda z: F.softshrink(z, 0.5),
    "softsign": F.softsign,
    "tanh": torch.tanh,
    "tanhshrink": F.tanhshrink,
    "threshold": lambda z: F.threshold(z, 1.0, 0.0),
}
Phi, phi = torch.special.ndtr, lambda z: torch.exp(-z * z / 2) / math.sqrt(2 * math.pi)
s, tanh, softplus = torch.sigmoid, torch.tanh, F.softplus


def sech2(z: Tensor) -> Tensor:
    return 4 * torch.exp(-2 * z.abs()) / (1 + torch.exp(-2 * z.abs())) ** 2


def step(z: Tensor, place: float = 0.0) -> Tensor:
    return (z > place).double()


def between(z: Tensor, low: float, high: float) -> Tensor:
    return ((z > low) & (z < high)).double()


SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
# f, and f' away from the kinks.
CLOSED_FORMS = {
    "binary_step": (step, torch.zeros_like),
    "binary_step_straight_through": (step, torch.ones_like),
    "celu": (lambda z: torch.where(z > 0, z, torch.expm1(z.clamp(max=0))), lambda z: torch.exp(z.clamp(max=0))),
    "elu": (lambda z: torch.where(z > 0, z, torch.expm1(z.clamp(max=0))), lambda z: torch.exp(z.clamp(max=0))),
    "elu_half": (
        lambda z: torch.where(z > 0, z, torch.expm1(z.clamp(max=0)) / 2),
        lambda z: torch.where(z > 0, 1, torch.exp(z.clamp(max=0)) / 2),
    ),
    "gelu": (lambda z: z * Phi(z), lambda z: Phi(z) + z * phi(z)),
    "gelu_sigmoid": (lambda z: z * s(1.702 * z), lambda z: s(1.702 * z) * (1 + 1.702 * z * s(-1.702 * z))),
    "hardshrink": (lambda z: z * (z.abs() > 0.5), lambda z: (z.abs() > 0.5).double()),
    "hardsigmoid": (lambda z: ((z + 3) / 6).clamp(0, 1), lambda z: between(z, -3, 3) / 6),
    "hardswish": (lambda z: z * ((z + 3) / 6).clamp(0, 1), lambda z: step(z, 3) + between(z, -3, 3) * (2 * z + 3) / 6),
    "hardtanh": (lambda z: z.clamp(-1, 1), lambda z: between(z, -1, 1)),
    "identity": (lambda z: z, torch.ones_like),
    "leaky_relu": (lambda z: torch.where(z > 0, z, 0.01 * z), lambda z: 0.01 + 0.99 * step(z)),
    "lisht": (lambda z: z * tanh(z), lambda z: tanh(z) + z * sech2(z)),
    "logsigmoid": (lambda z: -torch.log1p(torch.exp(-z.abs())) + z.clamp(max=0), lambda z: s(-z)),
    "mish": (
        lambda z: z * tanh(torch.logaddexp(z, torch.zeros_like(z))),
        lambda z: tanh(torch.logaddexp(z, z * 0)) + z * sech2(torch.logaddexp(z, z * 0)) * s(z),
    ),
    "penalized_tanh": (lambda z: tanh(z) * (0.25 + 0.75 * step(z)), lambda z: sech2(z) * (0.25 + 0.75 * step(z))),
    "leaky_relu_tenth": (lambda z: torch.where(z > 0, z, 0.1 * z), lambda z: 0.1 + 0.9 * step(z)),
    "prelu": (lambda z: torch.where(z > 0, z, 0.25 * z), lambda z: 0.25 + 0.75 * step(z)),
    "rational": (None, None),  # it has a test below
    "relu": (lambda z: z.clamp(min=0), step),
    "relu6": (lambda z: z.clamp(0, 6), lambda z: between(z, 0, 6)),
    "rrelu": (lambda z: torch.where(z > 0, z, 11 / 48 * z), lambda z: 11 / 48 + 37 / 48 * step(z)),
    "selu": (
        lambda z: SELU_SCALE * torch.where(z > 0, z, SELU_ALPHA * torch.expm1(z.clamp(max=0))),
        lambda z: SELU_SCALE * torch.where(z > 0, 1.0, SELU_ALPHA * torch.exp(z.clamp(max=0))),
    ),
    "serf": (
        lambda z: z * torch.erf(torch.logaddexp(z, z * 0)),
        lambda z: (
            torch.erf(torch.logaddexp(z, z * 0))
            + z * 2 / math.sqrt(math.pi) * torch.exp(-(torch.logaddexp(z, z * 0) ** 2)) * s(z)
        ),
    ),
    "sigmoid": (lambda z: (1 + tanh(z / 2)) / 2, lambda z: sech2(z / 2) / 4),
    "silu": (lambda z: z * s(z), lambda z: s(z) * (1 + z * s(-z))),
    "smelu": (
        lambda z: torch.where(z.abs() <= 1, (z + 1) ** 2 / 4, z * (z > 0)),
        lambda z: step(z, 1) + between(z, -1, 1) * (z + 1) / 2,
    ),
    "snake": (lambda z: z + (1 - torch.cos(2 * z)) / 2, lambda z: 1 + torch.sin(2 * z)),
    "softplus": (lambda z: torch.logaddexp(z, z * 0), s),
    "softshrink": (lambda z: z - z.clamp(-0.5, 0.5), lambda z: (z.abs() > 0.5).double()),
    "softsign": (lambda z: z / (1 + z.abs()), lambda z: (1 + z.abs()) ** -2),
    "squared_relu": (lambda z: z.clamp(min=0) ** 2, lambda z: 2 * z.clamp(min=0)),
    "squareplus": (
        lambda z: torch.where(z > 0, z + torch.hypot(z, z * 0 + 2), 4 / (torch.hypot(z, z * 0 + 2) - z)) / 2,
        lambda z: (1 + z / torch.hypot(z, z * 0 + 2)) / 2,
    ),
    "star_relu": (lambda z: (2 * z.clamp(min=0) ** 2 - 1) / math.sqrt(5), lambda z: 4 * z.clamp(min=0) / math.sqrt(5)),
    "swish": (lambda z: z * s(z), lambda z: s(z) * (1 + z * s(-z))),
    "swish_learnable": (lambda z: z * s(z), lambda z: s(z) * (1 + z * s(-z))),
    "tanh": (lambda z: 1 - 2 / (torch.exp(2 * z) + 1), sech2),
    "tanhshrink": (lambda z: z - tanh(z), lambda z: tanh(z) ** 2),
    "telu": (
        lambda z: z * (1 - 2 / (torch.exp(2 * torch.exp(z)) + 1)),
        lambda z: tanh(torch.exp(z)) + torch.nan_to_num(z * torch.exp(z) * sech2(torch.exp(z))),
    ),
    "threshold": (lambda z: z * (z > 1), lambda z: step(z, 1)),
    "xielu": (
        lambda z: torch.where(z > 0, 0.8 * z**2 + 0.5 * z, 0.8 * torch.expm1(z.clamp(max=0)) - 0.3 * z),
        lambda z: torch.where(z > 0, 1.6 * z + 0.5, 0.8 * torch.exp(z.clamp(max=0)) - 0.3),
    ),
}
KINKS = (0.0, 0.5, 1.0, 3.0, 6.0)


def test_activations_of_torch_equal_torchs_functions():
    for name, function in TORCH.items():
        assert torch.equal(entries.load(name).f(POINTS), function(POINTS)), name


def test_every_activation_has_a_closed_form():
    assert sorted(CLOSED_FORMS) == entries.names()


@pytest.mark.parametrize("name", sorted(CLOSED_FORMS.keys() - {"rational"}))
def test_values_and_derivatives_equal_the_closed_forms(name):
    f, (value, slope) = entries.load(name).f, CLOSED_FORMS[name]
    is_away_from_kinks = torch.stack([(POINTS.abs() - kink).abs() > 1e-12 for kink in KINKS]).all(dim=0)
    # GELU's tail cancels in 1 + erf, softplus drops e^-20 above 20, hardsigmoid's backward has 1/6 in float32.
    torch.testing.assert_close(f(POINTS), value(POINTS), rtol=1e-9, atol=1e-14)
    rtol = 1e-7 if name == "hardsigmoid" else 3e-9
    z = POINTS[is_away_from_kinks]
    torch.testing.assert_close(derivative(f, POINTS)[is_away_from_kinks], slope(z), rtol=rtol, atol=1e-14)


def test_gradcheck():
    """Except for the steps, whose backward is by design not the derivative of their forward."""
    z = torch.linspace(-7, 7, 40, dtype=torch.float64, requires_grad=True) + 0.01  # no node is a kink
    for name in entries.names():
        if not name.startswith("binary_step"):
            # hardsigmoid's backward has 1/6 in float32; the others agree up to the finite difference's error.
            assert torch.autograd.gradcheck(entries.load(name).f, (z,), eps=1e-6, atol=1e-6), name


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_extreme_inputs_of_a_dtype_give_no_nan(dtype):
    for name in entries.names():
        f = entries.load(name).f
        f = f.to(dtype) if isinstance(f, nn.Module) else f
        # The largest input keeps squares finite, and for the rational unit z^5.
        largest = torch.finfo(dtype).max ** (0.19 if name == "rational" else 0.45)
        z = torch.tensor([0.0, -0.0, torch.finfo(dtype).tiny, 1.0, min(30.0, largest), largest], dtype=dtype)
        z = torch.cat([z, -z]).requires_grad_(True)
        value = f(z)
        value.sum().backward() if value.requires_grad else None
        assert value.dtype == dtype, name
        assert value.isfinite().all(), name
        assert z.grad is None or z.grad.isfinite().all(), name


def test_nan_stays_nan_and_infinity_gives_the_limit_or_nan():
    for name in entries.names():
        f = entries.load(name).f
        assert f(torch.tensor([math.nan], dtype=torch.float64)).isnan().all(), f"{name}: a diverged network must show"
        at_infinity = f(torch.tensor([-math.inf, math.inf], dtype=torch.float64))
        far = f(torch.tensor([-1e30, 1e30], dtype=torch.float64))
        is_defined = ~at_infinity.isnan()  # 0 * inf is nan in functions such as z sigmoid(z)
        is_close = (at_infinity == far) | (at_infinity - far).abs().le(1e-9) | (far.abs() > 1e25)
        assert is_close[is_defined].all(), name


def test_an_activation_keeps_the_shape_and_leaves_its_input_unchanged():
    for name in entries.names():
        f, z = entries.load(name).f, torch.randn(2, 3, 4, 5, dtype=torch.float64)
        before = z.clone()
        assert f(z).shape == z.shape, name
        assert torch.equal(z, before), name


def test_identities():
    z = POINTS
    load = entries.load
    assert torch.equal(load("leaky_relu", {"negative_slope": 0.0}).f(z), load("relu").f(z))
    assert torch.equal(load("prelu", {"init": 0.01}).f(z), load("leaky_relu").f(z))
    assert torch.equal(load("celu", {"alpha": 1.0}).f(z), load("elu", {"alpha": 1.0}).f(z))
    assert torch.equal(load("hardtanh", {"min_val": -1e9, "max_val": 1e9}).f(z), load("identity").f(z))
    assert torch.equal(load("swish_learnable", {"beta": 1.7}).f(z), load("swish", {"beta": 1.7}).f(z))
    assert torch.equal(load("threshold", {"threshold": 0.0, "value": 0.0}).f(z), load("relu").f(z))
    assert torch.equal(load("swish", {"beta": 0.0}).f(z), z / 2)
    close = {"rtol": 1e-15, "atol": 1e-15}
    torch.testing.assert_close(load("swish", {"beta": 1.0}).f(z), load("silu").f(z), **close)
    torch.testing.assert_close(load("selu").f(z), SELU_SCALE * load("elu", {"alpha": SELU_ALPHA}).f(z), **close)
    torch.testing.assert_close(load("lisht").f(z), z * load("tanh").f(z), **close)
    torch.testing.assert_close(load("tanhshrink").f(z), z - load("tanh").f(z), **close)
    torch.testing.assert_close(-load("softplus").f(-z), load("logsigmoid").f(z), rtol=1e-8, atol=1e-15)


@pytest.mark.parametrize(
    ("name", "parameter", "setting", "bound"),
    [
        ("elu", "alpha", 1e-9, 1e-9),  # sup = alpha
        ("softplus", "beta", 1e9, math.log(2) / 1e9),  # sup = ln 2 / beta
        ("swish", "beta", 1e9, 0.2785 / 1e9),  # sup = W(1/e) / beta
    ],
)
def test_relu_is_a_limit(name, parameter, setting, bound):
    error = (entries.load(name, {parameter: setting}).f(POINTS) - F.relu(POINTS)).abs().max()
    assert error <= bound * (1 + 1e-9) + 1e-14


def test_the_rational_unit_is_a_ratio_of_its_polynomials_without_a_pole():
    unit = activations.Rational([1.0, 2.0, 3.0], [-4.0, 1.0]).double()
    z = POINTS[POINTS.abs() <= 50]
    expected = (1 + 2 * z + 3 * z**2) / (1 + (-4 * z + z**2).abs())
    torch.testing.assert_close(unit(z), expected, rtol=1e-13, atol=1e-13)
    assert [name for name, _ in unit.named_parameters()] == ["numerator", "denominator"]


def test_the_step_is_zero_at_zero_and_its_straight_through_gradient_passes():
    z = torch.tensor([-1.0, -0.0, 0.0, 1e-30, 1.0], requires_grad=True)
    assert activations.binary_step(z).tolist() == [0, 0, 0, 1, 1]
    activations.binary_step(z).sum().backward()
    assert z.grad is not None
    assert z.grad.tolist() == [0] * 5
    z.grad = None
    out = activations.binary_step_straight_through(z)
    (out * torch.arange(5)).sum().backward()
    assert z.grad.tolist() == [0, 1, 2, 3, 4]


def test_rrelu_draws_slopes_in_training_only():
    module = entries.load("rrelu").f
    assert isinstance(module, nn.Module)
    z = torch.full((1000,), -1.0, dtype=torch.float64)
    torch.manual_seed(0)
    slopes = -module.train()(z)
    assert 1 / 8 <= slopes.min() < slopes.max() <= 1 / 3
    assert (-module.eval()(z)).unique().tolist() == [pytest.approx(11 / 48)]


def test_learned_parameters_get_a_gradient():
    for name, num_parameters in (("swish_learnable", 1), ("star_relu", 2), ("rational", 2), ("prelu", 1)):
        module = entries.load(name).f
        assert isinstance(module, nn.Module)
        module(torch.linspace(-2, 2, 9, dtype=torch.float64)).sum().backward()
        gradients = [parameter.grad for parameter in module.parameters()]
        assert len(gradients) == num_parameters
        assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients)


def test_the_gradients_of_the_sigmoid_in_the_source_article_are_forward_differences():
    """C14: the article's values at 1 and 20 are (s(z + h) - s(z)) / h with h = 1e-3, not the derivative."""
    z, h = torch.tensor([1.0, 20.0], dtype=torch.float64), 1e-3
    forward = (torch.sigmoid(z + h) - torch.sigmoid(z)) / h
    assert forward.tolist() == [0.1965664984852067, 2.0601298444944405e-09]
    exact = derivative(torch.sigmoid, z)
    torch.testing.assert_close(exact, torch.exp(-z) / (1 + torch.exp(-z)) ** 2, rtol=1e-7, atol=0)
    assert (forward / exact - 1).abs().min() > 2e-4
