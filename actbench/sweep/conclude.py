"""The runs of a command from their start to the report: compacted tables, a summary, exit code."""

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

from actbench.compare.workloads import NothingToReportError, protocol_notes
from actbench.report import console, field, results_folder
from actbench.sweep.progress import Runs, by_folder, finished, say
from actbench.tables import schema, store
from actbench.tables.tuning import is_tuning

# Exceptions for a killed worker, by package; submitit and Ray are extras.
WORKER_GONE = {
    "joblib": ("TerminatedWorkerError",),
    "submitit": ("UncompletedJobError", "FailedJobError"),
    "ray": ("WorkerCrashedError", "NodeDiedError", "OutOfMemoryError", "LocalRayletDiedError"),
}
# Why a run that ended without an error is missing in the tables.
_UNREAD = "cannot be read: delete or restore each folder left out, and repeat the command."
_ELSEWHERE = "are not in {}: the workers write to another folder of that name (they need a shared "
_ELSEWHERE += "file system), or what the activation needs changed meanwhile or differs by process."


def carry_out(runs: Runs, start: Callable[[], None]) -> int:
    """Measure the runs by `start`, then report them; returns the command's exit code.

    The text of a KeyboardInterrupt says how many runs are kept.
    """
    try:
        start()
        return conclude(runs)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"Stopped. {_so_far(runs)}") from None
    except OSError as error:  # a run records its own exception, unless the disk is full
        reason = f"Results cannot be written ({error}): mend that first"
    except Exception as error:
        package = type(error).__module__.partition(".")[0]
        if type(error).__name__ not in WORKER_GONE.get(package, ()):
            raise
        if package != "joblib":  # the others say where the log is
            say(f"{package}: {error}", sys.stderr)
        reason = "A worker was killed: by hand, at a time limit, or by a system out of memory"
    say(f"actbench: {reason}. {_so_far(runs)}", sys.stderr)
    return 1


def _so_far(runs: Runs) -> str:
    """How many runs are kept, and how to go on; half-written files are removed."""
    with contextlib.suppress(OSError):
        for folder, _ in by_folder(runs):
            store.clean(folder)
    done = len(finished(runs))
    kept = f"{done} of {len(runs)} runs {'is' if done == 1 else 'are'} measured and kept"
    return f"{kept}: the same command goes on from there."


def conclude(runs: Runs) -> int:
    """Compact the tables, print a summary and write the report of each results folder.

    Returns 1 if a run failed or cannot be read, or there is no report, otherwise 0.
    """
    return max(_report(folder, names) for folder, names in by_folder(runs))


def _report(folder: Path, names: set[str]) -> int:
    """Report one results folder; the exit code."""
    store.clean(folder)
    try:
        left_out = store.compact(folder)
        tables, _ = store.read(folder)
    except FileNotFoundError:  # the workers wrote elsewhere
        tables, left_out = schema.from_rows(runs=[]), []
    runs = tables.runs[tables.runs["run_id"].isin(names)]
    failed, absent = runs[runs["status"] == "failed"], names - set(runs["run_id"])
    code = int(len(failed) > 0 or len(absent) > 0)
    for sentence in left_out + protocol_notes(tables.runs, run_ids=names):
        say(f"left out: {sentence}", sys.stderr)
    if absent:
        which = f"{len(absent)} of {len(names)} runs"
        say(f"actbench: {which} {_UNREAD if left_out else _ELSEWHERE.format(folder)}", sys.stderr)
    if len(runs):
        try:
            say(results_folder.summary(folder, tables, run_ids=names))
            standing = field.sentences(folder, tables, *names) if len(names) == 1 and not is_tuning(folder) else []
            if standing:
                say(f"\n{console.paragraph(' '.join(standing))}")
            say(f"\nReport: {results_folder.write(folder, run_ids=names, standing=standing)}")
        except NothingToReportError as error:
            say(f"actbench: {error}", sys.stderr)
            code = 1
    if len(failed):
        say(console.failures(folder, failed), sys.stderr)
    return code
