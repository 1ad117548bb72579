"""Layers and seeds share nothing that learns or changes: what would be shared is refused, with a sentence."""

from pathlib import Path

import pytest

from actbench.command.options import ConfigError

MODULE = """
import functools
import torch
from torch import nn

class Swish(nn.Module):
    def __init__(self, beta=1.5):
        super().__init__()
        self.beta = nn.Parameter(torch.tensor(float(beta)))
    def forward(self, z): return z * torch.sigmoid(self.beta * z)

class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))
    def forward(self, z):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * z.detach().mean()
        return torch.relu(z - self.mean)

class Plain:
    def __init__(self): self.beta, self.calls = nn.Parameter(torch.ones(())), 0
    def __call__(self, z): return self.beta * z

class Counting:
    calls = 0
    def __call__(self, z):
        self.calls += 1
        return z.tanh() * (1 + 1e-8 * self.calls)  # anneals

swish, mean, counting, tanh = Swish(), Mean(), Counting(), nn.Tanh()
forward = swish.forward
BETA, calls, table = nn.Parameter(torch.ones(3, 1)), 0, {}

class Inner(nn.Module):
    def __init__(self, inner=swish):
        super().__init__()
        self.inner = inner
    def forward(self, z): return self.inner(z)

def by_module(z): return swish(z)
def by_parameter(z): return BETA.mean() * z
def makes(z): return Swish()(z)
def by_mean(z): return mean(z)
def counts(z):
    global calls
    calls += 1
    return z / calls
def apply(module, z): return module(z)
bound = functools.partial(apply, swish)
def closes():
    inner = Swish()
    return lambda z: inner(z)
closed = closes()

fewer = functools.partial(Swish, beta=2)
def by_tanh(z): return tanh(z)
def memo(z):
    if "slope" not in table:
        table["slope"] = torch.tensor(0.5)
    return table["slope"] * z.relu()
"""
NEVER = (
    "act=custom: shared.{} uses a parameter of shape {} that is not its layer's own and would never learn: name a "
    "class derived from torch.nn.Module that makes it in __init__, so that each layer makes its own."
)
INSTANCE = (
    "act=custom: shared.{} is one {}, which all layers and seeds would share: name its class, act._target_={}, so that "
    "each layer makes its own."
)
OTHERWISE = (
    "act=custom returns other values at the next call with the same z, in evaluation, where they must depend on z "
    "alone: not on earlier calls, nor on random numbers."
)
CHANGES = (
    "act=custom: a call of shared.{} changes a value that all layers and seeds would share: name a class derived from "
    "torch.nn.Module that keeps it in self, so that each layer makes its own."
)


@pytest.fixture(autouse=True)
def _shared():
    Path("shared.py").write_text(MODULE)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("swish", INSTANCE.format("swish", "Swish", "shared.Swish")),
        ("forward", INSTANCE.format("forward", "Swish", "shared.Swish")),
        ("tanh", INSTANCE.format("tanh", "Tanh", "torch.nn.modules.activation.Tanh")),
        ("Inner", "act=custom: all layers of shared.Inner would share inner.beta: make it in __init__, so that each "
         "layer makes its own."),
        ("by_module", NEVER.format("by_module", "()")),
        ("by_parameter", NEVER.format("by_parameter", "(3, 1)")),
        ("makes", NEVER.format("makes", "()")),
        ("bound", NEVER.format("bound", "()")),
        ("closed", NEVER.format("closed", "()")),
        ("Plain", NEVER.format("Plain", "()")),
        ("by_mean", OTHERWISE),
        ("counts", OTHERWISE),
        ("counting", CHANGES.format("counting")),
    ],
)  # fmt: skip
def test_what_layers_would_share_is_refused(target, message, job_of):
    with pytest.raises(ConfigError) as caught:
        job_of("+act=custom", f"act._target_=shared.{target}")
    assert str(caught.value) == message


@pytest.mark.parametrize("target", ["Mean", "Counting", "by_tanh", "memo"])
def test_what_each_layer_has_or_does_not_change_is_no_obstacle(target, job_of):
    job_of("+act=custom", f"act._target_=shared.{target}")


@pytest.mark.parametrize("target", ["Swish", "fewer"])
def test_each_layer_of_each_seed_learns_its_own_parameter(target, measure):
    layers = measure("+act=custom", f"act._target_=shared.{target}", "num_seeds=2").layers
    start = layers[layers["step"] == 0]["act.beta"]
    end = layers[layers["step"] == layers["step"].max()]["act.beta"]
    assert set(start) == {1.5 if target == "Swish" else 2.0}
    assert end.nunique() == 2 * 2  # layers, seeds
    assert not set(start) & set(end)
