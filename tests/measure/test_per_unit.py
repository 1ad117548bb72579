"""Activations with parameters for each unit: their functions, their probes by hand, and runs with them."""

from pathlib import Path

import pytest
import torch
from torch import nn

from actbench.catalogue import entries
from actbench.command.options import ConfigError
from actbench.measure import build, probes
from actbench.measure.per_unit import PerUnit
from actbench.measure.trace import Activation, trace

CLASSES = """
import torch
from torch import nn

class Scaled(nn.Module):  # a channel's bound is its own
    def __init__(self, channels, *, first=1.0):
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels,), first))
    def forward(self, z):
        return self.scale.view(1, -1, *[1] * (z.ndim - 2)) * z.tanh()

class OfRows(nn.Module):  # its parameters meet the last axis, of positions behind a convolution
    def __init__(self, num_units):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(num_units))
    def forward(self, z):
        return self.scale * z

class Mixing(nn.Module):  # a unit sees the others
    def __init__(self, num_units):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(num_units))
    def forward(self, z):
        return self.scale * z + z.sum(1, keepdim=True)
"""
PRELU = ["+act=prelu", "act.num_parameters=channel"]


@pytest.fixture(autouse=True)
def _classes():
    Path("my_classes.py").write_text(CLASSES)


@pytest.fixture
def layer() -> PerUnit:
    layer = PerUnit(nn.PReLU, num_units=3)
    layer.f.weight.data = torch.tensor([0.0, 0.005, 0.5])
    return layer


def test_the_functions_are_those_of_the_units(layer):
    z = torch.randn(5, 3, 2, 2)
    for index, f in enumerate(layer.functions()):
        assert torch.equal(f(z[:, index]), layer(z)[:, index])


def test_a_layer_owns_the_parameters_of_its_units_alone(layer):
    assert {name: tuple(p.shape) for name, p in layer.named_parameters()} == {"f.weight": (3,)}
    assert set(layer.state_dict()) == {"f.weight"}


def test_learned_parameters_are_logged_by_their_mean_and_spread(layer):
    weight = layer.f.weight.detach()
    assert probes.act_parameters(layer) == pytest.approx(
        {"act.weight": float(weight.mean()), "act.weight.std": float(weight.std(correction=0))}
    )


def test_saturation_and_shape_are_those_of_each_unit_averaged():
    """The second unit is ReLU and saturates below 0; the others, with slopes of .5 and 2, saturate nowhere."""
    layer = PerUnit(nn.PReLU, num_units=3)
    layer.f.weight.data = torch.tensor([0.5, 0.0, 2.0])
    model = nn.Sequential(nn.Linear(4, 3), layer, nn.Linear(3, 2))
    x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    (traced,) = trace(model, lambda: model(x).sum())
    measures = probes.measure(traced, bounds=lambda f: [probes.bounds_of(g, epsilon=0.01) for g in f.functions()])
    z = model[0](x).detach()
    assert measures["saturation_low"] == pytest.approx(float((z[:, 1] < 0).double().mean()) / 3)
    assert measures["saturation_high"] == 0
    assert torch.equal(torch.cat(list(traced.slopes()))[..., 0], torch.where(z > 0, 1.0, layer.f.weight.detach()))


@pytest.mark.parametrize("line", [["+act=prelu"], ["+act=custom", "act._target_=torch.nn.PReLU"]])
@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_a_run_learns_a_slope_for_each_unit(line, model, measure):
    few = ["model.width=5"] if model == "mlp" else ["model=cnn", "model.widths=[3,4]"]
    tables = measure(*line, "act.num_parameters=channel", "num_seeds=1", "train.epochs=1", *few, tiny=model == "mlp")
    shared = measure(*line, "num_seeds=1", "train.epochs=1", *few, tiny=model == "mlp")
    num_layers = tables.layers["layer_index"].max()
    num_units = 5 * num_layers if model == "mlp" else 3 + 4
    assert tables.runs["num_parameters"].item() - shared.runs["num_parameters"].item() == num_units - num_layers
    last = tables.layers[tables.layers["step"] == tables.layers["step"].max()]
    assert (last["act.weight.std"] > 0).all()
    assert last["saturation_low"].notna().all()


def test_a_required_argument_takes_the_number_of_units(job_of, measure):
    tables = measure("+act=custom", "act._target_=my_classes.Scaled", "+act.first=1.5", "model.width=5")
    assert tables.layers["act.scale"].iloc[0] == 1.5
    assert tables.layers["phi"].notna().all()
    job_of("+act=custom", "act._target_=my_classes.Scaled", "model=cnn")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["my_classes.OfRows", "model=cnn"], "act=custom fails on a tensor of shape"),
        (["builtins.dict"], "act=custom fails on a tensor of shape (8, 12): 'dict' object is not callable."),
        (["my_classes.Mixing"], "act=custom mixes entries of a tensor"),
        (["my_classes.Scaled", "act.width=channel"], "act=custom: my_classes.Scaled cannot be made with width=channel"),
    ],
)
def test_what_cannot_be_taken_apart_is_refused(words, sentence, job_of):
    with pytest.raises(ConfigError) as caught:
        job_of("+act=custom", f"act._target_={words[0]}", *words[1:])
    assert sentence in str(caught.value)


@pytest.mark.parametrize("value", ["5", "chanel"])
def test_another_number_than_that_of_the_units_is_refused(value, job_of):
    with pytest.raises(ConfigError) as caught:
        job_of("+act=prelu", f"act.num_parameters={value}")
    assert str(caught.value) == f"act.num_parameters={value} must be channel: the number of units of each layer."


def test_properties_are_those_of_the_function_as_it_starts():
    named, shared = entries.read(PRELU), entries.read(["+act=prelu"])
    z = torch.linspace(-3, 3, 13, dtype=torch.float64)
    assert torch.equal(named.f(z), shared.f(z))
    scaled = entries.read(["+act=custom", "act._target_=my_classes.Scaled", "+act.first=1.5"])
    assert torch.equal(scaled.f(z), 1.5 * z.tanh())


def test_the_matched_gain_is_that_of_the_function_as_it_starts():
    assert build.gain(PerUnit(nn.PReLU, num_units=7), dropout=0) == build.gain(Activation(nn.PReLU()), dropout=0)
