"""How sparse a vector is, counted in parts that stay in a processor's cache."""

import math

import torch
from torch import Tensor

ENTRIES_AT_ONCE = 2**16
COUNTABLE = 2**24  # ones that a sum in float32 counts exactly


def in_cache(x: Tensor) -> tuple[Tensor, ...]:
    """Parts of x along its first axis, of at most so many entries, or of one row where a row has more.

    On a GPU each part is another kernel to launch: there they are as large as can be counted.
    """
    entries = ENTRIES_AT_ONCE if x.device.type == "cpu" else COUNTABLE
    return x.split(max(1, entries // x[0].numel()))


def zeros(x: Tensor) -> Tensor:
    """The share of exactly zero entries, (), of float32 or float64."""
    nonzero = torch.zeros((), dtype=torch.float64, device=x.device)
    for part in in_cache(x):
        # Not count_nonzero, which branches at every entry; float32 counts a part exactly.
        nonzero += torch.ne(part, 0, out=torch.empty_like(part)).sum()
    return 1 - nonzero.long() / x.numel()


def hoyer(x: Tensor) -> Tensor:
    """Hoyer sparsity (Hoyer 2004, JMLR 5, section 3.1) of the last axis: (√n − ‖x‖₁/‖x‖₂)/(√n − 1).

    0 for entries of equal size, 1 for a single one; missing (nan) where all are zero.
    """
    root = math.sqrt(x.shape[-1])
    return (root - x.norm(p=1, dim=-1) / x.norm(dim=-1)) / (root - 1)
