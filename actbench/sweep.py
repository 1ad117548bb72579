"""Around a command's jobs: the bar while they run, and what is said and written when they have ended."""

import contextlib
import functools
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from tqdm import tqdm

from actbench import build, landing, tables
from actbench.parts import one_line
from actbench.plan import Command, Job
from actbench.run import run_id


def _runs(command: Command) -> dict[Path, set[str]]:
    """The command's run_ids by results folder."""
    folders: dict[Path, set[str]] = {}
    for job in command.jobs:
        folders.setdefault(job.folder, set()).add(run_id(job))
    return folders


@functools.cache
def end_with_the_command() -> None:
    """In a worker, watch the command that started it: when that is gone, nobody waits for what is measured here.

    A worker may end at any moment, since a run lands whole or not at all. Ctrl-C is for the command, which ends it.
    """
    command = multiprocessing.parent_process()

    def watch() -> None:
        while os.getppid() == command.pid:  # type: ignore[union-attr]
            time.sleep(1)
        os._exit(1)

    if command is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=watch, daemon=True).start()


class _Ended(BaseException):
    """No failure of a run, which catches those: what a scheduler's handler raised stands behind it."""


@contextmanager
def ended_by_a_scheduler() -> Iterator[None]:
    """submitit ends a job at its time limit by what its handler of a signal raises, wherever the run is just then.

    That is not the run's failure: its checkpoint stays.
    """

    def telling(handler: Callable[[int, FrameType | None], Any]) -> Callable[[int, FrameType | None], None]:
        def tell(number: int, frame: FrameType | None) -> None:
            try:
                handler(number, frame)
            except (Exception, SystemExit) as raised:
                raise _Ended from raised

        return tell

    found = {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)}
    handlers = {number: handler for number, handler in found.items() if callable(handler)}
    for number, handler in handlers.items():
        signal.signal(number, telling(handler))
    try:
        yield
    except _Ended as ended:
        raise ended.__cause__ from None  # type: ignore[misc]
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def tell_plan(command: Command) -> None:
    """How many runs a sweep has, and what each takes of the machine; the time of one that keeps it for itself."""
    if not command.sweep:
        return
    folders = _runs(command)
    total = sum(map(len, folders.values()))
    done = sum(len(tables.finished(folder, among=names)) for folder, names in folders.items())
    runs = f"{total} run{'s' if total > 1 else ''}" + (f", {done} of them measured already" if done else "")
    print(f"Sweep: {runs}; each {' or '.join(sorted(set(map(_takes, command.jobs))))}.", flush=True)
    speed = [job.config for job in command.jobs if job.choices["task"] == "speed"]
    if speed:
        names, rounds = ", ".join(config.task.comparison for config in speed), speed[0].num_seeds
        print(
            f"Speed: {names}; {rounds} rounds each, one after another. As published a round of all takes about 5 "
            "minutes on 2 cores that do nothing else.",
            flush=True,
        )


def _takes(job: Job) -> str:
    """What a run takes of the machine."""
    return f"threads={job.config.threads}, device={build.device(job.config.device)}"


@contextmanager
def progress(command: Command) -> Iterator[None]:
    """One bar over the runs of a sweep. It counts landed runs, so it works with any launcher on a shared folder."""
    if not command.sweep:
        yield
        return
    folders, ended = _runs(command), threading.Event()
    total = sum(map(len, folders.values()))
    bar = tqdm(total=total, unit="run", desc="sweep", disable=None)
    if bar.disable:
        yield
        return

    def count() -> None:
        failed = 0
        for folder, left in folders.items():
            left -= tables.finished(folder, among=left)  # what has ended is not looked for again
            failed += len(_failed(folder) & left)
        bar.n = total - sum(map(len, folders.values())) + failed
        bar.refresh()

    def watch() -> None:
        while not ended.wait(0.5):
            count()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        count()
        bar.close()


def _failed(folder: Path) -> set[str]:
    """The run_ids that have failed."""
    return {path.name.removesuffix(".failed") for path in (folder / "runs").glob("*.failed")}


def so_far(command: Command) -> str:
    """How far a command came that was interrupted, and how to go on; what was half written is taken away."""
    folders = _runs(command)
    with contextlib.suppress(OSError):
        for folder in folders:
            landing.clean(folder)
    done = sum(len(tables.finished(folder, among=names)) for folder, names in folders.items())
    counted = f"{done} of {len(command.jobs)} runs {'is' if done == 1 else 'are'}"
    return f"{counted} measured and kept: the same command goes on from there."


def _missing(folder: Path, left_out: list[str]) -> str:
    """Why a run that ended without an error is not in the tables, and what to do."""
    if left_out:
        return (
            "cannot be read: delete or restore the folder of each file that was left out, and give the same command "
            "again."
        )
    return (
        f"are not in {folder}: the workers write to another folder of that name (a shared file system is needed), or "
        "the activation's file changed meanwhile."
    )


def _compacted(folder: Path) -> tuple[tables.Tables, list[str]]:
    """What is in a folder now, compacted, and what was left out; nothing where the workers wrote elsewhere."""
    try:
        left_out = landing.compact(folder)
        return tables.read(folder)[0], left_out
    except FileNotFoundError:
        return tables.from_rows(runs=[]), []


def conclude(command: Command) -> int:
    """Compact the tables, print a summary and write the report of each results folder.

    The exit code is 1 if a run failed, was measured but cannot be read, or there is nothing to report.
    """
    from actbench import report, summary
    from actbench.variants import NothingToReportError, of_another_protocol

    code = 0
    for folder, names in _runs(command).items():
        landing.clean(folder)
        measured, left_out = _compacted(folder)
        runs = measured.runs[measured.runs["run_id"].isin(names)]
        for sentence in left_out + of_another_protocol(measured.runs, run_ids=names):
            print(f"left out: {sentence}", file=sys.stderr)
        if unread := names - set(runs["run_id"]):
            print(f"actbench: {len(unread)} of {len(names)} runs {_missing(folder, left_out)}", file=sys.stderr)
        if len(runs):
            try:
                print(summary.text(measured, run_ids=names))
                print(f"\nReport: {report.write(folder, run_ids=names)}")
            except NothingToReportError as error:
                print(f"actbench: {error}", file=sys.stderr)
                code = 1
        failed = runs[runs["status"] == "failed"]
        for name, message in zip(failed["run_id"], failed["message"], strict=True):
            print(
                f"failed: {one_line(message)}\n  traceback: {folder / 'runs' / f'{name}.failed' / 'traceback.txt'}",
                file=sys.stderr,
            )
        code = max(code, int(len(failed) + len(unread) > 0))
    return code
