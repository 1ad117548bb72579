"""The runs of a command from their start to its exit code, whatever stops them."""

import contextlib
import sys
from collections.abc import Callable

from actbench.sweep.progress import Runs, by_folder, finished, say
from actbench.tables import store

# Exceptions for a killed worker, by package; submitit and Ray are extras.
WORKER_GONE = {
    "joblib": ("TerminatedWorkerError",),
    "submitit": ("UncompletedJobError", "FailedJobError"),
    "ray": ("WorkerCrashedError", "NodeDiedError", "OutOfMemoryError", "LocalRayletDiedError"),
}


def carry_out(runs: Runs, start: Callable[[], None]) -> int:
    """Measure the runs by `start`, then report them; returns the command's exit code.

    The text of a KeyboardInterrupt says how many runs are kept.
    """
    try:
        start()
        from actbench.sweep.conclude import conclude  # only now: the report's libraries take as long to import as torch

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
