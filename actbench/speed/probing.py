"""What probing costs: a published run without, by the default schedule, and with every probe at every epoch."""

from collections.abc import Callable, Iterator
from functools import partial

from actbench.plan import Job
from actbench.speed.cases import job_of, one_of_each_net
from actbench.speed.harness import Arm, Sample, Train
from actbench.speed.tutorial import num_samples

# As mnist_mlp and mnist_cnn train, and like them on all examples: log-spaced steps weigh more in a shorter run.
EPOCHS = {"mlp": 4, "cnn": 3}
AIM = 1 / 1.03  # at most 3 % of the time of training


def arms(job: Job, seed: int, *, train: Train) -> Iterator[Arm]:
    """Training and probing by the run's own clock."""
    for case, shorter in one_of_each_net(job):
        data, model = (shorter.choices[group] for group in ("data", "model"))
        schedules: tuple[tuple[str, str, dict[str, float | None]], ...] = (
            ("without probes", "none", {}),
            ("default schedule", "log_spaced", {"without probes": AIM}),
            ("every epoch", "every_epoch", {"without probes": None}),
        )
        for name, probes, against in schedules:
            own = job_of(job, f"{data}/{model}", probes=probes)
            own.config.data.num_train, own.config.train.epochs = None, EPOCHS[model]
            yield Arm(f"{case}, {EPOCHS[model]} epochs", name, "samples", partial(_prepared, own, seed, train), against)


def _prepared(job: Job, seed: int, train: Train) -> Callable[[], Sample]:
    def work() -> Sample:
        outcome, history = train(job, seed)
        seconds = history.train_seconds + history.probe_seconds
        return Sample(num_samples(job, history.step), seconds, outcome["test_accuracy"])

    return work
