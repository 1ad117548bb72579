"""How a run has its memory from the system; its peak is tested with the runs."""

import platform
import subprocess
import sys

import pytest

# Eight arrays of 8 MiB are made and freed, five times: the fewest page faults that this took.
FAULTS = """
import resource
import numpy as np

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    held = [np.ones(2**20) for _ in range(8)]
    del held
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(min(faults() for _ in range(5)))
"""


def _faults(first: str) -> int:
    found = subprocess.run([sys.executable, "-c", first + FAULTS], capture_output=True, text=True, check=True)
    return int(found.stdout)


def test_what_is_freed_is_not_asked_for_anew():
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("Another C library has other ways.")
    assert _faults("") > 1000  # 4 MiB or more go back each time
    assert _faults("from actbench import memory\nmemory.keep_freed()\n") < 100
