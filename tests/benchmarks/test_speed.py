"""Comparisons of speed: the arms of a case do the same work, in turn, and work and time are counted right."""

import functools
import importlib
import json
import math
import os
import re
import sys
import tempfile
import types

import commands
import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook
from torch.utils.flop_counter import FlopCounterMode

from actbench.measure import build
from actbench.measure.data.splits import indices, sizes
from actbench.tables import store
from benchmarks.speed import __main__ as speed
from benchmarks.speed import (
    cases,
    harness,
    lightning_loop,
    loops,
    onednn,
    peak,
    probing,
    report,
    stacked,
    startup,
    tutorial,
    workers,
)
from benchmarks.speed.harness import Arm, LeftOutError, Sample

TINY = ["data=digits", "data.num_train=256", "model.depth=3", "train.batch_size=64", "num_seeds=2"]
CASES = ["digits/mlp"]


@pytest.fixture
def job():
    (job,) = speed.jobs(["probing"], TINY, cases=CASES)
    return job


@pytest.fixture(autouse=True)
def _fake_set(monkeypatch):
    """The tutorial's loops need a data set of torchvision; digits has none there, so it gets a fake one."""

    def fake(root, *, train, transform):
        return torchvision.datasets.FakeData(1797, (1, 8, 8), transform=_grey(transform))

    monkeypatch.setitem(loops.SETS, "digits", (fake, (0.5,), (0.5,)))


def _grey(transform):
    return torchvision.transforms.Compose([torchvision.transforms.Grayscale(), transform])


def _set_arms(monkeypatch, arms):
    module = type(sys)("benchmarks.speed.probing")
    module.arms = lambda job, seed, *, train: iter(arms)
    monkeypatch.setitem(sys.modules, "benchmarks.speed.probing", module)


@pytest.mark.parametrize("model", cases.NETS)
def test_networks_and_batches_of_probing_are_those_of_the_published_sweeps(model):
    published = commands.jobs(f"+experiment=mnist_{model}", "track=shared")[0].config
    assert {key: published.model[key] for key in cases.NETS[model]} == cases.NETS[model]
    assert published.train.epochs == probing.EPOCHS[model]


def test_every_round_begins_with_another_arm_and_every_second_one_runs_backwards(monkeypatch, job):
    orders: list[list[int]] = []

    def prepare(number):
        orders[-1].append(number)
        return lambda: Sample(1)

    _set_arms(monkeypatch, [Arm("case", str(i), "samples", functools.partial(prepare, i)) for i in range(3)])
    for seed in range(6):
        orders.append([])
        harness.history(job, seed, train=harness.train_alone)
    assert orders == [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1], [2, 0, 1], [1, 0, 2]]


def test_a_round_has_a_row_for_each_arm_timed_by_its_own_clock_or_the_harness(monkeypatch, job):
    _set_arms(
        monkeypatch,
        [
            Arm("case", "own clock", "samples", lambda: lambda: Sample(6, 2.0, 0.5)),
            Arm("case", "no clock", "part", lambda: lambda: Sample(1), {"own clock": 3.0}),
        ],
    )
    first, second = harness.history(job, 1, train=harness.train_alone).epochs
    assert (first["arm"], first["epoch"], first["work"], first["train_seconds"], first["accuracy"]) == (
        "own clock", 0, 6.0, 2.0, 0.5,
    )  # fmt: skip
    assert math.isnan(first["wall_seconds"])  # its two seconds are longer than the harness waited
    assert second["train_seconds"] == second["wall_seconds"] < 1
    assert json.loads(second["against"]) == {"own clock": 3.0}


def test_an_arm_that_cannot_be_measured_says_why(monkeypatch, job):
    def prepare():
        raise LeftOutError("No such thing here.")

    _set_arms(monkeypatch, [Arm("case", "absent", "samples", prepare)])
    (row,) = harness.history(job, 0, train=harness.train_alone).epochs
    assert row["left_out"] == "No such thing here."
    assert math.isnan(row["train_seconds"])


