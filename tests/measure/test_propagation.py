"""Networks at initialisation: gradients against matrix products, self-normalisation, affine networks, noise inputs."""

import math

import pandas as pd
import pytest
import torch
from examples import DIGITS
from torch import nn

from actbench.compare.layers import vanishing
from actbench.measure import build
from actbench.measure.data import gaussian
from actbench.measure.data.splits import Batch, split
from actbench.measure.models.mlp import MLP
from actbench.measure.models.norm import none
from actbench.measure.streams import stream
from actbench.measure.tasks.propagation import midpoint_gap
from actbench.measure.trace import Activation, trace

GAUSSIAN = ["task=propagation", "data=gaussian"]
OPTIONS = {"shape": [1, 8, 8], "num_images": 2048, "num_classes": 10}


def test_a_run_measures_initialisation_only(measure):
    runs, epochs, layers = measure("+act=selu", *GAUSSIAN, "num_seeds=2", "train.epochs=7", "model.depth=32")
    assert list(runs["status"]) == ["done", "done"]
    assert runs[["epoch", "step"]].to_numpy().tolist() == [[0, 0], [0, 0]]
    assert list(epochs["epoch"]) == [0, 0]
    assert layers.groupby(["seed", "step"])["layer_index"].apply(list).tolist() == [list(range(1, 33))] * 2
    assert layers.drop(columns=["bias_shift", "update_ratio", "phi"]).notna().all().all()
    missing = ["train_loss", "test_loss", "train_seconds", "samples_per_second", "steps_to_target", "epochs_to_target"]
    assert runs[missing].isna().all().all()
    assert runs["test_midpoint_gap"].gt(0.1).all()


