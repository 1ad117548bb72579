"""Measures of a vector's sparsity, summed over chunks that fit in a processor's cache."""

import math

import torch
from torch import Tensor

CHUNK_ENTRIES = 2**16
EXACT_COUNT = 2**24  # float32 counts ones exactly up to this number


def chunks(x: Tensor) -> tuple[Tensor, ...]:
    """Chunks of x along its first axis, of at most CHUNK_ENTRIES entries, or of one row where a row has more.

    On a GPU each chunk costs a kernel launch, so a chunk there has as many entries as float32 counts exactly.
    """
    entries = CHUNK_ENTRIES if x.device.type == "cpu" else EXACT_COUNT
    return x.split(max(1, entries // x[0].numel()))


def zero_share(x: Tensor) -> Tensor:
    """The share of exactly zero entries, (), of a float32 or float64 tensor."""
    # Not count_nonzero, which branches at every entry; float32 counts a chunk exactly.
    counts = [torch.ne(chunk, 0, out=torch.empty_like(chunk)).sum() for chunk in chunks(x)]
    return 1 - torch.stack(counts).long().sum() / x.numel()


def hoyer(x: Tensor) -> Tensor:
    """Hoyer sparsity (Hoyer 2004, JMLR 5, section 3.1) of the last axis: (√n − ‖x‖₁/‖x‖₂)/(√n − 1).

    0 for entries of equal size, 1 for a single nonzero one; nan (missing) where all are zero.
    """
    root = math.sqrt(x.shape[-1])
    return (root - x.norm(p=1, dim=-1) / x.norm(dim=-1)) / (root - 1)
