"""The GAN: its two updates, its observations, and what a run of it records."""

import math
import shutil
from functools import partial
from pathlib import Path

import commands
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
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
from actbench.report import workloads
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


def test_a_step_is_one_of_the_discriminator_then_one_of_the_generator(splits):
    """For D(x) = wᵀx + b in closed form: ∂/∂w = −σ(−D(x)) x + σ(D(G)) G, and then the chain rule through new w."""
    task = _task(splits)
    linear, batch = task.discriminator[1], splits.train.take(torch.arange(16))
    latents = torch.Generator()
    latents.set_state(task.latents.get_state())
    with torch.no_grad():
        x = task._scaled(batch.images).flatten(1)
        made = task.generator(torch.randn(16, 4, generator=latents)).flatten(1)
        real, fake = linear(x), linear(made)
        expected = linear.weight - 0.1 * (fake.sigmoid() * made - (-real).sigmoid() * x).mean(0)
        output, tanh_slope = task.generator.output.bias.clone(), 1 - made.square()
    losses = task.step(batch)
    torch.testing.assert_close(linear.weight.detach(), expected)
    with torch.no_grad():
        fooled = linear(made)
        at_output = -(-fooled).sigmoid() * linear.weight * tanh_slope / 16
        torch.testing.assert_close(task.generator.output.bias, output - 0.1 * at_output.sum(0))
    assert losses["discriminator_loss"].item() == pytest.approx((F.softplus(-real) + F.softplus(fake)).mean().item())
    assert losses["generator_loss"].item() == pytest.approx(F.softplus(-fooled).mean().item())


def test_clipping_bounds_each_networks_update(splits):
    task = _task(splits, clip=0.01)
    before = {name: [p.detach().clone() for p in net.parameters()] for name, net in task.networks.items()}
    task.step(splits.train.take(torch.arange(16)))
    for name, net in task.networks.items():
        moved = torch.cat([(p - old).flatten() for p, old in zip(net.parameters(), before[name], strict=True)])
        assert moved.norm().item() == pytest.approx(0.1 * 0.01, rel=1e-3)


def test_the_gradient_at_an_image_of_a_linear_discriminator_is_its_weight(splits):
    task = _task(splits)
    with torch.no_grad():
        task.discriminator[1].weight[0, :16] = 0
    found = task.observe()
    assert found["input_grad_zero"] == 0.25
    assert found["input_grad_hoyer"] == pytest.approx(hoyer(task.discriminator[1].weight[0]).item(), rel=1e-5)
    assert found["score_accuracy"] == task.score.accuracy


def test_images_are_scaled_black_to_white(splits):
    task = _task(splits)
    stored = split(
        digits.load(), num_val=60, num_test=60, num_train=200, standardize=False, seed=0, device=torch.device("cpu")
    )
    torch.testing.assert_close(task.train_images, stored.train.whole().images * 2 - 1)


def test_real_images_are_as_far_as_the_floor_and_a_constant_is_chance(splits):
    task = _task(splits)
    real = task._measured(task.train_images[:60], splits.val)
    assert real["fld"] == pytest.approx(real["fld_floor"])
    assert real["modes"] >= 9  # the score network of the tests is a quick one
    assert real["ndb"] == 0
    chance = task.chance(splits.val)
    assert (chance["modes"], chance["class_kl"]) == (1, pytest.approx(math.log(10)))
    assert chance["fld"] > 10 * real["fld"]
    assert chance["ndb"] == 1


def test_evaluating_and_looking_draw_nothing_and_change_nothing(splits):
    task = _task(splits)
    state = {name: value.clone() for name, value in task.networks.state_dict().items()}
    latents, everything = task.latents.get_state(), torch.random.get_rng_state()
    first = task.evaluate(splits.val), task.observe(), task.picture()
    task.trace(splits.val.whole(), weights_before=None)
    assert task.evaluate(splits.val) == first[0]
    assert task.observe() == first[1]
    assert torch.equal(task.picture(), first[2])
    assert torch.equal(latents, task.latents.get_state())
    assert torch.equal(everything, torch.random.get_rng_state())
    assert all(torch.equal(value, state[name]) for name, value in task.networks.state_dict().items())
    assert all(p.grad is None for p in task.networks.parameters())


def test_a_state_taken_up_again_goes_on_as_if_nothing_had_been(splits):
    batch = splits.train.take(torch.arange(16))
    task, other = _task(splits), _task(splits, seed=3)
    task.step(batch)
    other.load_state_dict(task.state_dict())
    for _ in range(2):
        one, two = task.step(batch), other.step(batch)
        assert {k: v.item() for k, v in one.items()} == {k: v.item() for k, v in two.items()}


def test_the_sheet_is_small_and_of_sixteen_greys(splits):
    sheet = _task(splits).picture()
    assert (sheet.dtype, sheet.shape) == (torch.uint8, (1, 4 * 9, 8 * 9))
    assert set(sheet.unique().tolist()) <= {17 * level for level in range(16)}


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 9, 7)])
def test_the_convolutional_generator_fits_every_size(shape):
    generator = ConvGenerator(latent_size=5, output_shape=shape, widths=[8, 4], act=nn.ReLU)
    images = generator(torch.randn(3, 5))
    assert images.shape == (3, *shape)
    assert images.abs().max() <= 1


