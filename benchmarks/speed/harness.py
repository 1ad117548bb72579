"""Arms that do the same work, measured in turn in one process. Each seed is a round.

A comparison is a file of this package with a function `arms(job, seed, *, train)` that yields `Arm`s. Arms are compared
within a round, since whatever slows the machine for a while slows all arms of that round.
"""

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import torch

from actbench.command.job import Job
from actbench.measure.checkpoint import Checkpoint
from actbench.measure.environment import device
from actbench.measure.run import run
from actbench.measure.seed import train_seed
from actbench.measure.train import History

# Trains one seed of a job as a run does; returns its row of `runs` and its history.
Train = Callable[[Job, int], tuple[dict, History]]


class LeftOutError(Exception):
    """An arm cannot be measured here: one sentence that says why and what to do."""


@dataclass(frozen=True)
class Sample:
    """What an arm did: `work` in the arm's unit, `seconds` if the arm has a clock of its own, and the test accuracy.

    `values` are numbers that the arm read rather than timed.
    """

    work: float
    seconds: float | None = None
    accuracy: float = math.nan
    values: Mapping[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Arm:
    """One way to do the work of a case.

    Attributes:
        case: The work. Arms of one case are compared.
        name: The way in which the work is done.
        unit: The unit of work; rates are per second. With "part" the arm is a part of those in `against`, and what is
            reported is the share of their time that it takes. With "values" it reads numbers and is not timed.
        prepare: Builds what is needed, off the clock, and returns the work. If the arm has a clock of its own, the work
            may be done here.
        against: The arms of the case that its rate is divided by, each with the smallest ratio aimed at, or None. For
            a part it is the largest share aimed at.
    """

    case: str
    name: str
    unit: str
    prepare: Callable[[], Callable[[], Sample]]
    against: Mapping[str, float | None] = field(default_factory=dict)


def measure(job: Job, *, show_progress: bool) -> None:
    """Measure the rounds of a comparison as the seeds of a run, and write the run to its results folder."""
    run(job, show_progress=show_progress, measure_seed=_measure_round)


def _measure_round(job: Job, seed: int, checkpoint: Checkpoint, epochs: Iterator[int]) -> tuple[dict, History]:
    round_history = history(job, seed, train=train_alone)
    for _ in epochs:
        pass
    return {"status": "done"}, round_history


def train_alone(job: Job, seed: int) -> tuple[dict, History]:
    """Train one seed outside a run, without progress bar and checkpoint."""
    checkpoint = Checkpoint(Path(os.devnull), environment={}, device=device(job.config.device))
    return train_seed(job, seed, checkpoint, iter(range(1, job.config.train.epochs + 1)))


def history(job: Job, seed: int, *, train: Train) -> History:
    """One round of a comparison: a row of `epochs` for each arm, with the arm's number as `epoch`."""
    arms = list(import_module(f"benchmarks.speed.{job.config.task.comparison}").arms(job, seed, train=train))
    rows = {number: _measure_arm(arms[number]) | {"epoch": number, "step": 0} for number in _order(len(arms), seed)}
    return History(epochs=[rows[number] for number in sorted(rows)])


def _order(count: int, seed: int) -> Iterator[int]:
    """The order of the arms in a round: each round begins with another arm, and every second one runs backwards."""
    rotated = [(number + seed // 2) % count for number in range(count)]
    yield from reversed(rotated) if seed % 2 else rotated


def _measure_arm(arm: Arm) -> dict[str, object]:
    row: dict[str, object] = {"case": arm.case, "arm": arm.name, "unit": arm.unit, "against": json.dumps(arm.against)}
    row |= {"load": os.getloadavg()[0], "left_out": "", "values": "{}"}
    try:
        work = arm.prepare()
    except LeftOutError as error:
        missing = dict.fromkeys(("work", "train_seconds", "wall_seconds", "cpu_seconds", "accuracy"), math.nan)
        return row | missing | {"left_out": str(error)}
    wall, cpu = time.perf_counter(), _cpu_seconds()
    sample = work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    wall, cpu = time.perf_counter() - wall, _cpu_seconds() - cpu
    seconds = wall if sample.seconds is None else sample.seconds
    if wall < seconds:  # the arm was timed by its own clock in `prepare`
        wall = cpu = math.nan
    return row | {
        "work": float(sample.work),
        "train_seconds": seconds,
        "wall_seconds": wall,
        "cpu_seconds": cpu,
        "accuracy": sample.accuracy,
        "values": json.dumps(sample.values),
    }


def _cpu_seconds() -> float:
    """CPU time of this process, over all its threads, and of its children that have ended."""
    return time.process_time() + sum(os.times()[2:4])
