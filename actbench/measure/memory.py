"""The memory of one seed: its peak, whatever its process measured before, how it is had from the system and collected.

What commits without this file published holds, on the CPU, the peak of the process so far.
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
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt, in malloc.h
_KIB = 1 if sys.platform == "darwin" else 2**10  # bytes in what getrusage counts memory by


def keep_freed() -> None:
    """Have this process keep what it frees, for what it needs next.

    glibc gives the end of its heap back once some 10 to 60 MB are free there. Where that happens to be the end, every
    probing of a small CNN asks for 30 MB again: 7,800 page faults, a fifth of its time.
    """
    with suppress(AttributeError):  # glibc alone has it
        _LIBC.mallopt(_MMAP_THRESHOLD, 2**25)  # the most that it takes; setting one sets the other to its least
        _LIBC.mallopt(_TRIM_THRESHOLD, 2**30)


def give_back() -> None:
    """What was freed so far goes back to the system: it is no memory of the run that begins."""
    with suppress(AttributeError):
        _LIBC.malloc_trim(0)


@functools.cache
def set_imports_aside() -> None:
    """What this process has made so far, its imports, is looked at by no garbage collection from here on.

    It lives as long as the process. joblib's workers collect after each run of more than a second, which takes a tenth
    of a second for the 450,000 objects of torch and what it needs.
    """
    gc.freeze()
    atexit.register(gc.unfreeze)  # what ends with the process is collected then, or nanobind prints that it leaked


def reset_peak(on: torch.device) -> None:
    """From here on the peak is counted anew."""
    if on.type == "cuda":
        torch.cuda.reset_peak_memory_stats(on)
        return
    with suppress(OSError):  # Linux alone has it (man proc_pid_clear_refs), and not in every container
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_mib(on: torch.device) -> float:
    """Peak since `reset_peak` in MiB: allocations on a GPU; on the CPU the resident set, with Python and torch.

    Where Linux cannot count anew, and on other systems, it is the CPU's peak since the process began.
    """
    if on.type == "cuda":
        return torch.cuda.max_memory_allocated(on) / 2**20
    with suppress(OSError):
        # Not getrusage, which begins with the peak of the process that started this one.
        found = re.search(rb"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_bytes(), re.MULTILINE)
        if found:
            return int(found[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB / 2**20
