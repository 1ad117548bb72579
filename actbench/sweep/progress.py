"""The progress of a command: which runs are finished, what a sweep prints at its start, its bar."""

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from actbench.command.job import Job
from actbench.measure import build
from actbench.measure.environment import device
from actbench.measure.identity import run_id
from actbench.measure.precision import is_emulated
from actbench.tables import store

Runs = set[tuple[Path, str]]  # results folder and run_id


def runs_of(jobs: Sequence[Job]) -> Runs:
    """The runs that jobs stand for."""
    return {(job.folder, run_id(job)) for job in jobs}


def by_folder(runs: Runs) -> list[tuple[Path, set[str]]]:
    """Each results folder with its run_ids."""
    return [(f, {name for place, name in runs if place == f}) for f in sorted({f for f, _ in runs})]


def finished(runs: Runs) -> Runs:
    """Those that need no second measurement."""
    return {(f, n) for f, names in by_folder(runs) for n in store.finished(f, among=names)}


def say(text: str, stream: TextIO | None = None) -> None:
    """Print to stdout or the stream; once nobody reads it, as behind `| head`, to nowhere."""
    stream = stream or sys.stdout
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def announce(jobs: Sequence[Job], *, num_runs: int, num_done: int) -> None:
    """Print how many runs a sweep has, and the threads and device of each."""
    total = f"{num_runs} run{'s' if num_runs > 1 else ''}"
    done = f", {num_done} of them measured already" if num_done else ""
    each = {f"threads={j.config.threads}, device={device(j.config.device)}" for j in jobs}
    say(f"Sweep: {total}{done}; each {' or '.join(sorted(each))}.")
    say_notes(jobs)


def say_notes(jobs: Sequence[Job]) -> None:
    """Print how many parameters models with gates have, and that this processor imitates a precision."""
    if counts := build.gates([job.config for job in jobs]):
        say(f"{counts}.")
    if any(is_emulated(job.config.precision, device(job.config.device)) for job in jobs):
        say("This processor has no instructions for bfloat16 and imitates them: runs take several times as long.")


@contextmanager
def bar(runs: Runs) -> Iterator[None]:
    """One bar over the runs of a sweep. It counts landed runs, so it works with any launcher."""
    waiting, ended = set(runs), threading.Event()
    with tqdm(total=len(runs), unit="run", desc="sweep", disable=None) as progress:

        def update() -> None:
            waiting.difference_update(finished(waiting))  # looked up once
            failed = {(f, n) for f, n in waiting if (f / "runs" / f"{n}.failed").exists()}
            progress.n = len(runs) - len(waiting) + len(failed)
            progress.refresh()

        def watch() -> None:
            while not ended.wait(None if progress.disable else 0.5):
                update()

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            update()
