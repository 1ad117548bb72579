"""Tensors in parts that stay in a processor's cache, where an operation takes a fraction of its time in memory."""

from torch import Tensor

ENTRIES_AT_ONCE = 2**16
COUNTABLE = 2**24  # ones that a sum in float32 counts exactly


def in_cache(x: Tensor) -> tuple[Tensor, ...]:
    """Parts of x along its first axis, of at most so many entries, or of one row where a row has more.

    On a GPU each part is another kernel to launch: there they are as large as can be counted.
    """
    entries = ENTRIES_AT_ONCE if x.device.type == "cpu" else COUNTABLE
    return x.split(max(1, entries // x[0].numel()))
