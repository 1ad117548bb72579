"""The training loop: what it records, when it stops, and that probes do not change it."""

import math

import pandas as pd
import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from actbench.measure import schedules
from actbench.tables.schema import EPOCHS, RUNS

CLOCK = ["train_seconds", "probe_seconds", "samples_per_second", "peak_mib"]
STATEFUL = ["norm=batch", "model.dropout=0.3", "optim=adam", "train.epochs=3"]


@pytest.mark.parametrize("act", ["rrelu", "prelu", "tanh"])
def test_training_is_bitwise_the_same_with_and_without_probing(act, measure):
    """Probes change no BatchNorm statistics, dropout masks, random slopes or moments of Adam."""
    unprobed, probed, always = (
        measure(f"+act={act}", *STATEFUL, f"probes={name}") for name in ("none", "log_spaced", "every_epoch")
    )
    assert len(unprobed.layers) == 0 < len(probed.layers)
    for other in (probed, always):
        pd.testing.assert_frame_equal(_numbers(unprobed.epochs), _numbers(other.epochs), check_exact=True)
        measures = [column.name for column in RUNS if column.dtype == "float64" and column.name not in CLOCK]
        pd.testing.assert_frame_equal(unprobed.runs[measures], other.runs[measures], check_exact=True)


def _numbers(epochs: pd.DataFrame) -> pd.DataFrame:
    return epochs.drop(columns=["run_id", "train_seconds"])


def test_epochs_are_recorded_from_initialisation(measure):
    runs, epochs, _ = measure("+act=tanh", "train.epochs=3", "data.num_train=128", "train.batch_size=32")
    assert list(epochs["epoch"]) == [0, 1, 2, 3]
    assert list(epochs["step"]) == [0, 4, 8, 12]
    assert epochs["train_loss"].isna().tolist() == [True, False, False, False]
    assert epochs["val_loss"].notna().all()
    assert (runs["epoch"].item(), runs["step"].item()) == (3, 12)
    assert runs["val_loss"].item() == epochs["val_loss"].iloc[-1]
    assert {column.name for column in EPOCHS} == set(epochs.columns)


def test_layers_are_recorded_on_the_schedule(measure):
    layers = measure("+act=tanh", "train.epochs=5", "data.num_train=128", "train.batch_size=32").layers
    assert sorted(layers["step"].unique()) == [0, 1, 3, 10, 20]
    assert layers.groupby("step")["layer_index"].apply(list).tolist() == [[1, 2]] * 5
    assert layers.set_index("step").loc[[1, 3, 10, 20], "epoch"].unique().tolist() == [1, 3, 5]
    assert layers["update_ratio"].isna().eq(layers["step"] == 0).all()


@pytest.mark.parametrize("optim", ["sgd", "adam"])
@pytest.mark.parametrize("act", ["identity", "prelu"])
def test_divergence_is_a_result(act, optim, measure):
    """Accuracy and loss are at chance, the target is not reached, and the epochs before it are kept."""
    runs, epochs, layers = measure(f"+act={act}", f"optim={optim}", "optim.lr=1e30", "train.epochs=4")
    assert runs["status"].item() == "diverged"
    assert runs["test_accuracy"].item() == runs["val_accuracy"].item() == 0.1
    assert runs["test_loss"].item() == pytest.approx(math.log(10))
    assert runs["steps_to_target"].item() == runs["epochs_to_target"].item() == math.inf
    assert runs["test_right"].isna().item()
    assert 1 < len(epochs) < 5
    assert (layers["step"] == 0).any()


@pytest.mark.parametrize("lr", ["1e1", "1e3", "1e12"])
@pytest.mark.parametrize("act", ["squared_relu", "star_relu", "rational"])
def test_no_learning_rate_makes_a_run_fail(act, lr, measure):
    """Finite outputs whose squares overflow are no failure."""
    assert measure(f"+act={act}", f"optim.lr={lr}").runs["status"].item() in {"done", "diverged"}


def test_steps_to_target_are_those_of_the_first_epoch_that_reaches_it(measure):
    runs, epochs, _ = measure("+act=tanh", "train.epochs=20", "optim.lr=0.01", "data.num_train=512", "model.width=64")
    reached = epochs[epochs["val_loss"] <= 0.2]
    assert len(reached)
    assert runs["steps_to_target"].item() == reached["step"].iloc[0]
    assert runs["epochs_to_target"].item() == reached["epoch"].iloc[0]


def test_schedules_fall_from_one_to_zero():
    assert [schedules.linear(p) for p in (0, 0.25, 1)] == [1, 0.75, 0]
    rates = [schedules.triangular(p, start=0.1, peak=0.2) for p in (0, 0.1, 0.2, 0.6, 1)]
    assert rates == pytest.approx([0.1, 0.55, 1, 0.5, 0])
    assert [schedules.cosine(p) for p in (0, 0.5, 1)] == pytest.approx([1, 0.5, 0])
    assert [schedules.constant(p) for p in (0, 0.5, 1)] == [1, 1, 1]


def test_the_schedule_sets_the_learning_rate_of_every_step(measure):
    """Read before each step of the optimizer, for both groups: weights and PReLU's slopes."""
    rates = []
    hook = register_optimizer_step_pre_hook(
        lambda optimizer, *_: rates.append([g["lr"] for g in optimizer.param_groups])
    )
    epochs = measure("+act=prelu", "train.epochs=4", "schedule=cosine", "optim.lr=0.1").epochs
    hook.remove()
    cosine = [0.1 * (1 + math.cos(math.pi * k / len(rates))) / 2 for k in range(len(rates))]
    assert [first for first, _ in rates] == pytest.approx(cosine)
    assert [second for _, second in rates] == pytest.approx(cosine)
    assert epochs["lr"].tolist()[1:] == pytest.approx(cosine[:: len(rates) // 4])


def test_weight_decay_spares_activation_parameters_by_default(measure):
    """With a decay that outweighs the gradient, PReLU's slope goes to 0 only if it is decayed."""
    line = ["+act=prelu", "optim=sgd", "optim.lr=0.05", "optim.momentum=0", "optim.weight_decay=10", "train.epochs=8"]
    spared = measure(*line).layers
    decayed = measure(*line, "train.decay_activations=true").layers
    is_last = spared["step"] == spared["step"].max()
    assert (spared.loc[is_last, "act.weight"] - 0.25).abs().max() < 0.05
    assert decayed.loc[is_last, "act.weight"].abs().max() < 0.05


def test_two_activations_share_the_split_and_the_order(measure):
    """identity and leaky ReLU with slope 1 are one function: the same seed must give the same numbers."""
    one = measure("+act=identity", "model.dropout=0.2")
    other = measure("+act=leaky_relu", "act.negative_slope=1.0", "model.dropout=0.2")
    pd.testing.assert_frame_equal(_numbers(one.epochs), _numbers(other.epochs), check_exact=True)


def test_a_run_leaves_the_global_generator_alone(measure):
    before = torch.random.get_rng_state()
    measure("+act=rrelu")
    assert torch.equal(before, torch.random.get_rng_state())
