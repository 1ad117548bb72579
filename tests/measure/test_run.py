"""A run from start to end: identity, determinism, skipped and failed runs, memory, threads."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from actbench.compare.workloads import workloads
from actbench.measure import build, identity, memory, run
from actbench.measure.data import digits
from actbench.measure.data.splits import folds
from actbench.tables import schema, store
from actbench.tables.bits import unpack
from actbench.tables.schema import SCHEMA

CLOCK = ["train_seconds", "probe_seconds", "samples_per_second", "peak_mib"]


def test_the_same_command_gives_the_same_numbers(measure):
    """Bitwise, except for times and memory."""
    first = measure("+act=rrelu", "model.dropout=0.3", "num_seeds=2", "output.name=one")
    second = measure("+act=rrelu", "model.dropout=0.3", "num_seeds=2", "output.name=two")
    for one, two in zip(first, second, strict=True):
        numbers = [name for name in one if name not in CLOCK]
        pd.testing.assert_frame_equal(one[numbers], two[numbers], check_exact=True)


def test_a_seed_does_not_depend_on_its_pack(measure):
    pack = measure("+act=mish", "num_seeds=3", "seed=4", "model.dropout=0.3")
    alone = measure("+act=mish", "num_seeds=1", "seed=5", "model.dropout=0.3")
    assert list(pack.runs["seed"]) == [4, 5, 6]
    from_pack = pack.epochs[pack.epochs["seed"] == 5].reset_index(drop=True)
    other = ["run_id", "train_seconds"]
    pd.testing.assert_frame_equal(from_pack.drop(columns=other), alone.epochs.drop(columns=other), check_exact=True)


def test_tables_have_the_documented_columns_and_dtypes(measure):
    tables = measure("+act=prelu")
    for name, frame in zip(schema.Tables._fields, tables, strict=True):
        for column in SCHEMA[name]:
            assert str(frame[column.name].dtype) == column.dtype
    assert tables.layers["act.weight"].notna().all()
    assert tables.runs["act.init"].item() == 0.25
    assert tables.runs["looks"].item() == "[10, 20, 40]"
    assert "reference" not in tables.runs  # the usual one, as in all that was published before there was another
    assert tables.runs["protocol"].item() == identity.PROTOCOL
    assert tables.runs["num_parameters"].item() == 64 * 16 + 16 + 16 * 16 + 16 + 16 * 10 + 10 + 2


@pytest.mark.parametrize(
    ("line", "is_same"),
    [
        ("+act=elu act.alpha=1", True),
        ("+act=elu output.name=elsewhere", True),
        ("+act=elu data.num_train=null", True),
        ("+act=elu device=cpu", True),
        ("+act=elu looks=[5,10]", True),
        ("+act=elu reference=gelu", True),
        ("+act=elu act.alpha=2", False),
        ("+act=elu seed=1", False),
        ("+act=elu threads=2", False),
        ("+act=elu optim.lr=0.01", False),
        ("+act=celu", False),
    ],
)
def test_settings_that_can_change_a_number_change_the_run_id(line, is_same, job_of):
    assert (identity.run_id(job_of(*line.split())) == identity.run_id(job_of("+act=elu"))) == is_same


def test_the_bits_of_a_run_are_the_answers_behind_its_accuracy_in_the_order_of_the_test_set(measure):
    """An activation that is always 0 leaves the output's bias: every image is taken for the same digit."""
    Path("nothing.py").write_text("def f(z): return 0 * z\n")
    source = digits.load()
    runs = measure("+act=custom", "act._target_=nothing.f", "num_seeds=2").runs
    for seed, row in runs.set_index("seed").iterrows():
        right = unpack(row["test_right"], row["num_test_images"])
        assert right.mean() == row["test_accuracy"]
        labels = source.labels.numpy()[folds(source.labels.numpy(), 5)[seed]]
        assert [np.array_equal(right, labels == digit) for digit in range(10)].count(True) == 1


def test_the_mean_of_the_bits_is_the_accuracy_to_the_bit(measure):
    runs = measure("+act=relu", "num_seeds=6", "train.epochs=1").runs
    counts = set()
    for _, row in runs.iterrows():
        right = unpack(row["test_right"], row["num_test_images"])
        assert right.mean() == row["test_accuracy"]
        counts.add(len(right))
    assert counts == {359, 360}


