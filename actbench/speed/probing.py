"""What probing costs: a published run without, by the default schedule, and with every probe at every epoch."""

from collections.abc import Callable, Iterator
from functools import partial

from actbench.plan import Job
from actbench.speed.cases import job_of, one_of_each_net
from actbench.speed.harness import Arm, Sample, Train
from actbench.speed.tutorial import num_samples
from actbench.train import History

# As mnist_mlp and mnist_cnn train, and like them on all examples: log-spaced steps weigh more in a shorter run.
EPOCHS = {"mlp": 4, "cnn": 3}
AIM = 0.03 / 1.03  # of the time of both: at most 3 % of the time of training


def arms(job: Job, seed: int, *, train: Train) -> Iterator[Arm]:
    """By the run's own clocks of training and probing: a share of 3 % is lost in the noise between two runs."""
    for case, shorter in one_of_each_net(job):
        data, model = (shorter.choices[group] for group in ("data", "model"))
        named = f"{case}, {EPOCHS[model]} epochs"
        for name, probes in (
            ("without probes", "none"),
            ("default schedule", "log_spaced"),
            ("every epoch", "every_epoch"),
        ):
            own = job_of(job, f"{data}/{model}", probes=probes)
            own.config.data.num_train, own.config.train.epochs = None, EPOCHS[model]
            against = {} if probes == "none" else {"without probes": None}
            yield Arm(named, name, "samples", partial(_prepared, own, seed, train, _both), against)
            if probes != "none":
                part = {name: AIM if probes == "log_spaced" else None}
                yield Arm(named, f"probes alone, {name}", "part", partial(_prepared, own, seed, train, _probes), part)


def _both(history: History) -> float:
    return history.train_seconds + history.probe_seconds


def _probes(history: History) -> float:
    return history.probe_seconds


def _prepared(job: Job, seed: int, train: Train, clock: Callable[[History], float]) -> Callable[[], Sample]:
    def work() -> Sample:
        outcome, history = train(job, seed)
        return Sample(num_samples(job, history.step), clock(history), outcome["test_accuracy"])

    return work
