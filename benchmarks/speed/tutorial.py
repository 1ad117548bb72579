"""Training against the loop of PyTorch's tutorials."""

from collections.abc import Callable, Iterator
from time import perf_counter

from torch import nn
from torch.utils.data import DataLoader

from actbench.command.job import Job
from actbench.measure.data.splits import Splits
from benchmarks.speed import loops
from benchmarks.speed.cases import accuracy, cases, model_of, splits_of
from benchmarks.speed.harness import Arm, Sample, Train

_TWO = "tutorial loop, 2 loader workers"


def arms(job: Job, seed: int, *, train: Train) -> Iterator[Arm]:
    """For the MLP, actbench is to reach 5 times the tutorial's samples per second."""
    for case, case_job in cases(job):
        against = {"tutorial loop": 5.0 if case_job.choices["model"] == "mlp" else None, _TWO: None}
        yield Arm(case, "actbench", "samples", _actbench(case_job, seed, train), against)
        yield Arm(case, "tutorial loop", "samples", _loop(case_job, seed))
        yield Arm(case, _TWO, "samples", _loop(case_job, seed, num_workers=2))
        yield Arm(case, "its DataLoader alone", "part", _loader_alone(case_job, seed), {"tutorial loop": None})


def _actbench(job: Job, seed: int, train: Train) -> Callable[[], Callable[[], Sample]]:
    return lambda: lambda: run_actbench(job, seed, train)


def run_actbench(job: Job, seed: int, train: Train) -> Sample:
    """A whole run, with evaluation; its own clock times the training."""
    outcome, history = train(job, seed)
    return Sample(num_samples(job, history.step), history.train_seconds, outcome["test_accuracy"])


def num_samples(job: Job, steps: int) -> int:
    """The number of examples in so many steps."""
    return steps * job.config.train.batch_size


def _loop(job: Job, seed: int, *, num_workers: int = 0) -> Callable[[], Callable[[], Sample]]:
    """The work of the loop. Accuracy is measured as in a run, off the clock."""

    def prepare() -> Callable[[], Sample]:
        splits = splits_of(job, seed)
        model, loader = model_of(job, seed, splits), loops.loader(job, seed, num_workers=num_workers)
        return lambda: time_loop(job, model, loader, splits)

    return prepare


def time_loop(job: Job, model: nn.Module, loader: DataLoader, splits: Splits) -> Sample:
    """Train by the clock, then test off it."""
    epochs = job.config.train.epochs
    start = perf_counter()
    loops.tutorial_train(model, loader, epochs=epochs, lr=job.config.optim.lr)
    seconds = perf_counter() - start
    return Sample(num_samples(job, len(loader) * epochs), seconds, accuracy(model, splits.test))


def _loader_alone(job: Job, seed: int) -> Callable[[], Callable[[], Sample]]:
    def prepare() -> Callable[[], Sample]:
        loader = loops.loader(job, seed, num_workers=0)

        def work() -> Sample:
            steps = sum(1 for _ in range(job.config.train.epochs) for _ in loader)
            return Sample(num_samples(job, steps))

        return work

    return prepare
