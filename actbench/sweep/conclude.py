"""Runs are started and waited for; at the end tables are compacted, a summary is printed and a report written."""

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

from actbench.compare.workloads import NothingToReportError, of_another_protocol
from actbench.report import console, workloads
from actbench.sweep.progress import Runs, count, finished, say
from actbench.tables import schema, store
from actbench.tables.text import one_line

# What the launchers raise when a worker is gone, by package and name: submitit and Ray are extras.
_WORKER_GONE = {
    "joblib": ("TerminatedWorkerError",),
    "submitit": ("UncompletedJobError", "FailedJobError"),
    "ray": ("WorkerCrashedError", "NodeDiedError", "OutOfMemoryError", "LocalRayletDiedError"),
}


def carry_out(runs: Runs, start: Callable[[], None]) -> int:
    """Measure the runs by `start`, then conclude: the command's exit code.

    Raises:
        KeyboardInterrupt: If it was interrupted; its text is a sentence that says how far it came.
    """
    try:
        start()
        return conclude(runs)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"Stopped. {_so_far(runs)}") from None
    except OSError as error:  # what a run raises is caught and recorded there; this is what could not be
        reason = f"Results cannot be written ({error}): mend that first"
    except Exception as error:
        package = type(error).__module__.partition(".")[0]
        if type(error).__name__ not in _WORKER_GONE.get(package, ()):
            raise
        reason = "A worker was killed: by hand, at a time limit, or by a system that is out of memory"
        if package != "joblib":  # these know more, where the log lies and whether it was something else
            say(f"{package}: {error}", sys.stderr)
    say(f"actbench: {reason}. {_so_far(runs)}", sys.stderr)
    return 1


def _so_far(runs: Runs) -> str:
    """How far an interrupted command came, and how to go on; what was half written is taken away."""
    with contextlib.suppress(OSError):
        for folder in runs:
            store.clean(folder)
    done = count(finished(runs))
    kept = f"{done} of {count(runs)} runs {'is' if done == 1 else 'are'} measured and kept"
    return f"{kept}: the same command goes on from there."


def conclude(runs: Runs) -> int:
    """Compact the tables, print a summary and write the report of each results folder.

    The exit code is 1 if a run failed, was measured but cannot be read, or there is nothing to report.
    """
    return max(_concluded(folder, names) for folder, names in runs.items())


def _concluded(folder: Path, names: set[str]) -> int:
    """The exit code of one results folder."""
    store.clean(folder)
    try:
        left_out = store.compact(folder)
        tables, _ = store.read(folder)
    except FileNotFoundError:  # the workers wrote elsewhere
        tables, left_out = schema.from_rows(runs=[]), []
    runs = tables.runs[tables.runs["run_id"].isin(names)]
    for sentence in left_out + of_another_protocol(tables.runs, run_ids=names):
        say(f"left out: {sentence}", sys.stderr)
    absent = names - set(runs["run_id"])
    if absent:
        say(f"actbench: {len(absent)} of {len(names)} runs {_absence(folder, left_out)}", sys.stderr)
    is_reported = not len(runs) or _report(folder, tables, names)
    failed = runs[runs["status"] == "failed"]
    for name, message in zip(failed["run_id"], failed["message"], strict=True):
        traceback = folder / "runs" / f"{name}.failed" / "traceback.txt"
        say(f"failed: {one_line(message)}\n  traceback: {traceback}", sys.stderr)
    return int(len(failed) > 0 or len(absent) > 0 or not is_reported)


def _report(folder: Path, tables: schema.Tables, names: set[str]) -> bool:
    """Print the summary and write the report; whether there was something to report."""
    try:
        say(console.text(tables, run_ids=names))
        say(f"\nReport: {workloads.write(folder, run_ids=names)}")
    except NothingToReportError as error:
        say(f"actbench: {error}", sys.stderr)
        return False
    return True


def _absence(folder: Path, left_out: list[str]) -> str:
    """Why a run that ended without an error is not in the tables, and what to do."""
    if left_out:
        each = "delete or restore the folder of each file that was left out"
        return f"cannot be read: {each}, and give the same command again."
    return (
        f"are not in {folder}: the workers write to another folder of that name (a shared file system is needed), or "
        "the activation's file changed meanwhile."
    )
