"""Kill a sweep at random moments, again and again: python killing.py MOMENTS SECONDS VICTIM COMMAND.

VICTIM is `main`, `worker`, or `jobs`, which is the command without Hydra and the fastest. The parent process first runs
the sweep once in whole/. Then it forks the command, again and again, and kills it within SECONDS of its start or of the
next landing. Prints as JSON how many runs had landed at each kill, what was wrong with them, and the exit code of the
last command, which is not killed.
"""

import contextlib
import functools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import commands

from actbench.__main__ import main
from actbench.command.job import Job
from actbench.measure import run
from actbench.sweep import conclude, progress
from actbench.tables import parquet, schema

FOLDER = Path("results/adhoc")


def measure(jobs: list[Job]) -> int:
    """A sweep without Hydra, one run after another. Returns its exit code."""
    for job in jobs:
        run.run(job, show_progress=False)
    return conclude.conclude(progress.runs_of(jobs))


def kill(start: Callable[[], int], *, landings: int, after: float, worker: bool) -> bool:
    """Start a command; kill it, or one of its workers, `after` seconds after `landings` runs have landed.

    Returns False if the command or the worker had ended before.
    """
    child = os.fork()
    if child == 0:
        with open("log.txt", "a", buffering=1) as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            os._exit(start())
    end = None
    while end is None or time.monotonic() < end:
        has_landed = len(list(FOLDER.glob("runs/[!.]*"))) >= landings
        if end is None and has_landed and (not worker or workers(child)):
            end = time.monotonic() + after
        if os.waitpid(child, os.WNOHANG)[0]:
            return False
        time.sleep(0.005)
    victims = workers(child) if worker else [child]
    for victim in victims[:1]:
        os.kill(victim, signal.SIGKILL)
    os.waitpid(child, 0)
    return bool(victims)


def workers(parent: int) -> list[int]:
    """Process IDs of the loky workers of a process, without the tracker that joblib starts beside them."""
    processes = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(parent)], capture_output=True, text=True).stdout
    return [int(line.split()[0]) for line in processes.splitlines() if "popen_loky" in line]


def landed() -> dict[str, bytes]:
    """The bytes of the tables of each measured run, by its name."""
    runs = [path for path in FOLDER.glob("runs/[!.]*") if not path.name.endswith(".failed")]
    return {path.name: b"".join((path / f"{name}.parquet").read_bytes() for name in schema.SCHEMA) for path in runs}


def go(moments: int, seconds: float, victim: str, arguments: list[str]) -> dict:
    """Kill the command `moments` times, then let it finish."""
    jobs = commands.jobs(*arguments)
    start = functools.partial(measure, jobs) if victim == "jobs" else functools.partial(main, arguments)
    Path("whole").mkdir()
    with contextlib.chdir("whole"), contextlib.redirect_stdout(sys.stderr):
        measure(jobs)
    rng, before, wrong, counts = random.Random(0), {}, [], []
    while len(counts) < moments:
        landings = len(before) + rng.randrange(2)
        if not kill(start, landings=landings, after=rng.uniform(0, seconds), worker=victim == "worker"):
            continue
        after = landed()
        wrong += [f"{name} is lost or changed" for name in before if after.get(name) != before[name]]
        wrong += [f"{n} is torn" for n in after if not parquet.is_complete(FOLDER / "runs" / n, names=schema.SCHEMA)]
        before = after
        counts.append(len(after))
    return {"counts": counts, "wrong": wrong, "code": start()}


if __name__ == "__main__":
    print(json.dumps(go(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4:])))
