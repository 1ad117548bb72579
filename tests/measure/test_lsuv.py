"""init=lsuv: pre-activations of variance 1 in the network as it is, an initial loss near ln 10."""

import math
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from examples import DIGITS
from omegaconf import OmegaConf
from torch import Tensor, nn

from actbench.command import compose
from actbench.command.options import ConfigError, options
from actbench.measure import build
from actbench.measure.data.splits import Batch, Split
from actbench.measure.models import norm as norms
from actbench.measure.models.cnn import CNN
from actbench.measure.models.conv import ConvNet
from actbench.measure.models.init import initialize, lecun, lsuv
from actbench.measure.models.mlp import MLP
from actbench.measure.models.strided import StridedCNN
from actbench.measure.streams import stream
from actbench.measure.trace import Activation

ACTS = {name: build.act_factory(OmegaConf.load(path)) for name, path in options("act").items()}
# Behind a norm the scale does not depend on the function: a kink, saturation, a parameter, noise, steps, growth.
OF_EACH_KIND = ("relu", "tanh", "prelu", "rrelu", "binary_step", "squared_relu")
NORMS = [norms.none, norms.batch, norms.layer]
BATCH = DIGITS.first(512)
LSUV = partial(lsuv, output_std=0.1)


def _initial(
    model: type[nn.Module],
    norm: Callable,
    act: Callable,
    scheme: Callable = LSUV,
    *,
    batch: Batch = BATCH,
    **shape: object,
) -> nn.Module:
    """A small model with the initial weights of a scheme."""
    small = {"depth": 2, "width": 32, "gate": False} if model is MLP else {"widths": [4, 8]}
    network = model(
        input_shape=(1, 8, 8),
        num_outputs=10,
        act=act,
        norm=norm,
        generator=stream(0, "dropout"),
        **{"dropout": 0.2, **small, **shape},
    )
    initialize(network, scheme, generator=stream(0, "init"), gain=lambda layer: 1.0, inputs=lambda: batch.images)
    return network


def _pass(model: nn.Module, batch: Batch = BATCH) -> tuple[list[Tensor], Tensor]:
    """The pre-activations of every layer and the logits, of a pass as in training."""
    zs: list[Tensor] = []
    layers = [module for module in model.modules() if isinstance(module, Activation)]
    handles = [layer.register_forward_pre_hook(lambda _, inputs: zs.append(inputs[0])) for layer in layers]
    logits = model(batch.images)
    for handle in handles:
        handle.remove()
    return zs, logits


def _variances(zs: list[Tensor]) -> list[float]:
    return [z.var(correction=0).item() for z in zs]


def _weights(model: nn.Module) -> list[Tensor]:
    return [module.weight for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)]


@torch.no_grad()
@pytest.mark.parametrize(
    ("model", "norm"), [*product([MLP, CNN], NORMS), (StridedCNN, norms.none), (ConvNet, norms.batch)]
)
def test_every_pre_activation_has_variance_one_and_the_loss_is_that_of_chance(model, norm):
    size = 512 if model is MLP else 256  # a feature map has many positions
    batch, other = DIGITS.take(torch.arange(size)), DIGITS.take(torch.arange(size, 2 * size))
    draws = _weights(_initial(model, norm, ACTS["relu"], lecun))
    for name, act in {name: ACTS[name] for name in (ACTS if norm is norms.none else OF_EACH_KIND)}.items():
        network = _initial(model, norm, act, batch=batch)
        factors = [(weight.norm() / draw.norm()).item() for draw, weight in zip(draws, _weights(network), strict=True)]
        for draw, weight, factor in zip(draws, _weights(network), factors, strict=True):
            assert torch.allclose(weight, factor * draw, atol=0), name
        if norm is not norms.none:
            assert factors[:-1] == pytest.approx([1] * len(factors[:-1]), abs=0.01), name
        zs, _ = _pass(network, batch)
        assert _variances(zs) == pytest.approx([1] * len(zs), abs=0.01), name
        zs, logits = _pass(network, other)
        assert _variances(zs) == pytest.approx([1] * len(zs), abs=0.1), name
        assert F.cross_entropy(logits, other.labels).item() == pytest.approx(math.log(10), rel=0.1), name


