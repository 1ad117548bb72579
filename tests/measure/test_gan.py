"""The GAN: its two updates, its measures, and the tables and report of its runs."""

import math
import shutil
from functools import partial
from pathlib import Path

import commands
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from examples import DIGITS
from omegaconf import OmegaConf
from torch import nn

from actbench.command import job
from actbench.measure import build
from actbench.measure.data import digits
from actbench.measure.data.splits import Splits, split
from actbench.measure.models.generator import ConvGenerator, MLPGenerator
from actbench.measure.sample_quality import score
from actbench.measure.sparsity import hoyer
from actbench.measure.tasks.gan import GAN
from actbench.report import results_folder
from actbench.tables.schema import RUNS
from actbench.tables.store import collect, compact

CLOCK = ["train_seconds", "probe_seconds", "samples_per_second", "peak_mib"]
SMALL = ["task=gan"]  # two epochs of two steps, see conftest.TINY


@pytest.fixture(scope="module")
def splits() -> Splits:
    numbers = {"num_val": 60, "num_test": 60, "num_train": 200, "standardize": True}
    return split(digits.load(), **numbers, seed=0, device=torch.device("cpu"))


def _task(splits: Splits, *, model: nn.Module | None = None, clip: float | None = None, seed: int = 0) -> GAN:
    if model is None:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
    sgd = partial(torch.optim.SGD, lr=0.1)
    return GAN(
        model=model,
        optimizer=sgd(model.parameters()),
        optimizer_of=lambda network: sgd(network.parameters()),
        clip_grad_norm=clip,
        generator=partial(MLPGenerator, depth=1, width=8, act=nn.ReLU),
        latent_size=4,
        source=digits.load(),
        splits=splits,
        num_classes=10,
        seed=seed,
    )


def _numbers(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=["run_id", *(name for name in CLOCK if name in frame)])


def test_a_step_updates_the_discriminator_and_then_the_generator(splits):
    """For D(x) = wᵀx + b in closed form: ∂/∂w = −σ(−D(x)) x + σ(D(G)) G, then the chain rule through the new w."""
    task = _task(splits)
    linear, batch = task.discriminator[1], splits.train.take(torch.arange(16))
    latents = torch.Generator()
    latents.set_state(task.latents.get_state())
    with torch.no_grad():
        x = task._scaled(batch.images).flatten(1)
        generated = task.generator(torch.randn(16, 4, generator=latents)).flatten(1)
        on_real, on_generated = linear(x), linear(generated)
        expected = linear.weight - 0.1 * (on_generated.sigmoid() * generated - (-on_real).sigmoid() * x).mean(0)
        bias, tanh_slope = task.generator.output.bias.clone(), 1 - generated.square()
    losses = task.step(batch)
    torch.testing.assert_close(linear.weight.detach(), expected)
    with torch.no_grad():
        logits = linear(generated)
        at_output = -(-logits).sigmoid() * linear.weight * tanh_slope / 16
        torch.testing.assert_close(task.generator.output.bias, bias - 0.1 * at_output.sum(0))
    discriminator_loss = (F.softplus(-on_real) + F.softplus(on_generated)).mean().item()
    assert losses["discriminator_loss"].item() == pytest.approx(discriminator_loss)
    assert losses["generator_loss"].item() == pytest.approx(F.softplus(-logits).mean().item())


def test_clipping_bounds_each_networks_update(splits):
    task = _task(splits, clip=0.01)
    before = {name: [p.detach().clone() for p in net.parameters()] for name, net in task.networks.items()}
    task.step(splits.train.take(torch.arange(16)))
    for name, net in task.networks.items():
        update = torch.cat([(p - old).flatten() for p, old in zip(net.parameters(), before[name], strict=True)])
        assert update.norm().item() == pytest.approx(0.1 * 0.01, rel=1e-3)


def test_the_gradient_at_an_image_of_a_linear_discriminator_is_its_weight(splits):
    task = _task(splits)
    with torch.no_grad():
        task.discriminator[1].weight[0, :16] = 0
    measures = task.observe()
    assert measures["input_grad_zero"] == 0.25
    assert measures["input_grad_hoyer"] == pytest.approx(hoyer(task.discriminator[1].weight[0]).item(), rel=1e-5)
    assert measures["score_accuracy"] == task.score.accuracy