def test_a_comparison_is_a_run_whose_rounds_are_its_seeds(job, monkeypatch):
    monkeypatch.setattr(probing, "EPOCHS", {"mlp": 1})
    monkeypatch.setattr(probing, "DEFAULT_EPOCHS", 2)
    harness.measure(job, show_progress=False)
    runs, epochs, layers = store.collect("results/speed")
    assert list(runs["status"]) == ["done", "done"]
    assert list(runs["seed"]) == [0, 1]
    assert len(layers) == 0
    arms = [name for probes in ("default schedule", "every epoch") for name in (probes, f"probes alone, {probes}")]
    by_default = [*arms[:2], *probing._PARTS]
    expected = ["without probes", *by_default, *arms[2:], *by_default]
    assert list(epochs["arm"]) == expected * 2
    assert list(epochs["case"].unique()) == ["digits, mlp, 1 epochs", "digits, mlp, 2 epochs"]
    seconds = epochs.pivot_table(index=["case", "seed"], columns="arm", values="train_seconds")
    assert (seconds[list(probing._PARTS)] > 0).all(axis=None)
    # Probes alone are a part of the run that they are compared with.
    assert (seconds["probes alone, default schedule"] < seconds["default schedule"]).all()
    accuracies = epochs.groupby(["case", "seed"])["accuracy"].nunique()
    assert (accuracies == 1).all()  # training is the same with and without probing


