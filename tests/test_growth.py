"""The cost of growth, each size in a process of its own: linear, and bounded at 10,000 runs. Printed with -s."""

import json
import os
import subprocess
import sys
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
def test_ten_thousand_runs_are_collected_and_reported_in_a_minute():
    small, middle, large = (_grown(str(count)) for count in (100, 1000, 10_000))
    assert _collected_and_reported(large) < 60
    assert large["MiB"] < 2048
    apart = [
        _collected_and_reported(more) - _collected_and_reported(less)
        for less, more in ((small, middle), (middle, large))
    ]
    assert apart[1] < 2 * 10 * max(apart[0], 1)  # ten times the runs, at most twice ten times the time that they add


@pytest.mark.slow
def test_a_hundred_thousand_runs_are_linear_too():
    less, more = _grown("10000", "compacted"), _grown("100000", "compacted")
    for step in ("collect again", "report"):
        assert more[step] < 2 * 10 * max(less[step], 1)
