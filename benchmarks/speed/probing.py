"""The cost of probing: no probes, the default schedule (in a run of the default length too), and every epoch."""

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

# Those of the experiments mnist_mlp and mnist_cnn, and those of a run by default. All of them see all examples.
EPOCHS = {"mlp": 16, "cnn": 6}
DEFAULT_EPOCHS = OmegaConf.load(CONF / "config.yaml").train.epochs
AIM = 0.03 / 1.03  # of training and probing together: at most 3 % of the time of training
_SCHEDULES = {"without probes": "none", "default schedule": "log_spaced", "every epoch": "every_epoch"}


def arms(job: Job, seed: int, *, train: Train) -> Iterator[Arm]:
    """By the run's own clocks of training and probing, since a share of 3 % is lost in the noise between two runs.

    Log-spaced probes cost less of a longer run, so the default length is measured beside the published ones.
    """
    for case, case_job in one_of_each_net(job):
        data, model = (case_job.choices[group] for group in ("data", "model"))
        for epochs, names in ((EPOCHS[model], list(_SCHEDULES)), (DEFAULT_EPOCHS, ["default schedule"])):
            for name in names:
                arm_job = job_of(job, f"{data}/{model}", probes=_SCHEDULES[name])
                arm_job.config.data.num_train, arm_job.config.train.epochs = None, epochs
                against = dict.fromkeys(other for other in names if other == "without probes" != name)
                title = f"{case}, {epochs} epochs"
                yield from _run_arms(title, name, job=arm_job, seed=seed, train=train, against=against)


def _run_arms(
    case: str, name: str, *, job: Job, seed: int, train: Train, against: Mapping[str, float | None]
) -> Iterator[Arm]:
    """A run, and its probes alone. Both arms read the clocks of one run, trained by whichever arm comes first."""
    trained, probes = cache(partial(train, job, seed)), job.choices["probes"]
    yield Arm(case, name, "samples", partial(_prepare, job, trained, _total_seconds), against)
    if probes != "none":
        aim = {name: AIM if probes == "log_spaced" else None}
        yield Arm(case, f"probes alone, {name}", "part", partial(_prepare, job, trained, _probe_seconds), aim)
    if probes == "log_spaced":
        for part, clock in _PARTS.items():
            yield Arm(case, part, "part", partial(_part, job, seed, clock), {f"probes alone, {name}": None})


def _total_seconds(history: History) -> float:
    return history.train_seconds + history.probe_seconds


def _probe_seconds(history: History) -> float:
    return history.probe_seconds


def _prepare(
    job: Job, trained: Callable[[], tuple[dict, History]], clock: Callable[[History], float]
) -> Callable[[], Sample]:
    outcome, history = trained()
    return lambda: Sample(num_samples(job, history.step), clock(history), outcome["test_accuracy"])


def _part(job: Job, seed: int, clock: Callable[[Callable[[], list[LayerTrace]]], float]) -> Callable[[], Sample]:
    """A part of the probes, timed as often as the run is probed, at its initial weights."""
    splits = splits_of(job, seed)
    task = build.task(job.config, model_of(job, seed, splits), splits=splits, seed=seed)
    batch = splits.val.first(job.config.probes.num_examples)
    num_steps = job.config.train.epochs * (len(splits.train.labels) // job.config.train.batch_size)
    count = len(build.probe_steps(job.config, num_steps=num_steps))

    def trace() -> list[LayerTrace]:
        return task.trace(batch, weights_before=None)

    def work() -> Sample:
        return Sample(count, sum(clock(trace) for _ in range(count)))

    trace()
    return work


def _passes(trace: Callable[[], list[LayerTrace]]) -> float:
    """Forward and backward."""
    start = perf_counter()
    trace()
    return perf_counter() - start


def _covariances(trace: Callable[[], list[LayerTrace]]) -> float:
    """The covariances of outputs, from which rank, spread and constant units are computed."""
    layers = trace()
    start = perf_counter()
    for layer in layers:
        _ = layer.covariance
    return perf_counter() - start


_PARTS = {"their passes alone, forward and backward": _passes, "their covariances alone, float64": _covariances}
