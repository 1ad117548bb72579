"""A sweep with two workers against one worker, and against the tutorial's loop run after run."""

from collections.abc import Callable, Iterator
from functools import partial

import joblib
import torch

from actbench.command.job import Job
from actbench.measure import build
from actbench.measure.run import begin_run
from benchmarks.speed import loops
from benchmarks.speed.cases import model_of, one_of_each_net, splits_of
from benchmarks.speed.harness import Arm, LeftOutError, Sample, Train
from benchmarks.speed.tutorial import num_samples, tutorial_fit

RUNS = 4  # of a sweep
PRODUCTS = 24  # of a run that only multiplies


def arms(job: Job, seed: int, *, train: Train) -> Iterator[Arm]:
    """The workers are joblib's, as the launcher starts them: one thread each, started off the clock.

    Runs that are compared with the tutorial's loops see all examples: in shorter runs, the time for data and evaluation
    would weigh more.
    """
    for case, case_job in one_of_each_net(job):
        loop = {"tutorial loops in turn": 10.0} if case_job.choices["model"] == "mlp" else {}
        if loop:
            case_job.config.data.num_train = None
        name, sweep = f"{case}, sweep of {RUNS}", partial(_sweep, case_job, seed, train)
        yield Arm(name, "2 workers", "samples", partial(sweep, 2), {"1 worker": 1.8} | loop)
        yield Arm(name, "1 worker", "samples", partial(sweep, 1))
        for part, prepare in _PARTS.items():
            yield Arm(name, part, "part", partial(prepare, case_job, seed, train), {"1 worker": None})
        for arm in loop:
            yield Arm(name, arm, "samples", partial(_tutorials, case_job, seed))
    # What two cores gain over one here: on a virtual machine they may be the two threads of one core.
    yield Arm("torch.mm alone", "2 workers", "products", partial(_products, 2), {"1 worker": None})
    yield Arm("torch.mm alone", "1 worker", "products", partial(_products, 1))


def _pool(num_workers: int) -> joblib.Parallel:
    if num_workers > joblib.cpu_count():
        raise LeftOutError(f"{num_workers} workers need as many cores; here is one.")
    return joblib.Parallel(n_jobs=num_workers)


def _products(num_workers: int) -> Callable[[], Sample]:
    pool = _pool(num_workers)
    pool(joblib.delayed(_multiply)(1) for _ in range(num_workers))

    def work() -> Sample:
        pool(joblib.delayed(_multiply)(PRODUCTS) for _ in range(RUNS))
        return Sample(RUNS * PRODUCTS)

    return work


def _multiply(count: int) -> None:
    torch.set_num_threads(1)
    square = torch.ones(1024, 1024)
    for _ in range(count):
        torch.mm(square, square)


def _sweep(job: Job, seed: int, train: Train, num_workers: int) -> Callable[[], Sample]:
    pool = _pool(num_workers)
    pool(joblib.delayed(_train_one)(train, job, seed) for _ in range(num_workers))  # each worker reads the data once

    def work() -> Sample:
        steps, accuracies = zip(
            *pool(joblib.delayed(_train_one)(train, job, seed + run) for run in range(RUNS)), strict=True
        )
        return Sample(num_samples(job, sum(steps)), accuracy=sum(accuracies) / RUNS)

    return work


def _train_one(train: Train, job: Job, seed: int) -> tuple[int, float]:
    """Steps and test accuracy of one run, in any process."""
    begin_run(job.config.threads)
    outcome, history = train(job, seed)
    return history.step, outcome["test_accuracy"]


def _training(job: Job, seed: int, train: Train) -> Callable[[], Sample]:
    """Training alone, by the runs' own clocks."""

    def work() -> Sample:
        return Sample(RUNS, sum(train(job, seed + run)[1].train_seconds for run in range(RUNS)))

    return work


def _data(job: Job, seed: int, train: Train) -> Callable[[], Sample]:
    """Drawing the splits and computing the moments of their training pixels; images are made as they are taken."""

    def work() -> Sample:
        for run in range(RUNS):
            splits_of(job, seed + run)
        return Sample(RUNS)

    return work


def _evaluation(job: Job, seed: int, train: Train) -> Callable[[], Sample]:
    """Evaluation on the validation set at the start and after each epoch, and on the test set at the end."""
    splits = splits_of(job, seed)
    task = build.task(job.config, model_of(job, seed, splits), splits=splits, seed=seed)
    held_out = [splits.val] * (1 + job.config.train.epochs) + [splits.test]

    def work() -> Sample:
        for split in held_out * RUNS:
            task.evaluate(split)
        return Sample(RUNS)

    return work


_PARTS = {"its training alone": _training, "its data alone": _data, "its evaluation alone": _evaluation}


def _tutorials(job: Job, seed: int) -> Callable[[], Sample]:
    """Runs that train and then test, as a run of actbench does."""
    splits = splits_of(job, seed)
    pairs = [(model_of(job, seed + run, splits), loops.loader(job, seed, num_workers=0)) for run in range(RUNS)]
    held_out = loops.test_loader(job)

    def work() -> Sample:
        accuracies = []
        for model, loader in pairs:
            tutorial_fit(job, model)(loader)
            accuracies.append(loops.tutorial_test(model, held_out))
        steps = sum(len(loader) for _, loader in pairs) * job.config.train.epochs
        return Sample(num_samples(job, steps), accuracy=sum(accuracies) / RUNS)

    return work