def test_the_same_command_gives_the_same_numbers_with_or_without_its_score_network(measure, monkeypatch, tmp_path):
    """Bit for bit, the sheet too; between the two the cache is taken away."""
    first = measure("+act=mish", *SMALL, "output.name=one", "model.dropout=0.2")
    monkeypatch.setattr(score, "FOLDER", tmp_path / "elsewhere")
    second = measure("+act=mish", *SMALL, "output.name=two", "model.dropout=0.2")
    for one, two in zip(first, second, strict=True):
        pd.testing.assert_frame_equal(_numbers(one), _numbers(two), check_exact=True)
    assert first.runs["picture"].item().startswith(b"\x89PNG")


def test_two_activations_share_every_draw(measure):
    """identity and leaky ReLU with slope 1 are one function: the same seed gives the same numbers and images."""
    one = measure("+act=identity", *SMALL)
    other = measure("+act=leaky_relu", "act.negative_slope=1.0", *SMALL)
    pd.testing.assert_frame_equal(_numbers(one.epochs), _numbers(other.epochs), check_exact=True)
    assert one.runs["picture"].item() == other.runs["picture"].item()


def test_the_generator_starts_the_same_whatever_the_discriminator_is(splits, job_of):
    made = []
    for line in (["+act=relu"], ["+act=tanh", "init=matched", "model.width=32"], ["+act=elu", "model=cnn"]):
        config = job_of(*line, "task=gan", "data.num_train=200").config
        model = build.model(config, input_shape=torch.Size((1, 8, 8)), seed=0, on=torch.device("cpu"))
        made.append(build.task(config, model, splits=splits, seed=0))
    assert all(torch.equal(made[0].picture(), task.picture()) for task in made[1:])


def test_training_is_bitwise_the_same_with_and_without_probing(measure):
    silent, probed = (
        measure("+act=rrelu", *SMALL, "norm=batch", "model.dropout=0.2", f"probes={name}")
        for name in ("none", "every_epoch")
    )
    assert len(silent.layers) == 0 < len(probed.layers)
    pd.testing.assert_frame_equal(_numbers(silent.epochs), _numbers(probed.epochs), check_exact=True)


def test_layers_of_both_networks_are_recorded_the_generators_first(measure):
    runs, epochs, layers = measure("+act=tanh", *SMALL, "model.depth=2")
    start = layers[layers["step"] == 0]
    assert start["layer"].tolist() == [
        "generator.hidden.0.act", "discriminator.hidden.0.act", "discriminator.hidden.1.act",
    ]  # fmt: skip
    assert start["layer_index"].tolist() == [1, 2, 3]
    assert start["grad_zero"].iloc[0] > 0.1  # the generator's own relu
    assert layers.loc[layers["step"] > 0, "update_ratio"].gt(0).all()
    assert start["phi"].notna().tolist() == [False, True, True]  # each by the shape of its own function
    assert runs["val_fld"].item() == epochs["val_fld"].iloc[-1]
    measured = [c.name for c in RUNS if c.name.startswith(("test_", "train_", "input_", "generator_", "score_"))]
    other = ["test_loss", "test_accuracy", "test_ece", "test_midpoint_gap", "train_loss"]
    assert runs[other].isna().all(axis=None)
    assert runs[[name for name in measured if name not in other]].notna().all(axis=None)
    assert runs[["steps_to_target", "epochs_to_target"]].isna().all(axis=None)


@pytest.mark.parametrize("lr", ["1e30", "1e3"])
def test_divergence_is_a_result(lr, measure):
    """At 1e30 what a generator gives that ignores its input; a rate that is only far too high ends in some way."""
    runs, epochs, _ = measure("+act=leaky_relu", *SMALL, f"optim.lr={lr}", "train.epochs=3")
    assert runs["status"].item() in {"done", "diverged"}
    assert math.isfinite(runs["test_fld"].item())
    if lr == "1e30":
        assert runs["status"].item() == "diverged"
        assert runs["test_modes"].item() == 1
        assert len(epochs) < 4


def test_a_convolutional_gan_trains(measure):
    line = ["+act=silu", "task=gan_conv", "model=cnn", "norm=batch", "train.epochs=1", "num_seeds=2"]
    runs, _, layers = measure(*line, "data.num_train=128", tiny=False)
    assert list(runs["status"]) == ["done", "done"]
    assert layers.loc[layers["step"] == 0, "layer"].nunique() == 6
    assert runs["picture"].notna().tolist() == [True, False]


def test_the_two_experiments_are_one_workload():
    """What they sweep apart may be compared."""
    configs = [commands.jobs(f"+experiment={name}")[0].config for name in ("gan_slope", "gan_smooth")]
    one, two = (job.flatten(OmegaConf.to_container(c, resolve=True)) for c in configs)
    assert {key: value for key, value in one.items() if key != "act.negative_slope"} == two


def test_a_report_of_gans_shows_what_they_measure_and_nothing_else(measure):
    for name in ("relu", "tanh"):
        measure(f"+act={name}", *SMALL, "num_seeds=2")
    page = workloads.write("results/adhoc")
    told = (page.parent / "report.md").read_text("utf-8")
    assert "Lowest mean test FLD: " in told
    assert "| layers | 1 generator, 2 to 3 discriminator |" in told
    assert "accuracy of" not in told.split("## How to read")[0]
    assert "test accuracy" not in told
    figures = {path.stem for path in Path("results/adhoc/figures").iterdir()}
    assert {"ranking", "sheets", "gradient_sparsity", "sparsity_over_time", "sparsity_and_quality"} <= figures
    assert "nan" not in told
    pictures = collect("results/adhoc").runs["picture"].dropna().tolist()
    compact("results/adhoc")
    shutil.rmtree("results/adhoc/runs")
    assert collect("results/adhoc").runs["picture"].dropna().tolist() == pictures
    assert len(pictures) == 2