def test_labels_have_no_effect(job_of):
    job = job_of("+act=tanh", *GAUSSIAN, "norm=layer")
    model = build.model(job.config, DIGITS, seed=3, on=torch.device("cpu"))
    task = build.task(job.config, model, splits=None, seed=3)
    images = torch.randn(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    one, other = (task.trace(Batch(images, torch.full((20,), k)), weights_before=None) for k in (0, 1))
    assert all(torch.equal(a.dz, b.dz) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("init", ["torch", "lecun", "matched", "positive_mean"])
def test_the_gradient_is_the_product_of_the_later_weight_matrices(init, job_of):
    """In a network of identities, dz_l = v W_out W_L … W_{l+1}, v ~ N(0, 1) from the stream `cotangent`."""
    job = job_of("+act=identity", *GAUSSIAN, f"init={init}", "model.depth=5", "model.width=20")
    model = build.model(job.config, DIGITS, seed=1, on=torch.device("cpu"))
    images = torch.randn(30, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    traces = build.task(job.config, model, splits=None, seed=1).trace(
        Batch(images, torch.zeros(30).long()), weights_before=None
    )
    expected = torch.randn(30, 10, generator=stream(1, "cotangent"), dtype=torch.float64) @ model.output.weight
    for index in reversed(range(5)):
        torch.testing.assert_close(traces[index].dz.squeeze(-1), expected)
        expected = expected @ model.hidden[index].weight.weight


def test_a_gradient_far_below_the_range_of_float32_is_measured(measure):
    """Sigmoid's slope at 0 is 1/4 and the weights' variance 1/(3 width): at most 1/(4 sqrt(3)) a layer."""
    layers = measure("+act=sigmoid", *GAUSSIAN, "model.depth=32", "model.width=64").layers
    assert layers["grad_rms"].min() < 1e-25
    assert vanishing(layers)["gain"].item() == pytest.approx(-math.log(4 * math.sqrt(3)), rel=0.05)


def test_selu_contracts_towards_the_standard_normal_and_relu_does_not(measure):
    """Klambauer et al. 2017, theorem 1, with inputs that are far from mean 0 and variance 1."""
    start = ["init=lecun", "model.depth=24", "model.width=128", "data.mean=1", "data.std=2"]
    distance = {act: measure(f"+act={act}", *GAUSSIAN, *start).layers["w2_normal"] for act in ("selu", "relu")}
    assert distance["selu"].iloc[0] > 0.5
    assert distance["selu"].iloc[-1] < 0.15
    assert distance["relu"].iloc[-1] > 0.5


def test_batch_normalisation_uses_the_statistics_of_the_batch(measure):
    layers = measure("+act=identity", *GAUSSIAN, "norm=batch", "data.std=3").layers
    assert layers["out_std"].tolist() == pytest.approx([1, 1], abs=1e-4)
    assert layers["out_bias"].max() < 1e-6


@pytest.mark.parametrize("model", ["model=mlp", "model=cnn"])
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_every_model_and_norm_can_be_measured(model, norm, measure):
    runs, _, layers = measure("+act=relu", *GAUSSIAN, model, f"norm={norm}", "num_seeds=1", tiny=False)
    assert runs["status"].item() == "done"
    assert runs["test_right"].isna().all()
    assert layers["layer_index"].tolist() == [1, 2, 3]


def test_a_network_whose_outputs_overflow_has_diverged(measure):
    assert measure("+act=squared_relu", *GAUSSIAN, "init=he", "model.depth=32").runs["status"].item() == "diverged"


@pytest.mark.parametrize(("depth", "norm"), [(0, "none"), (1, "batch"), (32, "none"), (32, "batch")])
def test_a_network_of_identities_is_affine_at_any_depth(depth, norm, measure):
    runs = measure("+act=identity", *GAUSSIAN, f"model.depth={depth}", f"norm={norm}", "init=lecun").runs
    assert runs["test_midpoint_gap"].item() < 1e-11


def test_the_midpoint_gap_equals_one_by_hand():
    """f(z) = z² at the pair (0, 2): the gap is 1; f is 0, 4, 1, of variance 26/9. The second output is constant."""
    ends, constant = torch.tensor([[0.0, 5.0], [4.0, 5.0], [1.0, 5.0]]), torch.ones(3, 2)
    assert midpoint_gap(*ends.split(1)) == pytest.approx(1 / math.sqrt(26 / 9 / 2))
    assert midpoint_gap(*constant.split(1)) == 0


def test_without_a_hidden_layer_a_network_is_softmax_regression(measure):
    runs, epochs, layers = measure("+act=identity", "model.depth=0")
    assert runs["num_parameters"].item() == 64 * 10 + 10
    assert epochs["val_loss"].is_monotonic_decreasing
    assert len(layers) == 0
    other = measure("+act=tanh", "model.depth=0", "model.width=7").epochs  # neither has an effect
    pd.testing.assert_series_equal(epochs["val_loss"], other["val_loss"], check_exact=True)


def test_a_network_without_a_hidden_layer_has_no_layer_to_trace():
    act, generator = (lambda num_units: Activation(nn.ReLU())), torch.Generator()
    model = MLP(
        input_shape=[1, 2, 2],
        num_outputs=3,
        depth=0,
        width=9,
        gate=False,
        act=act,
        norm=none,
        dropout=0.0,
        generator=generator,
    )
    x = torch.randn(5, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model(x), x.flatten(1) @ model.output.weight.T + model.output.bias)
    assert trace(model, lambda: model(x).sum()) == []


def test_gaussian_images_have_their_mean_and_standard_deviation():
    standard, other = gaussian.load(**OPTIONS, mean=0.0, std=1.0), gaussian.load(**OPTIONS, mean=0.5, std=2.0)
    torch.testing.assert_close(other.images, 0.5 + 2 * standard.images)
    sizes = {"num_val": 512, "num_test": 512, "num_train": None, "standardize": False}
    splits = split(other, **sizes, seed=0, device=torch.device("cpu"))
    assert [len(each.labels) for each in splits] == [1024, 512, 512]
    for images, labels in (each.examples() for each in splits):
        assert images.mean().item() == pytest.approx(0.5, abs=0.04)
        assert images.std().item() == pytest.approx(2, abs=0.04)
        assert labels.bincount().float().std() < 1


def test_the_shape_of_gaussian_images_is_checked():
    for shape in ([8, 8], [1, 0, 8]):
        with pytest.raises(ValueError, match="must be") as caught:
            gaussian.load(**OPTIONS | {"shape": shape}, mean=0.0, std=1.0)
        assert str(caught.value) == f"data.shape={shape} must be channels, height and width, 1 or more each."
