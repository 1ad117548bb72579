"""Peak memory of one seed, whatever its process measured before.

What commits without this file published holds, on the CPU, the peak of the process so far.
"""

import re
import resource
import sys
from contextlib import suppress
from pathlib import Path

import torch

_KIB = 1 if sys.platform == "darwin" else 2**10  # bytes in what getrusage counts memory by


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