def test_images_are_scaled_from_black_at_minus_one_to_white_at_one(splits):
    task = _task(splits)
    unscaled = split(
        digits.load(), num_val=60, num_test=60, num_train=200, standardize=False, seed=0, device=torch.device("cpu")
    )
    torch.testing.assert_close(task.train_images, unscaled.train.examples().images * 2 - 1)


def test_real_images_are_at_the_floor_and_chance_is_far_above_it(splits):
    task = _task(splits)
    real = task._quality(task.train_images[:60], splits.val)
    assert real["fld"] == pytest.approx(real["fld_floor"])
    assert real["modes"] >= 9  # the score network of the tests is trained for a few steps only
    assert real["ndb"] == 0
    chance = task.chance(splits.val)
    assert (chance["modes"], chance["class_kl"]) == (1, pytest.approx(math.log(10)))
    assert chance["fld"] > 10 * real["fld"]
    assert chance["ndb"] == 1


def test_measures_leave_networks_and_generators_unchanged(splits):
    task = _task(splits)
    state = {name: value.clone() for name, value in task.networks.state_dict().items()}
    latents, global_state = task.latents.get_state(), torch.random.get_rng_state()
    evaluation, observation, picture = task.evaluate(splits.val), task.observe(), task.picture()
    task.trace(splits.val.examples(), weights_before=None)
    assert task.evaluate(splits.val) == evaluation
    assert task.observe() == observation
    assert torch.equal(task.picture(), picture)
    assert torch.equal(latents, task.latents.get_state())
    assert torch.equal(global_state, torch.random.get_rng_state())
    assert all(torch.equal(value, state[name]) for name, value in task.networks.state_dict().items())
    assert all(p.grad is None for p in task.networks.parameters())


def test_a_restored_state_continues_bitwise(splits):
    batch = splits.train.take(torch.arange(16))
    task, other = _task(splits), _task(splits, seed=3)
    task.step(batch)
    other.load_state_dict(task.state_dict())
    for _ in range(2):
        one, two = task.step(batch), other.step(batch)
        assert {k: v.item() for k, v in one.items()} == {k: v.item() for k, v in two.items()}


def test_the_sheet_has_sixteen_levels(splits):
    sheet = _task(splits).picture()
    assert (sheet.dtype, sheet.shape) == (torch.uint8, (1, 4 * 9, 8 * 9))
    assert set(sheet.unique().tolist()) <= {17 * level for level in range(16)}


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 9, 7)])
def test_the_convolutional_generator_makes_images_of_any_size(shape):
    generator = ConvGenerator(latent_size=5, output_shape=shape, widths=[8, 4], act=nn.ReLU)
    images = generator(torch.randn(3, 5))
    assert images.shape == (3, *shape)
    assert images.abs().max() <= 1


def test_the_same_command_gives_the_same_numbers_with_or_without_its_score_network(measure, monkeypatch, tmp_path):
    """Bitwise, with the sheet; the second run has an empty cache."""
    first = measure("+act=mish", *SMALL, "output.name=one", "model.dropout=0.2")
    monkeypatch.setattr(score, "FOLDER", tmp_path / "elsewhere")
    second = measure("+act=mish", *SMALL, "output.name=two", "model.dropout=0.2")
    for one, two in zip(first, second, strict=True):
        pd.testing.assert_frame_equal(_numbers(one), _numbers(two), check_exact=True)
    assert first.runs["picture"].item().startswith(b"\x89PNG")
    assert first.runs[["num_test_images", "test_right"]].isna().all(axis=None)  # it classifies nothing


def test_two_activations_share_every_draw(measure):
    """identity and leaky ReLU with slope 1 are one function: the same seed gives the same numbers and images."""
    one = measure("+act=identity", *SMALL)
    other = measure("+act=leaky_relu", "act.negative_slope=1.0", *SMALL)
    pd.testing.assert_frame_equal(_numbers(one.epochs), _numbers(other.epochs), check_exact=True)
    assert one.runs["picture"].item() == other.runs["picture"].item()


def test_the_initial_generator_does_not_depend_on_the_discriminator(splits, job_of):
    tasks = []
    for line in (["+act=relu"], ["+act=tanh", "init=matched", "model.width=32"], ["+act=elu", "model=cnn"]):
        config = job_of(*line, "task=gan", "data.num_train=200").config
        model = build.model(config, DIGITS, seed=0, on=torch.device("cpu"))
        tasks.append(build.task(config, model, splits=splits, seed=0))
    assert all(torch.equal(tasks[0].picture(), task.picture()) for task in tasks[1:])


