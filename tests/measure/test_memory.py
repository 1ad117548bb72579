"""Reuse of freed memory and garbage collection of a run; its peak is tested in test_run.py."""

import functools
import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.xdist_group("memory")
# The minimum, over five repetitions, of the page faults of allocating and freeing eight arrays of 8 MiB.
COUNT_FAULTS = """
import resource
import numpy as np

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [np.ones(2**20) for _ in range(8)]
    del arrays
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(min(faults() for _ in range(5)))
"""


def _printed(code: str) -> list[int]:
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [int(word) for word in process.stdout.split()]


@functools.cache  # one process for two tests, since it imports torch
def _of_a_run() -> list[int]:
    return _printed("from actbench.measure import memory\nmemory.keep_freed_memory()\n" + COUNT_FAULTS + CYCLE)


def test_freed_memory_is_used_again():
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("Only glibc has mallopt.")
    assert _printed(COUNT_FAULTS)[0] > 1000  # each time 4 MiB or more return to the system
    assert _of_a_run()[0] < 100


# The second call freezes nothing: a reference cycle made between the calls is collected, as one in a run is.
CYCLE = """
import gc
import weakref
import torch
from actbench.measure import memory

class Cycle:
    pass

num_before = len(gc.get_objects())
memory.freeze_imports()
cycle = Cycle()
cycle.itself = cycle
reference = weakref.ref(cycle)
memory.freeze_imports()
del cycle
num_after = len(gc.get_objects())
gc.collect()
print(num_before, num_after, int(reference() is None))
"""


def test_garbage_collection_excludes_imports_only():
    _, num_before, num_after, is_collected = _of_a_run()
    assert num_after < 100 < 100_000 < num_before
    assert is_collected
