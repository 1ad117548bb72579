"""What a verdict costs: mish against relu within 10 %, by the command and by the loop of the tutorials."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

import joblib
from torch import nn
from torch.utils.data import DataLoader

from actbench.command import compose
from actbench.command.job import Job
from actbench.measure.streams import PROTOCOL
from actbench.tables import store
from benchmarks.speed import loops
from benchmarks.speed.answers import ALONE, ERRORS, FEW, LOOP, MANY, PAIR
from benchmarks.speed.cases import model_of, splits_of
from benchmarks.speed.harness import Arm, LeftOutError, Sample, Train

RESULTS = Path(__file__).resolve().parents[2] / "results"
NUM_PROCESSES = 2
MIN_SECONDS = 1.0  # of the tutorial's training that is timed, in whole epochs


@dataclass(frozen=True)
class Question:
    """A case, the experiment whose network and data it has, and the seeds of a short and of a long command."""

    case: str
    experiment: str
    few: int
    many: int
    settings: tuple[str, ...] = ()


QUESTIONS = (Question("digits, mlp", "digits_mlp", 2, 30), Question("mnist, mlp", "mnist_mlp", 1, 3))


def arms(job: Job, seed: int, *, train: Train) -> Iterator[Arm]:
    """Times of commands with few and with many seeds, of the loop, and the errors from which seeds are counted."""
    for question in QUESTIONS:
        for name, num_seeds, num_processes in (
            (FEW, question.few, NUM_PROCESSES),
            (MANY, question.many, NUM_PROCESSES),
            (ALONE, question.many, 1),
        ):
            yield Arm(question.case, name, "seeds", partial(_command, question, seed, num_seeds, num_processes))
        yield Arm(question.case, LOOP, "seeds", partial(_tutorial, question, seed))
        yield Arm(question.case, ERRORS, "values", partial(_errors, question))


def _command(question: Question, seed: int, num_seeds: int, num_processes: int) -> Callable[[], Sample]:
    """The command from Enter to its report, in an empty folder; each round has seeds of its own."""
    if num_processes > joblib.cpu_count():
        raise LeftOutError(f"{num_processes} processes need as many cores; here is one.")
    arguments = [
        "-m", f"+experiment={question.experiment}", f"+act={','.join(PAIR)}", "track=shared",
        f"seed={seed * num_seeds}", f"num_seeds={num_seeds}", f"looks=[{max(2, num_seeds)}]",
        f"hydra.launcher.n_jobs={num_processes}", *question.settings,
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(RESULTS.parent), *sys.path[1:]])}

    def work() -> Sample:
        with tempfile.TemporaryDirectory() as folder:
            start = perf_counter()
            process = subprocess.run(
                [sys.executable, "-m", "actbench", *arguments],
                capture_output=True,
                text=True,
                env=environment,
                cwd=folder,
            )
            seconds = perf_counter() - start
            if process.returncode or not (Path(folder) / "results" / question.experiment / "report.html").is_file():
                raise RuntimeError(f"{' '.join(arguments)} exited with {process.returncode}: {process.stderr[-500:]}")
        return Sample(num_seeds, seconds)

    return work


def _tutorial(question: Question, seed: int) -> Callable[[], Sample]:
    """A training of each function and its test, one after the other; of long ones an epoch stands for all."""
    overrides = [f"+experiment={question.experiment}", "track=shared", *question.settings]
    jobs = [compose.job_from([f"+act={act}", *overrides]) for act in PAIR]
    prepared = [
        (
            job,
            model_of(job, seed, splits_of(job, seed)),
            loops.loader(job, seed, num_workers=0),
            loops.test_loader(job, seed),
        )
        for job in jobs
    ]

    def work() -> Sample:
        return Sample(1, sum(_seconds(*each) for each in prepared))

    return work


def _seconds(job: Job, model: nn.Module, loader: DataLoader, held_out: DataLoader) -> float:
    epochs, start = 0, perf_counter()
    while epochs == 0 or (epochs < job.config.train.epochs and perf_counter() - start < MIN_SECONDS):
        loops.tutorial_train(model, loader, epochs=1, lr=job.config.optim.lr)
        epochs += 1
    trained = perf_counter()
    loops.tutorial_test(model, held_out)
    return (trained - start) * job.config.train.epochs / epochs + perf_counter() - trained


def _errors(question: Question) -> Callable[[], Sample]:
    """The published test errors of both functions on the seeds that both have."""
    folder = RESULTS / question.experiment
    try:
        runs = store.collect(folder).runs
    except FileNotFoundError:
        runs = None
    if runs is not None:
        runs = runs[runs["act"].isin(PAIR) & (runs["track"] == "shared") & (runs["protocol"] == PROTOCOL)]
        errors = (
            1 - runs.pivot_table(index="seed", columns="act", values="test_accuracy").reindex(columns=PAIR).dropna()
        )
    if runs is None or len(errors) < 10:
        raise LeftOutError(
            f"The variance over seeds is that of results/{question.experiment}, which lacks ten seeds of "
            f"{' and '.join(PAIR)}: python -m actbench -m +experiment={question.experiment} +act={','.join(PAIR)} "
            "track=shared num_seeds=20"
        )
    values = {act: errors[act].tolist() for act in PAIR}
    return lambda: Sample(len(errors), values=values)
