"""Time and memory grow linearly with the number of runs and are bounded at 10,000. -n 0 -s prints the numbers."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

GROWTH = Path(__file__).with_name("growth.py")


def _cost(num_runs: int) -> dict[str, float]:
    """Seconds of each step and MiB, in a process of its own."""
    path = os.pathsep.join([str(GROWTH.parent.parent), os.environ.get("PYTHONPATH", "")])  # tests/ has synthetic.py
    command = [sys.executable, str(GROWTH), str(num_runs)]
    process = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, check=True, capture_output=True, text=True)
    print(num_runs, process.stdout.strip())
    return json.loads(process.stdout)


def _report_seconds(seconds: dict[str, float]) -> float:
    """From one folder for each run to the report."""
    return seconds["compact"] + seconds["collect again"] + seconds["report"]


@pytest.mark.slow
def test_ten_thousand_runs_are_reported_within_a_minute_and_a_hundred_thousand_in_proportion():
    """The largest size takes a quarter of an hour, most of it to land the runs."""
    sizes = (100, 1000, 10_000, 100_000)
    costs = {size: _cost(size) for size in sizes}
    assert _report_seconds(costs[10_000]) < 60
    assert costs[10_000]["MiB"] < 2048
    # Beyond the memory of a process with torch and pandas.
    assert costs[100_000]["MiB"] - costs[100]["MiB"] < 2 * 10 * (costs[10_000]["MiB"] - costs[100]["MiB"])
    added = [_report_seconds(costs[more]) - _report_seconds(costs[less]) for less, more in pairwise(sizes)]
    for less, more in pairwise(added):
        assert more < 2 * 10 * max(less, 1)  # ten times the runs add at most twenty times the time
