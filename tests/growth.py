"""The cost of growth: python growth.py NUM_RUNS [compacted]. Synthetic runs of one seed each, collected and reported.

Prints as JSON the seconds that each step took and the peak memory.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import synthetic

from actbench import landing, report
from actbench.tables import Tables, read


def runs(num_runs: int) -> Tables:
    """So many runs of one seed each, of every activation in turn, with the epochs and layers of a real run."""
    made = synthetic.tables(synthetic.NAMES, seeds=-(-num_runs // len(synthetic.NAMES)), epochs=20)
    named = [frame.assign(run_id=frame["run_id"] + "-" + frame["seed"].astype(str)) for frame in made]
    kept = named[0].sort_values("seed", kind="stable")["run_id"].head(num_runs)
    return Tables(*(frame[frame["run_id"].isin(kept)].reset_index(drop=True) for frame in named))


def store(made: Tables, folder: Path) -> None:
    """A folder for each run, as a sweep lands them."""
    (folder / "runs").mkdir()
    groups = [dict(list(frame.groupby("run_id"))) for frame in made]
    for run_id in groups[0]:
        landing.land(Tables(*(frames[run_id] for frames in groups)), folder / "runs" / str(run_id))


def main(num_runs: int, *, compacted: bool) -> dict[str, float]:
    seconds: dict[str, float] = {}

    def timed(name: str, function, *given):
        start = time.perf_counter()
        result = function(*given)
        seconds[name] = round(time.perf_counter() - start, 1)
        return result

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if compacted:
            landing.write(runs(num_runs), folder / "tables")
        else:
            timed("land", store, runs(num_runs), folder)
            timed("compact", landing.compact, folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10
        tables, _ = timed("collect again", read, folder)
        assert len(tables.runs) == num_runs
        timed("report", report.write, folder)
    return seconds | {"MiB before the report": peak, "MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), compacted="compacted" in sys.argv)))