@pytest.mark.parametrize("name", sorted(set(report.SECTIONS) - {"probing"}))
def test_every_arm_of_a_comparison_is_measured_or_says_why_not(name, job, monkeypatch, tmp_path):
    """The slow parts are replaced: the compiler, processes, workers. No tool leaves a temporary file."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(stacked, "UPDATES", {"cpu": 4, "cuda": 4})
    monkeypatch.setattr(stacked, "PACKS", (1, 2))
    monkeypatch.setattr(peak, "PEAK_SECONDS", 0.01)
    monkeypatch.setattr(peak, "SQUARES", (64,))
    monkeypatch.setattr(torch, "compile", lambda model: model)
    monkeypatch.setattr(startup, "_COMMANDS", {"--help": startup._COMMANDS["--help"]})
    monkeypatch.setattr(workers.joblib, "cpu_count", lambda: 1)
    monkeypatch.setattr(workers, "RUNS", 1)
    job.config.task.comparison = name
    rows = harness.history(job, 0, train=harness.train_alone).epochs
    assert len({(row["case"], row["arm"]) for row in rows}) == len(rows)
    for row in rows:
        assert bool(row["left_out"]) != (row["work"] > 0 and row["train_seconds"] > 0), row
        arms = {other["arm"] for other in rows if other["case"] == row["case"]}
        assert set(json.loads(row["against"])) <= arms
        expected = _left_out(name, row["case"], row["arm"])
        assert expected in row["left_out"]
        assert bool(expected) == bool(row["left_out"]), row
    assert list(tmp_path.iterdir()) == []


def _left_out(comparison: str, case: str, arm: str) -> str:
    """Why an arm of these tiny comparisons is left out here, or ""; joblib is made to count one core."""
    needed = next((package for package in ("lightning", "delve") if package in arm.lower()), None)
    if needed and importlib.util.find_spec(needed) is None:
        return "pip install 'actbench[speed]'"
    if "cuda" in case and not torch.cuda.is_available():
        return "no GPU here"
    if comparison == "workers" and arm == "2 workers":
        return "2 workers need as many cores"
    return "A batch of 512" if "batch_size=512" in arm else ""


@pytest.mark.slow
def test_two_workers_of_a_comparison_are_processes(job):
    """Nothing is replaced: joblib starts its own processes and hands them the run."""
    if workers.joblib.cpu_count() < 2:
        pytest.skip("There is one core here.")
    job.config.task.comparison, job.config.task.cases = "workers", ["digits/mlp", "digits/cnn"]
    rows = harness.history(job, 0, train=harness.train_alone).epochs
    both = [row for row in rows if row["arm"] == "2 workers"]
    assert [(row["left_out"], row["work"] > 0) for row in both] == [("", True)] * len(both)
    assert len(both) == 3


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["tutorials"], "There is no comparison tutorials: did you mean tutorial?"),
        (["--cases", "mnist"], "--cases has mnist: a case is a data set and a model, such as mnist/cnn."),
        (["train.epochs=0"], "train.epochs=0 is out of range: it must be a whole number, 1 or more."),
        (["--report", "none"], "There are no results in none: a results folder holds tables/ or runs/. "
         "Give the folder that a run printed, for instance results/adhoc."),
    ],
)  # fmt: skip
def test_a_bad_command_ends_with_one_sentence(argv, sentence, capsys):
    assert speed.main(argv) == 2
    assert capsys.readouterr() == ("", f"benchmarks.speed: {sentence}\n")


def test_the_command_measures_each_round_once_and_reports(monkeypatch, capsys):
    seeds = []

    def arms(job, seed, *, train):
        seeds.append(seed)
        yield Arm("case", "loop", "samples", lambda: lambda: Sample(6, 2.0, 0.5))
        yield Arm("case", "actbench", "samples", lambda: lambda: Sample(6, 1.0, 0.5), {"loop": 1.5})

    monkeypatch.setattr(probing, "arms", arms)
    for _ in range(2):
        assert speed.main(["probing", *TINY[:-1], "num_seeds=6", "--cases", *CASES]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "probing: 6 rounds"
        assert re.split(r" {2,}", lines[2])[:4] == ["case", "actbench", "loop", "2 [2, 2]"]
        assert lines[-1] == "Report: results/speed/report.html"
    assert seeds == list(range(6))
    assert speed.main(["--report", "results/speed"]) == 0


def test_a_failed_comparison_is_named_and_the_command_fails(monkeypatch, capsys):
    def arms(job, seed, *, train):
        raise KeyError("digits")

    monkeypatch.setattr(probing, "arms", arms)
    assert speed.main(["probing", *TINY, "--cases", *CASES]) != 0
    assert "failed: KeyError: 'digits'\n  traceback: results/speed/runs/" in capsys.readouterr().err


def test_operations_are_counted_by_layer(job):
    """2 m n k for each product: forward, the gradient at the weight and, except in the first layer, at the input."""
    case_job = cases.job_of(job, "digits/mlp")
    splits = cases.splits_of(case_job, 0)
    batch = next(cases.batches_of(case_job, 0, splits.train))
    first, rest = 64 * 128, 3 * 128 * 128 + 128 * 10
    assert peak.flop_per_step(cases.model_of(case_job, 0, splits), batch) == 2 * 64 * (2 * first + 3 * rest)

    case_job = cases.job_of(job, "digits/cnn")
    first, rest = 64 * 9 * 16, 16 * 9 * 16 * 32 + 4 * 9 * 32 * 64 + 64 * 10
    assert peak.flop_per_step(cases.model_of(case_job, 0, splits), batch) == 2 * 64 * (2 * first + 3 * rest)


@pytest.mark.parametrize("case", ["digits/mlp", "digits/cnn"])
def test_a_seed_learns_the_same_stacked_and_alone(case, job):
    case_job = cases.job_of(job, case)
    splits = cases.splits_of(case_job, 0)
    together = stacked.training(case_job, splits, seeds=(0, 1, 2), steps=3)()
    alone = stacked.training(case_job, splits, seeds=(1,), steps=3)()
    untrained = cases.model_of(case_job, 1, splits).state_dict()
    for name, parameter in together.items():
        torch.testing.assert_close(parameter[1], alone[name][0], rtol=1e-3, atol=1e-4)
        assert not torch.equal(parameter[1], untrained[name])


def test_a_stack_of_one_seed_learns_what_a_run_learns(job):
    case_job = cases.job_of(job, "digits/mlp")
    splits = cases.splits_of(case_job, 0)
    model = cases.model_of(case_job, 0, splits)
    optimizer = torch.optim.Adam(model.parameters(), lr=case_job.config.optim.lr)
    for batch in cases.batches_of(case_job, 0, splits.train):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(batch.images), batch.labels).backward()
        optimizer.step()
    parameters = stacked.training(case_job, splits, seeds=(0,), steps=len(splits.train.labels) // 64)()
    for name, expected in model.named_parameters():
        np.testing.assert_allclose(parameters[name][0].detach(), expected.detach(), rtol=1e-3, atol=1e-4)


def test_variables_that_importing_lightning_sets_are_set_for_lightning_alone(monkeypatch, tmp_path):
    """A stand-in for Lightning sets a variable when imported, and its Trainer records the variable's value."""
    package = "import os\nos.environ['LOOKS_FOR_A_GPU'] = '1'\nclass LightningModule:\n    pass\n"
    (tmp_path / "lightning.py").write_text(
        package + "class Trainer:\n    def __init__(self, **options):\n        pass\n"
        "    def fit(self, module, loader):\n        loader.append(os.environ.get('LOOKS_FOR_A_GPU'))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "lightning", None)  # so that monkeypatch removes the stand-in after this test
    del sys.modules["lightning"]
    lightning_loop.import_lightning.cache_clear()
    for _ in range(2):
        values: list = []
        lightning_loop.lightning_fit(nn.Linear(1, 1), epochs=1, lr=0.1)(values)
        assert values == ["1"]
        assert "LOOKS_FOR_A_GPU" not in os.environ
    lightning_loop.import_lightning.cache_clear()


def test_products_by_onednn_equal_those_of_torch():
    if not torch.backends.mkldnn.is_available():
        pytest.skip("torch is built without oneDNN here.")
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(32, 40, generator=generator)
    plain, changed = (nn.Sequential(nn.Linear(40, 24), nn.ReLU(), nn.Linear(24, 5)) for _ in range(2))
    changed.load_state_dict(plain.state_dict())
    onednn.use_onednn(changed)
    for model in (plain, changed):
        model(x).square().sum().backward()
    torch.testing.assert_close(changed(x), plain(x))
    for parameter, expected in zip(changed.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, expected.grad)


def test_products_by_onednn_are_left_out_where_torch_lacks_it(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    with pytest.raises(LeftOutError) as caught:
        onednn.use_onednn(nn.Linear(1, 1))
    assert str(caught.value) == "oneDNN multiplies on a CPU, where torch is built with it; here is none."


@pytest.mark.slow
def test_the_first_step_is_timed_where_no_run_is_measured(tmp_path, monkeypatch):
    """In a folder with the measured run, the same command would only show its report."""
    monkeypatch.chdir(tmp_path)
    assert startup._prepare(*startup._COMMANDS["first training step"])().seconds > 0
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_fails_is_not_measured():
    with pytest.raises(RuntimeError, match=r"exited with 2 instead of 0: .*mishh"):
        startup._prepare(["-m", "actbench", "+act=mishh"], 0)()


def test_the_targets_are_those_that_issues_name(job):
    """By comparison, case, arm and the arm that it is compared with."""
    job.config.task.cases = speed.CASES
    targets = {}
    for name in ("tutorial", "workers", "peak", "stacked"):
        for arm in importlib.import_module(f"benchmarks.speed.{name}").arms(job, 0, train=None):
            targets |= {(name, arm.case, arm.name, other): aim for other, aim in arm.against.items() if aim is not None}
    assert targets == {
        ("tutorial", "mnist, mlp", "actbench", "tutorial loop"): 5,
        ("tutorial", "mnist, mlp", "actbench", "Lightning"): 6,
        ("workers", "mnist, mlp, sweep of 4", "2 workers", "1 worker"): 1.8,
        ("workers", "mnist, mlp, sweep of 4", "2 workers", "tutorial loops in turn"): 10,
        ("workers", "mnist, cnn, sweep of 4", "2 workers", "1 worker"): 1.8,
        ("peak", "mnist, mlp", "training, one seed", "torch.mm, the best"): 0.45,
        ("peak", "mnist, cnn", "training, one seed", "conv2d, the best"): 0.5,
        ("stacked", "mnist, mlp, cuda", "64 stacked", "one after another"): 20,
    }
    assert pytest.approx(0.03 / 1.03) == probing.AIM


@pytest.mark.parametrize("operations", [peak._squares, peak._convolutions])
def test_the_operations_of_the_peak_are_torchs_count(operations):
    for flop, call in operations(torch.device("cpu")):
        with FlopCounterMode(display=False) as counter:
            call()
        assert counter.get_total_flops() == flop


@pytest.mark.parametrize("case", ["digits/mlp", "digits/cnn"])
def test_the_products_alone_are_all_products_of_a_step(case, job):
    case_job = cases.job_of(job, case)
    model, optimizer, batches, gflop = peak._prepare_training(case_job, 0)
    once = peak._products(case_job, 0, model, optimizer, batches[0])
    with FlopCounterMode(display=False) as counter:
        once()
    assert counter.get_total_flops() == peak.flop_per_step(model, batches[0]) == round(1e9 * gflop / len(batches))


def test_a_loop_is_timed_around_its_training_and_counts_its_examples(job, monkeypatch):
    case_job = cases.job_of(job, "digits/mlp")
    clock = iter([10.0, 12.5])
    monkeypatch.setattr(tutorial, "perf_counter", lambda: next(clock))
    splits, loader = cases.splits_of(case_job, 0), loops.loader(case_job, 0, num_workers=0)
    sample = tutorial.time_fit(lambda _: None, case_job, cases.model_of(case_job, 0, splits), loader, splits)
    assert (sample.work, sample.seconds) == (256, 2.5)
    history = types.SimpleNamespace(step=4, train_seconds=2.0)
    assert tutorial.run_actbench(case_job, 0, lambda *_: ({"test_accuracy": 0.5}, history)) == Sample(256, 2.0, 0.5)


@pytest.mark.parametrize("fit", [tutorial.tutorial_fit, tutorial._lightning_fit], ids=["tutorial", "Lightning"])
def test_a_loop_takes_the_steps_of_a_run_on_the_same_examples(fit, job, monkeypatch):
    """The loop sees each training example of the run once per epoch and takes every step at the run's learning rate."""
    if fit is tutorial._lightning_fit:
        pytest.importorskip("lightning")

    class Digits(torch.utils.data.Dataset):
        def __init__(self, root, *, train, transform):
            self.stored = build.source(case_job.config.data)

        def __len__(self):
            return len(self.stored.labels)

        def __getitem__(self, i):
            examples.append(i)
            return self.stored.images[i].float(), self.stored.labels[i]

    case_job = cases.job_of(job, "digits/mlp")
    case_job.config.train.epochs, examples, rates = 2, [], []
    monkeypatch.setitem(loops.SETS, "digits", (Digits, (0.5,), (0.5,)))
    splits = cases.splits_of(case_job, 0)
    loader, model = loops.loader(case_job, 0, num_workers=0), cases.model_of(case_job, 0, splits)
    hook = register_optimizer_step_pre_hook(lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"]))
    fit(case_job, model)(loader)
    hook.remove()
    assert rates == [case_job.config.optim.lr] * 2 * 4
    stored = build.source(case_job.config.data)
    assert sorted(stored.labels[examples].tolist()) == sorted(2 * splits.train.labels.tolist())
    assert sorted(examples[:256]) == sorted(examples[256:])
    train, _, _ = indices(stored, **sizes(case_job.config.data), seed=0)
    assert sorted(examples[:256]) == sorted(train.tolist())