@torch.no_grad()
def test_a_gate_is_part_of_the_network():
    zs, logits = _pass(_initial(MLP, norms.none, ACTS["silu"], gate=True))
    assert _variances([*zs, logits]) == pytest.approx([1, 1, 0.01], rel=1e-3)


@torch.no_grad()
def test_the_outputs_have_the_deviation_that_is_asked_for():
    for std in (0.01, 1.0):
        _, logits = _pass(_initial(MLP, norms.none, ACTS["relu"], partial(lsuv, output_std=std), depth=0))
        assert logits.std(correction=0).item() == pytest.approx(std, rel=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("f", [lambda z: 0 * z, lambda z: torch.relu(z - 30)], ids=["zero", "never"])
def test_behind_zeros_the_scale_is_lecuns(f, norm):
    networks = [_initial(MLP, norm, lambda n: Activation(f), scheme) for scheme in (LSUV, lecun)]
    for one, other in list(zip(*map(_weights, networks), strict=True))[1:]:
        assert torch.equal(one, other)
    _, logits = _pass(networks[0])
    assert not logits.any()


@torch.no_grad()
@pytest.mark.parametrize("norm", NORMS)
def test_a_constant_is_scaled_like_any_input_but_not_its_rounding_errors(norm):
    """Units differ by their weights; under batch normalisation only rounding errors are left of the constant."""
    networks = [_initial(MLP, norm, lambda n: Activation(lambda z: 0 * z + 3), s, dropout=0.0) for s in (LSUV, lecun)]
    (_, scaled, _), (_, draw, _) = map(_weights, networks)
    zs, logits = _pass(networks[0])
    assert (scaled.norm() / draw.norm()).item() == pytest.approx(1 if norm is not norms.none else 1 / 3, rel=0.2)
    assert _variances(zs) == pytest.approx([1, 0 if norm is norms.batch else 1], abs=0.01)
    assert logits.std(correction=0).item() == pytest.approx(0.1, rel=1e-3)


@torch.no_grad()
def test_a_faint_signal_is_scaled_up():
    zs, logits = _pass(_initial(MLP, norms.none, lambda n: Activation(lambda z: 1e-6 * z.tanh())))
    assert _variances([*zs, logits]) == pytest.approx([1, 1, 0.01], rel=1e-3)


def test_a_function_that_overflows_is_refused_before_training(job_of):
    Path("explosive.py").write_text("def f(z): return (1.4 * z).exp().exp()")
    with pytest.raises(ConfigError) as caught:
        job_of("+act=custom", "act._target_=explosive.f", "init=lsuv")
    message = "init=lsuv needs finite pre-activations on the training images, but some are not: give another init."
    assert str(caught.value) == message


@pytest.mark.parametrize("model", [MLP, CNN])
def test_no_stream_and_no_statistic_moves(model):
    """Dropout's masks, batch normalisation's averages and rrelu's slopes are as with an init that needs no data."""
    states, after = [], []
    for scheme in (LSUV, lecun):
        torch.manual_seed(0)  # torch's own draws of initial weights
        states.append(_initial(model, norms.batch, ACTS["rrelu"], scheme).state_dict())
        after.append(torch.random.get_rng_state())
    assert torch.equal(*after)
    one, other = states
    kept = [key for key in one if not key.endswith(("weight.weight", "output.weight"))]
    assert {key.rpartition(".")[2] for key in kept} >= {"_extra_state", "running_mean", "num_batches_tracked"}
    assert all(torch.equal(one[key], other[key]) for key in kept)


def test_the_images_are_the_training_splits_alone_and_the_same_for_every_activation():
    others = torch.ones(len(DIGITS.pixels), dtype=torch.bool).index_fill(0, DIGITS.rows, False)
    changed = DIGITS._replace(pixels=DIGITS.pixels.masked_fill(others[:, None, None, None], 99))
    relu, tanh = (compose.job_from([f"+act={name}", "init=lsuv"]).config for name in ("relu", "tanh"))

    def weights(config, train: Split) -> list[Tensor]:
        return _weights(build.model(config, train, seed=0, on=torch.device("cpu")))

    before = torch.random.get_rng_state()
    one, other = weights(relu, DIGITS), weights(relu, changed)
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(map(torch.equal, one, other))
    assert torch.equal(one[0], weights(tanh, DIGITS)[0])
    assert not torch.equal(one[1], weights(tanh, DIGITS)[1])
