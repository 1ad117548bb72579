"""Initial weights: their published variances, and draws that all activations share."""

import math
from functools import partial

import pytest
import torch
from examples import DIGITS
from torch import nn

from actbench.measure import build
from actbench.measure.models.init import (
    Draw,
    glorot,
    he,
    initialize,
    lecun,
    lsuv,
    matched,
    positive_mean,
    torch_default,
    unit_norm,
)
from actbench.measure.streams import stream
from actbench.measure.trace import Activation

FAN_IN, FAN_OUT = 200, 300


@pytest.fixture
def draw() -> Draw:
    generator = torch.Generator().manual_seed(0)
    return Draw(
        normal=torch.randn(FAN_OUT, FAN_IN, generator=generator),
        uniform=2 * torch.rand(FAN_OUT, FAN_IN, generator=generator) - 1,
        uniform_bias=2 * torch.rand(FAN_OUT, generator=generator) - 1,
        fan_in=FAN_IN,
        fan_out=FAN_OUT,
        gain=lambda: 1.7,
        is_last=False,
        z_std=lambda weight: 2 * weight.std().item() * math.sqrt(FAN_IN),
    )


@pytest.mark.parametrize(
    ("scheme", "variance"),
    [
        (torch_default, 1 / (3 * FAN_IN)),  # U(-b, b) has variance b^2 / 3
        (lecun, 1 / FAN_IN),
        (glorot, 2 / (FAN_IN + FAN_OUT)),
        (he, 2 / FAN_IN),
        (unit_norm, 1 / FAN_IN),  # FAN_IN squares that add up to 1
        (matched, 1.7**2 / FAN_IN),
        (partial(lsuv, output_std=0.1), 1 / (4 * FAN_IN)),
    ],
)
def test_weights_have_the_published_variance(scheme, variance, draw):
    weight, bias = scheme(draw)
    assert weight.var().item() == pytest.approx(variance, rel=0.02)
    assert abs(weight.mean().item()) < 4 * math.sqrt(variance / weight.numel())
    assert (bias == 0).all() == (scheme is not torch_default)


def test_unit_norm_gives_weight_vectors_of_norm_one(draw):
    torch.testing.assert_close(unit_norm(draw)[0].norm(dim=1), torch.ones(FAN_OUT))


def test_positive_mean_shifts_every_sum_by_mean(draw):
    shifted, plain = positive_mean(draw, mean=2.0)[0], lecun(draw)[0]
    torch.testing.assert_close((shifted - plain).sum(1), torch.full((FAN_OUT,), 2.0))


def test_torch_default_stays_within_torchs_bounds(draw):
    """nn.Linear documents U(-sqrt(k), sqrt(k)), k = 1 / in_features, for weights and biases."""
    for t in torch_default(draw):
        assert t.abs().max() <= 1 / math.sqrt(FAN_IN)
        assert t.abs().max() > 0.95 / math.sqrt(FAN_IN)


def _unasked() -> torch.Tensor:
    pytest.fail("No scheme here asks for a batch.")


@pytest.mark.parametrize(
    ("model", "fans"),
    [
        (nn.Conv2d(3, 8, kernel_size=5), (3 * 25, 8 * 25)),
        (nn.Conv2d(3, 8, kernel_size=4, stride=2, padding=1), (3 * 16, 8 * 4)),
        (nn.ConvTranspose2d(3, 8, kernel_size=4, stride=2, padding=1), (3 * 4, 8 * 16)),
    ],
)
def test_fans_of_a_convolution_count_the_connections(model, fans):
    """In the middle of an image of ones, weights of 1 add up to fan_in; the gradient at an input adds up to fan_out."""
    drawn = []

    def scheme(draw: Draw):
        drawn.append((draw.fan_in, draw.fan_out))
        return torch.ones_like(draw.normal), torch.zeros_like(draw.uniform_bias)

    initialize(model, scheme, generator=stream(0, "init"), gain=lambda layer: 1.0, inputs=_unasked)
    images = torch.ones(1, 3, 16, 16, requires_grad=True)
    y = model(images)
    (slope,) = torch.autograd.grad(y.sum(), images)
    middle = y.shape[2] // 2
    assert drawn == [fans]
    assert (y[0, 0, middle, middle].item(), slope[0, 0, 8, 8].item()) == fans


def test_a_layer_has_the_gain_of_the_activation_before_it_and_the_first_one():
    acts = [Activation(torch.relu), Activation(torch.tanh)]
    model = nn.Sequential(nn.Linear(4, 4), acts[0], nn.Linear(4, 4), acts[1], nn.Linear(4, 4), nn.Linear(4, 4))
    gains = []

    def scheme(draw: Draw):
        gains.append(draw.gain())
        return torch.zeros(4, 4), torch.zeros(4)

    initialize(model, scheme, generator=stream(0, "init"), gain={acts[0]: 1.5, acts[1]: 0.5}.get, inputs=_unasked)
    assert gains == [1.0, 1.5, 0.5, 0.5]


def _weights(job, seed: int = 0) -> list[torch.Tensor]:
    model = build.model(job.config, DIGITS, seed=seed, on=torch.device("cpu"))
    return [m.weight.detach() for m in model.modules() if isinstance(m, nn.Linear)]


def test_two_activations_share_all_unscaled_draws(job_of):
    """With init=matched the weights of two activations differ by one factor, the ratio of their gains."""
    relu, tanh = (_weights(job_of(f"+act={act}", "init=matched")) for act in ("relu", "tanh"))
    assert torch.equal(relu[0], tanh[0])
    ratio = math.sqrt(2 / (1 / 0.3943))  # 1 / E f^2 is 2 for ReLU, and 1 / 0.3943 for tanh by numerical integration
    for a, b in zip(relu[1:], tanh[1:], strict=True):
        torch.testing.assert_close(a, b * ratio, rtol=2e-4, atol=0)


def test_two_activations_start_from_the_same_weights_with_torchs_init(job_of):
    for a, b in zip(_weights(job_of("+act=relu")), _weights(job_of("+act=prelu")), strict=True):
        assert torch.equal(a, b)


def test_two_seeds_start_from_different_weights(job_of):
    job = job_of("+act=relu")
    assert not torch.equal(_weights(job, 0)[0], _weights(job, 1)[0])


@pytest.mark.parametrize("act", ["relu", "tanh", "gelu", "mish", "selu", "softsign"])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_matched_keeps_the_variance_of_pre_activations(act, dropout, job_of):
    job = job_of(f"+act={act}", "init=matched", "model.depth=8", "model.width=500", f"model.dropout={dropout}")
    model = build.model(job.config, DIGITS, seed=0, on=torch.device("cpu"))
    z = torch.randn(200, 64, generator=torch.Generator().manual_seed(0))
    for block in model.hidden:
        z_next = block.weight(z)
        assert z_next.square().mean().item() == pytest.approx(1, abs=0.25)
        z = block.dropout(block.act(z_next))
