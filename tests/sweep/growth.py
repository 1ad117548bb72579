"""The cost of growth: python growth.py NUM_RUNS. Synthetic runs of one seed each are landed, collected and reported.

Prints the seconds of each step and the peak memory as JSON.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import joblib
import synthetic

from actbench.report import results_folder
from actbench.tables.schema import Tables
from actbench.tables.store import compact, land, read

SEEDS_AT_ONCE = 50  # that are in memory together


def runs(num_runs: int) -> Iterator[tuple[str, Tables]]:
    """ID and tables of runs of one seed each, of all activations in turn, with the epochs and layers of a real run."""
    for start in range(0, num_runs, SEEDS_AT_ONCE * len(synthetic.NAMES)):
        first = start // len(synthetic.NAMES)
        frames = [
            frame.assign(run_id=frame["run_id"] + "-" + frame["seed"].astype(str))
            for frame in synthetic.tables(synthetic.NAMES, seeds=SEEDS_AT_ONCE, first_seed=first, epochs=20)
        ]
        run_ids = frames[0].sort_values("seed", kind="stable")["run_id"].head(num_runs - start)
        groups = [dict(list(frame.groupby("run_id"))) for frame in frames]
        for run_id in run_ids:
            yield str(run_id), Tables(*(group[run_id] for group in groups))


def store(num_runs: int, folder: Path) -> None:
    """Land a folder for each run, as the workers of a sweep do."""
    (folder / "runs").mkdir()
    joblib.Parallel(n_jobs=-1, batch_size=100)(
        joblib.delayed(land)(tables, folder / "runs" / run_id) for run_id, tables in runs(num_runs)
    )


def main(num_runs: int) -> dict[str, float]:
    seconds: dict[str, float] = {}

    def timed(name: str, function, *args):
        start = time.perf_counter()
        result = function(*args)
        seconds[name] = round(time.perf_counter() - start, 1)
        return result

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        timed("land", store, num_runs, folder)
        timed("compact", compact, folder)
        tables, _ = timed("collect again", read, folder)
        assert len(tables.runs) == num_runs
        timed("report", results_folder.write, folder)
    return seconds | {"MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
