"""What probing costs: without, by the default schedule (in a run of the default length too), and at every epoch."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from time import perf_counter

from omegaconf import OmegaConf

from actbench.command.job import Job
from actbench.command.options import CONF
from actbench.measure import build
from actbench.measure.trace import LayerTrace
from actbench.measure.train import History
from benchmarks.speed.cases import job_of, model_of, one_of_each_net, splits_of
from benchmarks.speed.harness import Arm, Sample, Train
from benchmarks.speed.tutorial import num_samples

# As mnist_mlp and mnist_cnn train, and as a run does that is not told otherwise; all of them on all examples.
EPOCHS = {"mlp": 4, "cnn": 3}
DEFAULT_EPOCHS = OmegaConf.load(CONF / "config.yaml").train.epochs
AIM = 0.03 / 1.03  # of the time of both: at most 3 % of the time of training
_SCHEDULES = {"without probes": "none", "default schedule": "log_spaced", "every epoch": "every_epoch"}


def arms(job: Job, seed: int, *, train: Train) -> Iterator[Arm]:
    """By the run's own clocks of training and probing: a share of 3 % is lost in the noise between two runs.

    Log-spaced steps weigh less in a longer run: beside the published lengths stands the default one.
    """
    for case, shorter in one_of_each_net(job):
        data, model = (shorter.choices[group] for group in ("data", "model"))
        for epochs, names in ((EPOCHS[model], list(_SCHEDULES)), (DEFAULT_EPOCHS, ["default schedule"])):
            for name in names:
                own = job_of(job, f"{data}/{model}", probes=_SCHEDULES[name])
                own.config.data.num_train, own.config.train.epochs = None, epochs
                against = dict.fromkeys(other for other in names if other == "without probes" != name)
                length = f"{case}, {epochs} epochs"
                yield from _of_a_run(length, name, job=own, seed=seed, train=train, against=against)


def _of_a_run(
    case: str, name: str, *, job: Job, seed: int, train: Train, against: Mapping[str, float | None]
) -> Iterator[Arm]:
    """A run, and its probes alone: of the run that the arm before them times, whichever comes first in the round."""
    ran, probes = cache(partial(train, job, seed)), job.choices["probes"]
    yield Arm(case, name, "samples", partial(_prepared, job, ran, _both), against)
    if probes != "none":
        part = {name: AIM if probes == "log_spaced" else None}
        yield Arm(case, f"probes alone, {name}", "part", partial(_prepared, job, ran, _probes), part)
    if probes == "log_spaced":
        for part_of, clock in _PARTS.items():
            yield Arm(case, part_of, "part", partial(_part, job, seed, clock), {f"probes alone, {name}": None})


def _both(history: History) -> float:
    return history.train_seconds + history.probe_seconds


def _probes(history: History) -> float:
    return history.probe_seconds


def _prepared(
    job: Job, ran: Callable[[], tuple[dict, History]], clock: Callable[[History], float]
) -> Callable[[], Sample]:
    outcome, history = ran()
    return lambda: Sample(num_samples(job, history.step), clock(history), outcome["test_accuracy"])


def _part(job: Job, seed: int, clock: Callable[[Callable[[], list[LayerTrace]]], float]) -> Callable[[], Sample]:
    """As often as the run is probed, at its initial weights."""
    splits = splits_of(job, seed)
    task = build.task(job.config, model_of(job, seed, splits), splits=splits, seed=seed)
    batch = splits.val.first(job.config.probes.num_examples)
    num_steps = job.config.train.epochs * (len(splits.train.labels) // job.config.train.batch_size)
    count = len(build.probe_steps(job.config, num_steps=num_steps))

    def traced() -> list[LayerTrace]:
        return task.trace(batch, weights_before=None)

    def work() -> Sample:
        return Sample(count, sum(clock(traced) for _ in range(count)))

    traced()
    return work


def _passes(traced: Callable[[], list[LayerTrace]]) -> float:
    """Forward and backward."""
    start = perf_counter()
    traced()
    return perf_counter() - start


def _covariances(traced: Callable[[], list[LayerTrace]]) -> float:
    """What rank, spread and constant units rest on."""
    layers = traced()
    start = perf_counter()
    for layer in layers:
        _ = layer.covariance
    return perf_counter() - start


_PARTS = {"their passes alone, forward and backward": _passes, "their covariances alone, float64": _covariances}
