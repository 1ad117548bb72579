"""Tensors in parts that stay in a processor's cache, where an operation takes a fraction of its time in memory."""

from torch import Tensor

ENTRIES_AT_ONCE = 2**16


def in_cache(x: Tensor) -> tuple[Tensor, ...]:
    """Parts of x along its first axis, of at most so many entries, or of one row where a row has more."""
    return x.split(max(1, ENTRIES_AT_ONCE // x[0].numel()))
