"""Memory of a process: the peak of one seed, whatever ran before it; reuse of freed memory; garbage collection.

In results of commits that lack this file, the peak on the CPU is that of the whole process up to then.
"""

import atexit
import ctypes
import functools
import gc
import re
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

_LIBC: Any = ctypes.CDLL(None) if sys.platform == "linux" else None
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameters of mallopt, from malloc.h
_KIB = 1 if sys.platform == "darwin" else 2**10  # bytes per unit of getrusage


def keep_freed_memory() -> None:
    """Have this process keep freed memory and use it again.

    glibc returns the end of its heap to the system once some 10 to 60 MB are free there. If a small CNN's probe uses
    that end, each probe requests 30 MB again: 7,800 page faults, a fifth of its time.
    """
    with suppress(AttributeError):  # only glibc has mallopt
        _LIBC.mallopt(_MMAP_THRESHOLD, 2**25)  # the largest value allowed; setting one sets the other to its minimum
        _LIBC.mallopt(_TRIM_THRESHOLD, 2**30)


def release_freed_memory() -> None:
    """Return freed memory to the system, so that it does not count for the next run."""
    with suppress(AttributeError):
        _LIBC.malloc_trim(0)


@functools.cache
def freeze_imports() -> None:
    """Exclude the objects that this process holds at the first call, its imports, from garbage collection.

    They live as long as the process. joblib's workers collect after each run of more than a second, and for the
    450,000 objects of torch and its dependencies that takes a tenth of a second.
    """
    gc.freeze()
    atexit.register(gc.unfreeze)  # without a collection at exit, nanobind prints that objects leaked


def reset_peak(device: torch.device) -> None:
    """Start a new measurement of the peak."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with suppress(OSError):  # only Linux has clear_refs (man proc_pid_clear_refs), and not in every container
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_mib(device: torch.device) -> float:
    """Peak since `reset_peak` in MiB: allocations on a GPU; on the CPU the resident set, with Python and torch.

    Where the CPU's peak cannot be reset, it is the peak since the process began.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    with suppress(OSError):
        # Not getrusage, which starts from the peak of the parent process.
        match = re.search(rb"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_bytes(), re.MULTILINE)
        if match:
            return int(match[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB / 2**20
