"""What a run needs of an activation is tried before it: each thing that fails is one sentence, and true."""

from pathlib import Path

import pytest
import torch

from actbench.command.options import ConfigError
from actbench.measure import trial
from actbench.measure.trace import Activation

MODULE = """
import random
import sys
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

SLOPE = torch.tensor([0.25])

def root(z): return torch.where(z > 0, torch.sqrt(z), z)
def with_float32(z): return F.prelu(z, SLOPE)
def to_float32(z): return z.float().tanh()
def noisy(z): return z.relu() + 0.1 * torch.randn_like(z)
def noisy_by_python(z): return z * random.random()
def without_grad(z):
    with torch.no_grad():
        return z.tanh()
@torch.inference_mode()
def in_inference(z): return z.tanh()
def detached(z): return z.detach().tanh() + 0 * z
def by_numpy(z): return torch.from_numpy(np.tanh(z.numpy()))
def by_numpy_detached(z): return torch.from_numpy(np.tanh(z.detach().numpy()))
def step(z): return (z > 0).float()
def normalised(z): return z / z.std()
def above_mean_of_batch(z): return F.relu(z - z.mean(0))
def largest(z): return torch.where(z == z.max(), z, 0 * z)
def by_count(z): return z / len(z)
def by_place(z): return z * torch.linspace(0, 1, z.numel(), dtype=z.dtype).reshape(z.shape)
def by_rows(z): return z + 0 * z.sum(1, keepdim=True)
def of_images(z):
    assert z.ndim == 4, "no image"
    return z.relu()
def of_rows(z):
    if z.ndim == 4:
        raise KeyError("rows")
    return z.relu()
def contrast(z): return z - z.mean((2, 3), keepdim=True) if z.ndim == 4 else z + 0
def gate(z): return F.glu(z, 1)
def halves_below(z):
    z[z < 0] /= 2
    return z
def zeta(z): return torch.special.zeta(1.5 + z.abs(), 2 + 0 * z)
def formula(z: torch.Tensor) -> torch.Tensor: return z.tanh() + z
with warnings.catch_warnings(action="ignore"):  # it is deprecated
    scripted = torch.jit.script(formula)

class Keeping(nn.Module):
    def forward(self, z):
        self.last = 2 * z
        return self.last.tanh()

class Late(nn.Module):
    def forward(self, z):
        if not hasattr(self, "a"):
            self.a = nn.Parameter(torch.ones(()))
        return self.a * z.tanh()

class DoubleInTraining(nn.Module):
    def forward(self, z): return z.double() if self.training else z

class InPlaceInTraining(nn.Module):
    def forward(self, z): return z.relu_() if self.training else z.relu()

class CutInEvaluation(nn.Module):
    def forward(self, z):
        with torch.set_grad_enabled(self.training):
            return z.tanh()

class NeedingGradients(nn.Module):
    def forward(self, z):
        if not torch.is_grad_enabled():
            raise AssertionError("gradients are off")
        return z.tanh()

class ScaledStep(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
    def forward(self, z): return self.scale * (z > 0)

class Power(nn.Module):
    def __init__(self):
        super().__init__()
        self.power = nn.Parameter(torch.tensor(2.0))
    def forward(self, z): return z ** self.power

class Channels(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(128))
    def forward(self, z): return z * self.scale

class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0
    def forward(self, z):
        self.calls += 1
        return z / self.calls

class Unsaved(nn.Module):
    def forward(self, z): return z.tanh()
    def get_extra_state(self): return lambda: 1
    def set_extra_state(self, state): pass

class BadBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z): return z.tanh()
    @staticmethod
    def backward(ctx, gradient): raise KeyError("slope")
def bad_backward(z): return BadBackward.apply(z)

class Leaving(nn.Module):
    def __init__(self): sys.exit("no use")

def identity(z): return z
def view(z): return z.view_as(z)
class Dropping(nn.Module):
    def forward(self, z): return F.dropout(z.relu(), 0.5, self.training)
class Binary(nn.Module):
    def forward(self, z): return torch.bernoulli(z.sigmoid()) if self.training else z.sigmoid()
class Unpicklable(nn.Module):
    def __init__(self):
        super().__init__()
        self.g = lambda z: z.tanh()
    def forward(self, z): return self.g(z)
class Plain:
    def __init__(self): self.a = torch.tensor(0.5)
    def __call__(self, z): return torch.tanh(self.a * z)
def root_with_a_pole_at_zero(z): return torch.sign(z) * z.abs().sqrt()
"""

