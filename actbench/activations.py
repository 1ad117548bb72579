"""The activations that torch lacks, each with its formula and its source.

z is a pre-activation of any shape; the output has the same shape. conf/act/ names torch's activations by their paths.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def binary_step(z: Tensor) -> Tensor:
    """Binary step: 1 for z > 0, else 0, so f(0) = 0. Its derivative in autograd is zero everywhere."""
    return z.clamp(0, 1).ceil()


def binary_step_straight_through(z: Tensor) -> Tensor:
    """Binary step forward, identity backward (Bengio et al. 2013, arXiv:1308.3432, sec. 4)."""
    return _StraightThroughStep.apply(z)


class _StraightThroughStep(torch.autograd.Function):
    @staticmethod
    def forward(z: Tensor) -> Tensor:
        return binary_step(z)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        """Saves nothing: the backward pass returns the gradient unchanged."""

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient


def gelu_sigmoid(z: Tensor) -> Tensor:
    """GELU's sigmoid form (Hendrycks & Gimpel 2016, arXiv:1606.08415, sec. 2): z sigmoid(1.702 z)."""
    return z * torch.sigmoid(1.702 * z)


def swish(z: Tensor, beta: float) -> Tensor:
    """Swish (Ramachandran et al. 2017, arXiv:1710.05941): z sigmoid(beta z). beta = 1 is SiLU, beta = 0 is z/2."""
    return z * torch.sigmoid(beta * z)


class SwishLearnable(nn.Module):
    """Swish (Ramachandran et al. 2017, arXiv:1710.05941): z sigmoid(beta z), one beta per layer, learned."""

    def __init__(self, beta: float) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.tensor(float(beta)))

    def forward(self, z: Tensor) -> Tensor:
        return z * torch.sigmoid(self.beta * z)


def squared_relu(z: Tensor) -> Tensor:
    """Squared ReLU (So et al. 2021, arXiv:2109.08668): max(0, z)^2."""
    return torch.relu(z).square()


class StarReLU(nn.Module):
    """StarReLU (Yu et al. 2022, arXiv:2210.13452): scale max(0, z)^2 + bias, both learned, one pair per layer.

    Under N(0, 1), E max(0, z)^2 = 1/2 and Var max(0, z)^2 = 5/4, so that scale = 2/sqrt(5) and bias = -1/sqrt(5) give
    mean 0 and variance 1.
    """

    def __init__(self, scale: float, bias: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(float(scale)))
        self.bias = nn.Parameter(torch.tensor(float(bias)))

    def forward(self, z: Tensor) -> Tensor:
        return self.scale * torch.relu(z).square() + self.bias


def penalized_tanh(z: Tensor, a: float) -> Tensor:
    """Penalized tanh (Xu et al. 2016, arXiv:1602.05980): tanh(z) for z > 0, else a tanh(z)."""
    return F.leaky_relu(torch.tanh(z), a)


def lisht(z: Tensor) -> Tensor:
    """LiSHT (Roy et al. 2019, arXiv:1901.05894): z tanh(z)."""
    return z * torch.tanh(z)


def snake(z: Tensor, a: float) -> Tensor:
    """Snake (Ziyin et al. 2020, arXiv:2006.08195, eq. 3): z + sin(a z)^2 / a, a not 0."""
    return z + torch.sin(a * z).square() / a


def serf(z: Tensor) -> Tensor:
    """Serf (Nag et al. 2021, arXiv:2108.09598): z erf(log(1 + e^z))."""
    return z * torch.erf(F.softplus(z))


def smelu(z: Tensor, beta: float) -> Tensor:
    """SmeLU (Shamir & Lin 2022, arXiv:2202.06499): 0 below -beta, (z + beta)^2 / (4 beta) up to beta, z beyond it."""
    return torch.where(z < beta, (z + beta).clamp(0, 2 * beta).square() / (4 * beta), z)


def squareplus(z: Tensor, b: float) -> Tensor:
    """Squareplus (Barron 2021, arXiv:2112.11687, eq. 1): (z + sqrt(z^2 + b)) / 2."""
    root = torch.sqrt(z.square() + b)
    return torch.where(z < 0, b / (root - z.clamp(max=0)), z + root) / 2  # z + root would cancel below 0


def telu(z: Tensor) -> Tensor:
    """TeLU (Fernandez & Mali 2024, arXiv:2412.20269): z tanh(e^z)."""
    return z * torch.tanh(torch.exp(z.clamp(max=5)))  # tanh(e^5) is 1, and e^z overflows


class XIELU(nn.Module):
    """xIELU (Huang & Schlag 2024, arXiv:2411.13010), alpha_p and alpha_n learned, one pair per layer.

    f(z) = alpha_p z^2 + beta z for z > 0, else alpha_n (e^z - 1) - alpha_n z + beta z. What is learned is the inverse
    of softplus of alpha_p and of alpha_n - beta, so that alpha_p stays above 0 and alpha_n above beta.
    """

    def __init__(self, alpha_p: float, alpha_n: float, beta: float) -> None:
        super().__init__()
        if not (alpha_p > 0 and alpha_n > beta):
            raise ValueError(f"alpha_p={alpha_p} must be above 0, and alpha_n={alpha_n} above beta={beta}")
        self.alpha_p = nn.Parameter(torch.tensor(math.log(math.expm1(alpha_p))))
        self.alpha_n = nn.Parameter(torch.tensor(math.log(math.expm1(alpha_n - beta))))
        self.beta = beta

    def forward(self, z: Tensor) -> Tensor:
        alpha_p, alpha_n = F.softplus(self.alpha_p), self.beta + F.softplus(self.alpha_n)
        below = alpha_n * torch.expm1(z.clamp(max=0)) + (self.beta - alpha_n) * z
        return torch.where(z < 0, below, alpha_p * z.square() + self.beta * z)


class Rational(nn.Module):
    """Padé activation unit (Molina et al. 2020, arXiv:1907.06732, eq. 3), coefficients learned, one set per layer.

    f(z) = (a_0 + a_1 z + … + a_m z^m) / (1 + |b_1 z + … + b_n z^n|), free of poles by the absolute value.

    Args:
        numerator: a_0 … a_m.
        denominator: b_1 … b_n.
    """

    def __init__(self, numerator: Sequence[float], denominator: Sequence[float]) -> None:
        super().__init__()
        self.numerator = nn.Parameter(torch.tensor([float(a) for a in numerator]))
        self.denominator = nn.Parameter(torch.tensor([float(b) for b in denominator]))

    def forward(self, z: Tensor) -> Tensor:
        return _polynomial(z, self.numerator) / (1 + (z * _polynomial(z, self.denominator)).abs())


def _polynomial(z: Tensor, coefficients: Tensor) -> Tensor:
    """c_0 + c_1 z + … by Horner's rule."""
    *lower, highest = coefficients.to(z)
    value = highest.expand_as(z)
    for coefficient in reversed(lower):
        value = value * z + coefficient
    return value
