"""The cost of growth, each size in a process of its own: linear, and bounded at 10,000 runs. Printed with -n 0 -s."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

GROWTH = Path(__file__).with_name("growth.py")


def _grown(*given: str) -> dict[str, float]:
    checkout = str(GROWTH.parent.parent)
    path = os.pathsep.join([checkout, os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(GROWTH), *given]
    ended = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, check=True, capture_output=True, text=True)
    print(*given, ended.stdout.strip())
    return json.loads(ended.stdout)


def _collected_and_reported(seconds: dict[str, float]) -> float:
    """From one folder for each run to the report."""
    return seconds["compact"] + seconds["collect again"] + seconds["report"]


@pytest.mark.slow
def test_ten_thousand_runs_are_collected_and_reported_in_a_minute_and_a_hundred_thousand_in_proportion():
    """The last takes a quarter of an hour, most of it to land them."""
    sizes = (100, 1000, 10_000, 100_000)
    grown = {size: _grown(str(size)) for size in sizes}
    assert _collected_and_reported(grown[10_000]) < 60
    assert grown[10_000]["MiB"] < 2048
    # Beyond what a process takes with torch and pandas.
    assert grown[100_000]["MiB"] - grown[100]["MiB"] < 2 * 10 * (grown[10_000]["MiB"] - grown[100]["MiB"])
    added = [
        _collected_and_reported(grown[more]) - _collected_and_reported(grown[less]) for less, more in pairwise(sizes)
    ]
    for less, more in pairwise(added):
        assert more < 2 * 10 * max(less, 1)  # ten times the runs, at most twice ten times the time that they add
