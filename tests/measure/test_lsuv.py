"""init=lsuv: pre-activations of variance 1 in the network as it is, an initial loss near ln 10."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from examples import DIGITS
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from actbench.command import compose
from actbench.command.options import ConfigError, options
from actbench.measure import build
from actbench.measure.data.splits import Batch, Split
from actbench.measure.models import norm as norms
from actbench.measure.models.block import Block, GatedBlock
from actbench.measure.models.cnn import CNN
from actbench.measure.models.init import initialize, lecun, lsuv
from actbench.measure.models.mlp import MLP
from actbench.measure.streams import stream

CPU = torch.device("cpu")
ACTS = {name: OmegaConf.load(path) for name, path in options("act").items()}
ACT_FACTORIES = {name: build.act_factory(node) for name, node in ACTS.items()}
BATCH = DIGITS.first(512)
MY_ACTIVATIONS = """
import torch

def zero(z): return 0 * z
def never(z): return torch.relu(z - 30)
def constant(z): return 0 * z + 3
def faint(z): return 1e-6 * torch.tanh(z)
def explosive(z): return (1.4 * z).exp().exp()
"""


@pytest.fixture
def _my_activations():
    Path("my_faint_activations.py").write_text(MY_ACTIVATIONS)


def _config(*overrides: str) -> DictConfig:
    return compose.job_from(["+act=relu", "init=lsuv", *overrides]).config


def _model(config: DictConfig, *, train: Split = DIGITS, **groups: DictConfig) -> nn.Module:
    """The model of a config with other options of the given groups."""
    changed = OmegaConf.create({**config, **groups}, flags={"allow_objects": True})
    return build.model(changed, train, seed=0, on=CPU)


def _pass(model: nn.Module, batch: Batch) -> tuple[list[Tensor], Tensor]:
    """The pre-activations of every layer and the logits, of a training pass written out."""
    a, zs = batch.images if isinstance(model, CNN) else batch.images.flatten(1), []
    for module in model.hidden:
        if isinstance(module, Block):
            y = module.weight(a)
            y, gate = y.chunk(2, dim=1) if isinstance(module, GatedBlock) else (y, 1)
            zs.append(module.norm(y))
            a = module.dropout(module.act(zs[-1]) * gate)
        else:
            a = module(a)
    return zs, model.output(a.flatten(1))


def _variances(zs: list[Tensor]) -> list[float]:
    return [z.var(correction=0).item() for z in zs]


def _initial(model: str, norm: Callable, act: Callable, scheme: Callable, *, batch: Batch) -> nn.Module:
    """A small model with dropout and the weights of a scheme."""
    shape = {"depth": 2, "width": 32, "gate": False} if model == "mlp" else {"widths": [4, 8]}
    network = {"mlp": MLP, "cnn": CNN}[model](
        input_shape=(1, 8, 8), num_outputs=10, act=act, norm=norm, dropout=0.2, generator=stream(0, "dropout"), **shape
    )
    initialize(network, scheme, generator=stream(0, "init"), gain=lambda layer: 1.0, inputs=lambda: batch.images)
    return network


@torch.no_grad()
@pytest.mark.parametrize("norm", [norms.none, norms.batch, norms.layer])
@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_every_pre_activation_has_variance_one_and_the_loss_is_that_of_chance(model, norm):
    size = {"mlp": 512, "cnn": 256}[model]  # a feature map has many positions
    batch, other = DIGITS.take(torch.arange(size)), DIGITS.take(torch.arange(size, 2 * size))
    draws = [layer.weight for layer in _weight_layers(_initial(model, norm, ACT_FACTORIES["relu"], lecun, batch=batch))]
    for name, act in ACT_FACTORIES.items():
        network = _initial(model, norm, act, partial(lsuv, output_std=0.1), batch=batch)
        for draw, layer in zip(draws, _weight_layers(network), strict=True):  # one factor a layer
            factor = layer.weight.norm() / draw.norm()
            assert torch.allclose(layer.weight, factor * draw, atol=0), name
            assert not layer.bias.any()
            if norm is not norms.none and layer is not network.output:
                assert factor.item() == pytest.approx(1, abs=0.01), name
        zs, _ = _pass(network, batch)
        assert _variances(zs) == pytest.approx([1] * len(zs), abs=0.01), name
        zs, logits = _pass(network, other)
        assert _variances(zs) == pytest.approx([1] * len(zs), abs=0.1), name
        assert F.cross_entropy(logits, other.labels).item() == pytest.approx(math.log(10), rel=0.1), name


def _init(name: str) -> DictConfig:
    return OmegaConf.load(options("init")[name])


def _weight_layers(model: nn.Module) -> list[nn.Linear | nn.Conv2d]:
    return [module for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)]


@torch.no_grad()
@pytest.mark.parametrize("act", ["sigmoid", "silu"])
def test_a_gate_is_part_of_the_network(act):
    network = _model(_config("model.gate=true"), act=ACTS[act])
    zs, logits = _pass(network, BATCH)
    assert _variances([*zs, logits]) == pytest.approx([1, 1, 1, 0.01], rel=1e-3)


@torch.no_grad()
def test_the_outputs_have_the_deviation_that_is_asked_for():
    for std in (0.01, 1.0):
        _, logits = _pass(_model(_config("model.depth=0", f"init.output_std={std}")), BATCH)
        assert logits.std(correction=0).item() == pytest.approx(std, rel=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("f", ["zero", "never", "constant", "faint"])
@pytest.mark.usefixtures("_my_activations")
def test_what_hardly_varies_is_scaled_on_purpose(f, norm):
    """Behind zeros nothing varies; behind a constant units differ, under batch normalisation by rounding alone."""
    config = _config(f"norm={norm}")
    act = OmegaConf.create({"_target_": f"my_faint_activations.{f}"})
    network = _model(config, act=act)
    zs, logits = _pass(network, BATCH)
    draws = [layer.weight for layer in _weight_layers(_model(config, init=_init("lecun")))]
    factors = [
        (layer.weight.norm() / draw.norm()).item() for draw, layer in zip(draws, _weight_layers(network), strict=True)
    ]
    assert factors[0] == pytest.approx(1, rel=0.01)
    if f in ("zero", "never"):
        assert factors[1:] == [1, 1, 1]
        assert (logits == 0).all()
    else:
        assert logits.std(correction=0).item() == pytest.approx(0.1, rel=1e-3)
    if f == "constant" and norm == "batch":
        assert factors[1:3] == [1, 1]
    if f == "constant" and norm == "none":
        assert factors[1:3] == pytest.approx([1 / 3, 1 / 3], rel=0.1)
    if f in ("constant", "faint") and norm == "none":
        assert _variances(zs) == pytest.approx([1, 1, 1], rel=1e-3)
    assert F.cross_entropy(logits, BATCH.labels).item() == pytest.approx(math.log(10), rel=0.1)


@pytest.mark.usefixtures("_my_activations")
def test_a_function_that_overflows_is_refused_before_training(job_of):
    with pytest.raises(ConfigError) as caught:
        job_of("+act=custom", "act._target_=my_faint_activations.explosive", "init=lsuv")
    message = "init=lsuv needs finite pre-activations on the training images, but some are not: give another init."
    assert str(caught.value) == message


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_no_stream_and_no_statistic_moves(model):
    """Dropout's masks, batch normalisation's averages and rrelu's slopes are as with an init that needs no data."""
    config = _config(f"model={model}", "norm=batch", "model.dropout=0.2")
    before = torch.random.get_rng_state()
    states = [_model(config, init=_init(name), act=ACTS["rrelu"]).state_dict() for name in ("lecun", "lsuv")]
    assert torch.equal(before, torch.random.get_rng_state())
    kept = [key for key in states[0] if not key.endswith(("weight.weight", "output.weight"))]
    assert {key.rpartition(".")[2] for key in kept} >= {"_extra_state", "running_mean", "num_batches_tracked"}
    assert all(torch.equal(states[0][key], states[1][key]) for key in kept)


def test_the_images_are_the_training_splits_alone_and_the_same_for_every_activation():
    others = torch.ones(len(DIGITS.pixels), dtype=torch.bool).index_fill(0, DIGITS.rows, False)
    changed = DIGITS._replace(pixels=DIGITS.pixels.masked_fill(others[:, None, None, None], 99))
    config = _config()
    one, other = (_weight_layers(_model(config, train=split)) for split in (DIGITS, changed))
    assert all(torch.equal(a.weight, b.weight) for a, b in zip(one, other, strict=True))
    tanh = _weight_layers(_model(config, act=ACTS["tanh"]))
    assert torch.equal(one[0].weight, tanh[0].weight)
    assert not torch.equal(one[1].weight, tanh[1].weight)
