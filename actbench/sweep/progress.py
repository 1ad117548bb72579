"""How far the runs of a command are: what is finished, what a sweep says at its start, the bar."""

import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from actbench.command.job import Job
from actbench.measure.environment import device
from actbench.measure.identity import run_id
from actbench.tables import store

Runs = Mapping[Path, set[str]]  # the run_ids of a command by results folder


def by_folder(jobs: Sequence[Job]) -> Runs:
    """The runs that jobs stand for."""
    runs: dict[Path, set[str]] = {}
    for job in jobs:
        runs.setdefault(job.folder, set()).add(run_id(job))
    return runs


def finished(runs: Runs) -> Runs:
    """Those that need no second measurement."""
    return {folder: store.finished(folder, among=names) for folder, names in runs.items()}


def count(runs: Runs) -> int:
    """How many there are."""
    return sum(map(len, runs.values()))


def announce(jobs: Sequence[Job], runs: Runs, done: Runs) -> None:
    """Say how many runs a sweep has, and what each takes of the machine."""
    total = f"{count(runs)} run{'s' if count(runs) > 1 else ''}"
    measured = f", {count(done)} of them measured already" if count(done) else ""
    each = sorted({f"threads={job.config.threads}, device={device(job.config.device)}" for job in jobs})
    say(f"Sweep: {total}{measured}; each {' or '.join(each)}.")


def say(text: str, stream: TextIO | None = None) -> None:
    """Print to stdout or the stream; where nobody reads on, as behind `| head`, into nothing from then on."""
    stream = stream or sys.stdout
    try:
        print(text, file=stream, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def bar(runs: Runs) -> Iterator[None]:
    """One bar over the runs of a sweep. It counts landed runs, so it works with any launcher on a shared folder."""
    waiting, ended = {folder: set(names) for folder, names in runs.items()}, threading.Event()
    tqdm_bar = tqdm(total=count(runs), unit="run", desc="sweep", disable=None)

    def update() -> None:
        failed = 0
        for folder, names in waiting.items():
            names -= store.finished(folder, among=names)  # which are not looked for again
            failed += len({path.name.removesuffix(".failed") for path in folder.glob("runs/*.failed")} & names)
        tqdm_bar.n = count(runs) - count(waiting) + failed
        tqdm_bar.refresh()

    def watch() -> None:
        while not ended.wait(0.5):
            update()

    thread = threading.Thread(target=watch, daemon=True)
    if not tqdm_bar.disable:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if not tqdm_bar.disable:
            thread.join()
            update()
        tqdm_bar.close()
