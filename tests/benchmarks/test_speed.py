"""Comparisons of speed: the arms of a case do the same work, in turn, and work and time are counted right."""

import functools
import importlib
import itertools
import json
import math
import re
import sys
import tempfile
import types

import commands
import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_pre_hook

from actbench.measure import build
from actbench.measure.data.splits import batches, indices, sizes
from actbench.measure.streams import stream
from actbench.tables import store
from benchmarks.speed import __main__ as speed
from benchmarks.speed import (
    answers,
    cases,
    cifar,
    harness,
    loops,
    report,
    stacked,
    startup,
    tutorial,
    verdict,
)
from benchmarks.speed.harness import Arm, LeftOutError, Sample

TINY = ["data=digits", "data.num_train=256", "model.depth=3", "train.batch_size=64", "num_seeds=2"]
CASES = ["digits/mlp"]


@pytest.fixture
def job():
    (job,) = speed.jobs(["stacked"], TINY, cases=CASES)
    return job


def _set_arms(monkeypatch, arms):
    module = type(sys)("benchmarks.speed.stacked")
    module.arms = lambda job, seed, *, train: iter(arms)
    monkeypatch.setitem(sys.modules, "benchmarks.speed.stacked", module)


@pytest.mark.parametrize("model", cases.NETS)
def test_networks_are_those_of_the_published_sweeps(model):
    published = commands.jobs(f"+experiment=mnist_{model}", "track=shared")[0].config
    assert {key: published.model[key] for key in cases.NETS[model]} == cases.NETS[model]


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
    monkeypatch.setattr(stacked, "UPDATES", {"cpu": 4})
    monkeypatch.setattr(stacked, "PACKS", (1, 2))
    harness.measure(job, show_progress=False)
    runs, epochs, layers = store.collect("results/speed")
    assert list(runs["status"]) == ["done", "done"]
    assert list(runs["seed"]) == [0, 1]
    assert len(layers) == 0
    assert list(epochs["arm"]) == ["one after another", "1 stacked", "2 stacked"] * 2
    assert (epochs["train_seconds"] > 0).all()


