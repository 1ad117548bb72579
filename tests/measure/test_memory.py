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
    assert _faults("from actbench.measure import memory\nmemory.keep_freed()\n") < 100


# Of a second call nothing is set aside: a ring that was made meanwhile is collected, as that of a run is.
RING = """
import gc
import weakref
import torch
from actbench.measure import memory

class Ring:
    pass

tracked = len(gc.get_objects())
memory.set_imports_aside()
ring = Ring()
ring.itself = ring
collected = weakref.ref(ring)
memory.set_imports_aside()
del ring
left = len(gc.get_objects())
gc.collect()
print(tracked, left, collected() is None)
"""


def test_a_collection_looks_at_nothing_that_was_imported_but_at_all_that_follows():
    found = subprocess.run([sys.executable, "-c", RING], capture_output=True, text=True, check=True)
    tracked, left, collected = found.stdout.split()
    assert int(left) < 100 < 100_000 < int(tracked)
    assert collected == "True"