def test_training_is_bitwise_the_same_with_and_without_probing(measure):
    unprobed, probed = (
        measure("+act=rrelu", *SMALL, "norm=batch", "model.dropout=0.2", f"probes={name}")
        for name in ("none", "every_epoch")
    )
    assert len(unprobed.layers) == 0 < len(probed.layers)
    pd.testing.assert_frame_equal(_numbers(unprobed.epochs), _numbers(probed.epochs), check_exact=True)


def test_layers_of_both_networks_are_recorded_with_the_generators_first(measure):
    runs, epochs, layers = measure("+act=tanh", *SMALL, "model.depth=2")
    start = layers[layers["step"] == 0]
    assert start["layer"].tolist() == [
        "generator.hidden.0.act", "discriminator.hidden.0.act", "discriminator.hidden.1.act",
    ]  # fmt: skip
    assert start["layer_index"].tolist() == [1, 2, 3]
    assert start["grad_zero"].iloc[0] > 0.1  # the generator's ReLU
    assert layers.loc[layers["step"] > 0, "update_ratio"].gt(0).all()
    assert start["phi"].notna().tolist() == [False, True, True]  # each by the bounds of its own function
    assert runs["val_fld"].item() == epochs["val_fld"].iloc[-1]
    columns = [c.name for c in RUNS if c.name.startswith(("test_", "train_", "input_", "generator_", "score_"))]
    other = ["test_loss", "test_accuracy", "test_ece", "test_midpoint_gap", "test_right", "train_loss"]
    assert runs[other].isna().all(axis=None)
    assert runs[[name for name in columns if name not in other]].notna().all(axis=None)
    assert runs[["steps_to_target", "epochs_to_target"]].isna().all(axis=None)


@pytest.mark.parametrize("lr", ["1e30", "1e3"])
def test_divergence_is_a_result(lr, measure):
    """At 1e30 the measures are at chance; at 1e3 the run may diverge or not."""
    runs, epochs, _ = measure("+act=leaky_relu", *SMALL, f"optim.lr={lr}", "train.epochs=3")
    assert runs["status"].item() in {"done", "diverged"}
    assert math.isfinite(runs["test_fld"].item())
    if lr == "1e30":
        assert runs["status"].item() == "diverged"
        assert runs["test_modes"].item() == 1
        assert len(epochs) < 4


def test_a_convolutional_gan_trains(measure):
    line = ["+act=silu", "task=gan_conv", "model=strided_cnn", "norm=batch", "train.epochs=1", "num_seeds=2"]
    runs, _, layers = measure(*line, "data.num_train=128", tiny=False)
    assert list(runs["status"]) == ["done", "done"]
    assert layers.loc[layers["step"] == 0, "layer"].nunique() == 4
    assert layers.loc[layers["step"] > 0, "update_ratio"].gt(0).all()
    assert runs["picture"].notna().tolist() == [True, False]


def test_two_experiments_are_one_workload():
    """Apart from the activation's parameters and the name of ReLU, so that their results can be compared."""
    configs = [commands.jobs(f"+experiment={name}")[0].config for name in ("mnist_gan", "mnist_gan_smooth")]
    one, two = (
        {key: value for key, value in job.flatten(OmegaConf.to_container(c, resolve=True)).items() if key[:4] != "act."}
        | {"reference": "relu"}
        for c in configs
    )
    assert one == two


@pytest.mark.usefixtures("unrendered")
def test_a_report_of_gans_shows_the_measures_of_gans_only(measure):
    for name in ("relu", "tanh"):
        measure(f"+act={name}", *SMALL, "num_seeds=2")
    page = results_folder.write("results/adhoc")
    text = (page.parent / "report.md").read_text("utf-8")
    assert " has the lowest mean test FLD, " in text
    assert "| layers | 1 generator, 2 to 3 discriminator |" in text
    assert "accuracy of" not in text
    assert "test accuracy" not in text
    figures = {path.stem for path in Path("results/adhoc/figures").iterdir()}
    assert {"ranking", "sheets", "gradient_sparsity", "sparsity_and_quality"} <= figures
    assert "nan" not in text
    pictures = collect("results/adhoc").runs["picture"].dropna().tolist()
    compact("results/adhoc")
    shutil.rmtree("results/adhoc/runs")
    assert collect("results/adhoc").runs["picture"].dropna().tolist() == pictures
    assert len(pictures) == 2