@pytest.mark.parametrize("name", sorted(set(report.SECTIONS) - {"cifar"}))
def test_every_arm_of_a_comparison_is_measured_or_says_why_not(name, job, monkeypatch, tmp_path):
    """The slow parts are replaced: processes and trainings. No arm leaves a temporary file."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(stacked, "UPDATES", {"cpu": 4, "cuda": 4})
    monkeypatch.setattr(stacked, "PACKS", (1, 2))
    monkeypatch.setattr(startup, "_COMMANDS", {"--help": startup._COMMANDS["--help"]})
    monkeypatch.setattr(
        verdict, "QUESTIONS", [verdict.Question("digits, mlp", "digits_mlp", 1, 2, ("train.epochs=1",))]
    )
    monkeypatch.setattr(verdict, "MIN_SECONDS", 0.01)
    monkeypatch.setattr(verdict, "_command", lambda *_: lambda: Sample(1, 1.0))
    job.config.task.comparison = name
    rows = harness.history(job, 0, train=harness.train_alone).epochs
    assert len({(row["case"], row["arm"]) for row in rows}) == len(rows)
    for row in rows:
        assert bool(row["left_out"]) != (row["work"] > 0 and row["train_seconds"] > 0), row
        arms = {other["arm"] for other in rows if other["case"] == row["case"]}
        assert set(json.loads(row["against"])) <= arms
        expected = "no GPU here" if "cuda" in row["case"] and not torch.cuda.is_available() else ""
        assert expected in row["left_out"]
        assert bool(expected) == bool(row["left_out"]), row
    assert list(tmp_path.iterdir()) == []


def test_trainings_on_cifar_are_as_many_steps_as_their_epochs_have(job, monkeypatch):
    """Of ours 5 s for 4 steps stand for 16 epochs of 180; the tutorial's step of 2 s for 20 epochs of 703."""
    trained = []

    def train(whole, seed):
        trained.append((whole.choices["model"], whole.config.train.epochs, whole.config.data.num_train, seed))
        return {}, types.SimpleNamespace(step=4, train_seconds=5.0)

    clock = iter([10.0, 18.0])
    monkeypatch.setattr(cifar, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(cifar.loops, "step", lambda *_: 0.0)
    ours, tutorial_arm = cifar.arms(job, 3, train=train)
    assert ours.prepare()().seconds == pytest.approx(5 / 4 * 16 * 180)
    assert trained == [("conv", 1, 1000, 3)]
    assert tutorial_arm.prepare()().seconds == pytest.approx(8 / 4 * 20 * 703)


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

    monkeypatch.setattr(stacked, "arms", arms)
    for _ in range(2):
        assert speed.main(["stacked", *TINY[:-1], "num_seeds=6", "--cases", *CASES]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "stacked: 6 rounds"
        assert re.split(r" {2,}", lines[2])[:3] == ["case: actbench / loop", "2 [2, 2]", "≥ 1.5"]
        assert lines[-1] == "Report: results/speed/report.html"
    assert seeds == list(range(6))
    assert speed.main(["--report", "results/speed"]) == 0


def test_a_failed_comparison_is_named_and_the_command_fails(monkeypatch, capsys):
    def arms(job, seed, *, train):
        raise KeyError("digits")

    monkeypatch.setattr(stacked, "arms", arms)
    assert speed.main(["stacked", *TINY, "--cases", *CASES]) != 0
    assert "failed: KeyError: 'digits'\n  traceback: results/speed/runs/" in capsys.readouterr().err


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
    order = stream(0, "order")
    batch_size = case_job.config.train.batch_size
    turns = [batches(splits.train, batch_size=batch_size, order=order) for _ in range(case_job.config.train.epochs)]
    for batch in itertools.chain.from_iterable(turns):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(batch.images), batch.labels).backward()
        optimizer.step()
    parameters = stacked.training(case_job, splits, seeds=(0,), steps=len(splits.train.labels) // 64)()
    for name, expected in model.named_parameters():
        np.testing.assert_allclose(parameters[name][0].detach(), expected.detach(), rtol=1e-3, atol=1e-4)


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
    for name in report.SECTIONS:
        for arm in importlib.import_module(f"benchmarks.speed.{name}").arms(job, 0, train=None):
            targets |= {(name, arm.case, arm.name, other): aim for other, aim in arm.against.items() if aim is not None}
    assert targets == {
        ("tutorial", "mnist, mlp", "actbench", "tutorial loop"): 5,
        ("cifar", "cifar10 to 90 %", "cifar10_conv", "ResNet-18 tutorial"): 20,
        ("stacked", "mnist, mlp, cuda", "64 stacked", "one after another"): 20,
    }
    assert answers.AIMS == {"digits, mlp": 50, "mnist, mlp": 40}


def test_a_loop_is_timed_around_its_training_and_counts_its_examples(job, monkeypatch):
    case_job = cases.job_of(job, "digits/mlp")
    clock = iter([10.0, 12.5])
    monkeypatch.setattr(tutorial, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(tutorial.loops, "tutorial_train", lambda *_, **__: None)
    splits, loader = cases.splits_of(case_job, 0), loops.loader(case_job, 0, num_workers=0)
    sample = tutorial.time_loop(case_job, cases.model_of(case_job, 0, splits), loader, splits)
    assert (sample.work, sample.seconds) == (256, 2.5)
    history = types.SimpleNamespace(step=4, train_seconds=2.0)
    assert tutorial.run_actbench(case_job, 0, lambda *_: ({"test_accuracy": 0.5}, history)) == Sample(256, 2.0, 0.5)


def test_the_loop_takes_the_steps_of_a_run_on_the_same_examples(job, monkeypatch):
    """It sees each training example of the run once per epoch and takes every step at the run's learning rate."""

    class Digits(torch.utils.data.Dataset):
        def __len__(self):
            return len(stored.labels)

        def __getitem__(self, i):
            examples.append(i)
            return stored.images[i].float(), stored.labels[i]

    case_job = cases.job_of(job, "digits/mlp")
    stored, examples, rates = build.source(case_job.config.data), [], []
    monkeypatch.setitem(loops.SETS, "digits", lambda job: (Digits(), Digits()))
    splits = cases.splits_of(case_job, 0)
    loader, model = loops.loader(case_job, 0, num_workers=0), cases.model_of(case_job, 0, splits)
    hook = register_optimizer_step_pre_hook(lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"]))
    loops.tutorial_train(model, loader, epochs=2, lr=case_job.config.optim.lr)
    hook.remove()
    assert rates == [case_job.config.optim.lr] * 2 * 4
    train, _, test = indices(stored, **sizes(case_job.config.data), seed=0)
    assert sorted(examples[:256]) == sorted(examples[256:]) == sorted(train.tolist())
    examples.clear()
    assert 0 <= loops.tutorial_test(model, loops.test_loader(case_job, 0)) <= 1
    assert examples == test.tolist()


def test_the_published_test_set_is_the_loops(monkeypatch):
    """A quarter of the examples is a test set of its own, stored last: none of the others is tested."""
    job = types.SimpleNamespace(config=types.SimpleNamespace(data=None), choices={"data": "digits"})
    monkeypatch.setattr(loops.build, "source", lambda _: types.SimpleNamespace(num_test=3))
    monkeypatch.setattr(loops, "_indices", lambda *_: ([0], [1], [2]))
    monkeypatch.setitem(loops.SETS, "digits", lambda _: ("training set", "test set"))
    monkeypatch.setattr(loops, "DataLoader", lambda dataset, **_: dataset)
    assert loops.test_loader(job, 0) == "test set"