RANDOM = (
    "is random in evaluation, where two calls with the same z must agree: draw random numbers in training alone, in a "
    "class that asks self.training."
)
UNREPEATABLE = (
    "returns other values at the next call with the same z, in evaluation, where they must depend on z alone: not on "
    "earlier calls, nor on random numbers."
)
CUT = (
    "varies with z, but autograd finds no gradient, as behind torch.no_grad, detach or numpy: compute it with torch's "
    "operations."
)
STEP = "returns a tensor that autograd cannot follow back to z: add 0 * z, for a gradient of 0."
MIXES = "mixes entries of a tensor: an activation maps each entry by itself."
ELSEWHERE = (
    "maps an entry to other values in a tensor of shape {} than in one of shape {}: an activation maps each entry by "
    "itself, wherever it is."
)
REFUSED = [
    (
        "root",
        "has the gradient nan at -2.9869: it must be finite on [-3, 3] (torch.where differentiates both of its "
        "branches: clamp z in each).",
    ),
    (
        "with_float32",
        "fails in float64, in which probes compute its bounds (prelu: Type promoting not supported. Got Double and "
        "Float): where it holds tensors, cast them by c.to(z).",
    ),
    ("to_float32", "turns torch.float64 into torch.float32: an activation keeps the dtype."),
    ("noisy", RANDOM),
    ("noisy_by_python", UNREPEATABLE),
    ("Counting", UNREPEATABLE),
    ("without_grad", CUT),
    ("in_inference", CUT),
    ("detached", CUT),
    ("by_numpy_detached", CUT),
    ("by_numpy", "computes with numpy, which autograd cannot follow: compute it with torch's operations."),
    ("CutInEvaluation", f", in evaluation mode, {CUT}"),
    ("step", STEP),
    ("ScaledStep", f", in evaluation mode, {STEP}"),
    ("normalised", MIXES),
    ("above_mean_of_batch", MIXES),
    ("largest", MIXES),
    ("by_count", ELSEWHERE.format((8, 12), (96,))),
    ("by_place", ELSEWHERE.format((8, 12), (96,))),
    (
        "by_rows",
        "fails on a tensor of shape (96,): Dimension out of range (expected to be in range of [-1, 0], but got 1).",
    ),
    ("of_images", "fails on a tensor of shape (8, 12): no image."),
    ("gate", "turns a tensor of shape (8, 12) into (8, 6), as a gate does: an activation keeps the shape."),
    ("halves_below", "changes its argument in place: return a new tensor."),
    ("zeta", "fails in the backward pass: the derivative for 'zeta' is not implemented."),
    ("bad_backward", "fails in the backward pass: 'slope'."),
    ("scripted", "cannot be copied, as probes copy it to compute its bounds: ScriptFunction cannot be pickled."),
    (
        "Keeping",
        "holds a tensor that it computed, with its graph (last), so that probes cannot copy it: detach that tensor.",
    ),
    ("Late", "makes parameters when it is called, which the optimizer does not hold: make them in __init__."),
    ("DoubleInTraining", ", in training mode, turns torch.float32 into torch.float64: an activation keeps the dtype."),
    ("InPlaceInTraining", ", in training mode, changes its argument in place: return a new tensor."),
    (
        "NeedingGradients",
        ", under torch.no_grad as in evaluation, fails on a tensor of shape (8, 12): gradients are off.",
    ),
    ("Power", ", in training mode, has the gradient nan at its parameter power for z in [-3, 3]: it must be finite."),
    (
        "Channels",
        "has parameters for 128 channels (scale), and fails on a tensor of shape (8, 12): where its argument takes a "
        "number of channels, give the word channel, which is the number of each layer, as in "
        "act.num_parameters=channel.",
    ),
    (
        "Unsaved",
        "has a state that a checkpoint cannot save: Can't pickle local object "
        "'Unsaved.get_extra_state.<locals>.<lambda>'.",
    ),
    ("Leaving", ": tried_activations.Leaving cannot be made with no parameters: no use."),
]
USABLE = ["identity", "view", "Dropping", "Binary", "Unpicklable", "Plain", "root_with_a_pole_at_zero"]


@pytest.fixture(autouse=True)
def _tried_activations():
    Path("tried_activations.py").write_text(MODULE)


@pytest.mark.parametrize(("target", "rest"), REFUSED)
def test_what_a_run_cannot_use_is_refused_before_it(target, rest, job_of):
    with pytest.raises(ConfigError) as caught:
        job_of("+act=custom", f"act._target_=tried_activations.{target}")
    assert str(caught.value) == f"act=custom{'' if rest[0] in ',:' else ' '}{rest}"


@pytest.mark.parametrize("target", USABLE)
def test_what_a_run_can_use_is_measured(target, measure):
    assert measure("+act=custom", f"act._target_=tried_activations.{target}").runs["status"].item() == "done"


@pytest.mark.parametrize(
    ("target", "rest"),
    [
        ("of_rows", "fails on a tensor of shape (2, 6, 2, 2): 'rows'."),
        ("contrast", ELSEWHERE.format((2, 6, 2, 2), (48,))),
    ],
)
def test_an_activation_is_tried_in_the_shapes_of_the_model(target, rest, job_of):
    """In the MLP's layers, (N, U), both can be used."""
    job_of("+act=custom", f"act._target_=tried_activations.{target}")
    with pytest.raises(ConfigError) as caught:
        job_of("+act=custom", f"act._target_=tried_activations.{target}", "model=cnn", "model.widths=[6,12]")
    assert str(caught.value) == f"act=custom {rest}"


def test_a_module_that_leaves_when_it_is_imported_is_refused(job_of):
    Path("a_script.py").write_text("import sys\nsys.exit('usage: a_script')\n")
    with pytest.raises(ConfigError) as caught:
        job_of("+act=custom", "act._target_=a_script.f")
    assert str(caught.value) == (
        "act=custom: a_script.f cannot be imported, since its module calls sys.exit (usage: a_script): do that only "
        "where __name__ is __main__."
    )


def test_of_a_traceback_in_a_message_the_last_line_is_told():
    error = RuntimeError(
        "It failed in the interpreter.\nTraceback (most recent call last):\n  f\nRuntimeError: no luck.\n"
    )
    assert trial.reason(error) == "RuntimeError: no luck"


def test_a_trial_leaves_the_random_state_and_the_layers_parameters():
    layer = Activation(torch.nn.RReLU())
    learned = Activation(torch.nn.PReLU())
    before = torch.get_rng_state()
    trial.try_activation(layer, "act=rrelu")
    trial.try_activation(learned, "act=prelu")
    assert torch.equal(torch.get_rng_state(), before)
    assert learned.f.weight.item() == 0.25
    assert learned.f.weight.grad is None