def test_two_activations_with_one_name_are_two_variants(measure):
    """The user's mish and torch's have a row each in the report, and torch's keeps its name."""
    Path("my_mish.py").write_text("def mish(z): return z.tanh()\n")
    measure("+act=mish")
    mine = measure("+act=custom", "act._target_=my_mish.mish").runs
    (workload,) = workloads(store.collect("results/adhoc"))
    assert sorted(workload.tables.runs["variant"]) == ["mish", "my_mish.mish"]
    assert mine["act"].item() == "my_mish.mish"
    assert mine["run_id"].item().startswith("my_mish.mish-")


def test_a_weight_layer_inside_an_activation_is_not_the_models(measure):
    """It is not initialised or traced as a layer of the model."""
    Path("inner.py").write_text(
        "import torch\n"
        "class Inner(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.inner = torch.nn.Linear(1, 1)\n"
        "        torch.nn.init.constant_(self.inner.weight, 0.5)\n"
        "    def forward(self, z):\n"
        "        return torch.tanh(self.inner(z[..., None])[..., 0])\n"
    )
    layers = measure("+act=custom", "act._target_=inner.Inner").layers
    start = layers[layers["step"] == 0]
    assert start["act.inner.weight"].tolist() == [0.5, 0.5]
    assert start["layer_index"].tolist() == [1, 2]


def test_a_measured_run_is_not_measured_again(measure, monkeypatch):
    first = measure("+act=tanh")
    monkeypatch.setattr(run, "_measure", lambda *_, **__: pytest.fail("measured again"))
    pd.testing.assert_frame_equal(measure("+act=tanh").runs, first.runs)


def test_a_published_run_is_not_measured_again(measure, job_of, monkeypatch):
    measure("+act=tanh")
    store.compact("results/adhoc")
    shutil.rmtree("results/adhoc/runs")
    monkeypatch.setattr(run, "_measure", lambda *_, **__: pytest.fail("measured again"))
    assert measure("+act=tanh").runs["status"].item() == "done"


def test_a_failed_run_is_recorded_and_run_again(measure, monkeypatch):
    def fail(*_, **__):
        raise MemoryError("no room")

    with monkeypatch.context() as patched:
        patched.setattr(build, "task", fail)
        failed = measure("+act=tanh")
    assert failed.runs["status"].item() == "failed"
    assert failed.runs["message"].item() == "MemoryError: no room"
    (folder,) = Path("results/adhoc/runs").iterdir()
    assert folder.name.endswith(".failed")
    assert "MemoryError: no room" in (folder / "traceback.txt").read_text()
    assert measure("+act=tanh").runs["status"].item() == "done"
    assert not folder.exists()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("half of a pair: \ud800"), "ValueError: half of a pair: \\ud800"),
        (SystemExit("enough"), "SystemExit: enough"),
    ],
    ids=["message that UTF-8 cannot hold", "sys.exit"],
)
def test_any_error_of_an_activation_is_recorded_as_a_failed_run(error, message, measure, monkeypatch):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(build, "task", fail)
    runs = measure("+act=tanh").runs
    assert (runs["status"].item(), runs["message"].item()) == ("failed", message)
    (folder,) = Path("results/adhoc/runs").iterdir()
    assert (folder / "traceback.txt").read_text(encoding="utf-8").endswith(f"{message}\n")


def test_peak_memory_excludes_what_the_process_used_before(measure):
    """Here 400 MiB, in pieces that the process would keep to use again."""
    if not os.access("/proc/self/clear_refs", os.W_OK):
        pytest.skip("This system cannot reset a process's peak memory.")
    first = measure("+act=tanh").runs["peak_mib"].item()
    ballast = [bytearray(2**20) for _ in range(400)]
    during = memory.peak_mib(torch.device("cpu"))
    del ballast
    second = measure("+act=tanh", "seed=1").runs["peak_mib"].item()
    assert during > first + 300
    assert second < first + 100


