"""Arms that do the same work, measured in turn in one process; a seed is a round.

A comparison is a file of this package whose function `arms(job, seed, *, train)` yields `Arm`s. Rounds pair what they
measure: whatever slows the machine for a while slows all arms of that round.
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
from actbench.measure.run import run, train_seed
from actbench.measure.train import History

# Trains one seed of a job as a run does: its row of `runs` and its history.
Train = Callable[[Job, int], tuple[dict, History]]


class LeftOutError(Exception):
    """Why an arm cannot be measured here, and what to do; one sentence."""


@dataclass(frozen=True)
class Sample:
    """What an arm did: work in the arm's unit, in the arm's own `seconds` where it has a clock, and how well."""

    work: float
    seconds: float | None = None
    accuracy: float = math.nan


@dataclass(frozen=True)
class Arm:
    """One way to do the work of a case.

    Attributes:
        case: What is done; arms of one case are compared.
        name: How it is done.
        unit: Of work; rates are per second. A `part` is told as the share of time that it takes of `against`.
        prepare: Builds what is needed, off the clock, and gives the work; what has a clock of its own may be done here.
        against: Arms of the case that its rate is divided by, each with the least ratio that is aimed at, or None; of
            a part, with the largest share.
    """

    case: str
    name: str
    unit: str
    prepare: Callable[[], Callable[[], Sample]]
    against: Mapping[str, float | None] = field(default_factory=dict)


def measure(job: Job, *, show_progress: bool) -> None:
    """Measure the rounds of a comparison as the seeds of a run, and land them."""
    run(job, show_progress=show_progress, measure_seed=_measure_round)


def _measure_round(job: Job, seed: int, checkpoint: Checkpoint, epochs: Iterator[int]) -> tuple[dict, History]:
    round_history = history(job, seed, train=train_alone)
    for _ in epochs:
        pass
    return {"status": "done"}, round_history


def train_alone(job: Job, seed: int) -> tuple[dict, History]:
    """Train one seed outside its run, without bar and checkpoint."""
    checkpoint = Checkpoint(Path(os.devnull), environment={}, device=device(job.config.device))
    return train_seed(job, seed, checkpoint, iter(range(1, job.config.train.epochs + 1)))


def history(job: Job, seed: int, *, train: Train) -> History:
    """One round of a comparison: a row of `epochs` for each arm, whose `epoch` is the arm's number."""
    arms = list(import_module(f"benchmarks.speed.{job.config.task.comparison}").arms(job, seed, train=train))
    rows = {number: _measured(arms[number]) | {"epoch": number, "step": 0} for number in _order(len(arms), seed)}
    return History(epochs=[rows[number] for number in sorted(rows)])


def _order(count: int, seed: int) -> Iterator[int]:
    """The arms in turn, each round beginning with another and every second one backwards."""
    turned = [(number + seed // 2) % count for number in range(count)]
    yield from reversed(turned) if seed % 2 else turned


def _measured(arm: Arm) -> dict[str, object]:
    row: dict[str, object] = {"case": arm.case, "arm": arm.name, "unit": arm.unit, "against": json.dumps(arm.against)}
    row |= {"load": os.getloadavg()[0], "left_out": ""}
    try:
        work = arm.prepare()
    except LeftOutError as error:
        nothing = dict.fromkeys(("work", "train_seconds", "wall_seconds", "cpu_seconds", "accuracy"), math.nan)
        return row | nothing | {"left_out": str(error)}
    wall, cpu = time.perf_counter(), _cpu_seconds()
    sample = work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    wall, cpu = time.perf_counter() - wall, _cpu_seconds() - cpu
    seconds = wall if sample.seconds is None else sample.seconds
    if wall < seconds:  # what was timed by a clock of its own while the arm was prepared
        wall = cpu = math.nan
    return row | {
        "work": float(sample.work),
        "train_seconds": seconds,
        "wall_seconds": wall,
        "cpu_seconds": cpu,
        "accuracy": sample.accuracy,
    }


def _cpu_seconds() -> float:
    """Of this process, all threads, and of the children that have ended."""
    return time.process_time() + sum(os.times()[2:4])