def test_config_and_environment_are_stored_with_the_tables(measure):
    runs = measure("+act=elu", "act.alpha=0.5").runs
    folder = Path("results/adhoc/runs") / runs["run_id"].item()
    assert {path.name for path in folder.iterdir()} == {
        "config.yaml", "environment.json", "runs.parquet", "epochs.parquet", "layers.parquet",
    }  # fmt: skip
    assert "alpha: 0.5" in (folder / "config.yaml").read_text()
    assert json.loads((folder / "environment.json").read_text())["torch"] == runs["torch"].item()


@pytest.mark.real_data
def test_mnist_trains(real_data, measure):
    runs = measure("+act=relu", "data=mnist", f"data.root={real_data}", "data.num_train=2000", "model.width=64").runs
    assert runs["test_accuracy"].item() > 0.8


@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_uses_its_number_of_threads(threads, measure):
    """Whatever number the process used before."""
    log = "with open('threads.txt', 'a') as file: file.write(f'{torch.get_num_threads()} ')"
    Path("logging_act.py").write_text(f"import torch\ndef f(z):\n    {log}\n    return z.relu()\n")
    torch.set_num_threads(3 - threads)
    measure("+act=custom", "act._target_=logging_act.f", f"threads={threads}")
    torch.set_num_threads(1)
    _, *calls = Path("threads.txt").read_text().split()  # the first call checks the function
    assert set(calls[-10:]) == {str(threads)}


@pytest.mark.skipif(not torch.backends.mps.is_available(), reason="needs a Mac's GPU")
@pytest.mark.parametrize("line", ["+act=prelu norm=batch", "+act=gelu model=cnn", "+act=relu task=gan data=mnist"])
def test_a_run_on_mps_is_measured(line, measure, real_data):
    tables = measure(*line.split(), f"data.root={real_data}", "device=mps")
    assert tables.runs["status"].item() == "done"
    assert tables.layers["out_std"].notna().all()


def test_a_run_on_another_track_with_the_same_settings_is_taken_over(measure, job_of, monkeypatch):
    """Published or not, its numbers are those of the first, and nothing is trained again."""
    shared = measure("+act=relu", "num_seeds=2", "train.epochs=1")
    monkeypatch.setattr(run, "train_seed", None)
    tuned = measure("+act=relu", "num_seeds=2", "train.epochs=1", "track=tuned", "optim.lr=0.003", "init=torch")
    store.compact("results/adhoc")
    shutil.rmtree("results/adhoc/runs")
    both = measure("+act=relu", "num_seeds=2", "train.epochs=1", "track=tuned_lr", "optim.lr=0.003")
    for other, track in ((tuned, "tuned"), (both, "tuned_lr")):
        assert set(other.runs["track"]) == {track}
        assert set(other.runs["run_id"]).isdisjoint(shared.runs["run_id"])
        for frame, first in zip(other, shared, strict=True):
            names = ["run_id", *(["track"] if "track" in first else [])]
            pd.testing.assert_frame_equal(frame.drop(columns=names), first.drop(columns=names))
    other = measure("+act=relu", "num_seeds=2", "train.epochs=1", "track=tuned", "optim.lr=0.004", "init=torch")
    assert list(other.runs["status"]) == ["failed"]


def test_a_run_that_cannot_be_read_is_not_taken_over(measure):
    shared = measure("+act=relu", "num_seeds=1", "train.epochs=1").runs
    path = Path("results/adhoc/runs", shared["run_id"].item(), "runs.parquet")
    path.write_bytes(b"PAR1 and no more PAR1")
    with pytest.warns(UserWarning, match="cannot be read"):
        tuned = measure("+act=relu", "num_seeds=1", "train.epochs=1", "track=tuned_lr", "optim.lr=0.003").runs
    assert tuned["test_loss"].item() == shared["test_loss"].item()


def test_a_run_whose_code_may_have_changed_is_not_taken_over(measure, monkeypatch):
    Path("fickle.py").write_text("import torch\n\n\ndef f(z): return torch.relu(z)\n")
    line = ["+act=custom", "act._target_=fickle.f", "num_seeds=1", "train.epochs=1"]
    measure(*line)
    monkeypatch.setattr(run, "_doubts", lambda job: {"fickle.f": "it may have changed"})
    monkeypatch.setattr(run, "train_seed", None)
    measure(*line, "track=tuned_lr", "optim.lr=0.003")
    assert "not callable" in store.collect("results/adhoc").runs["message"].dropna().item()
