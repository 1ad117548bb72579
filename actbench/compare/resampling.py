"""Resampling: samples of one size computed together, and draws in chunks that fit in memory."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

CHUNK = 4_000_000  # numbers held at once: 32 MB
DIGITS = 12  # of a mean that is ranked: means of the same counts differ by rounding


def by_size(samples: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each size n the indices of the samples (…, n) of that size, and these samples stacked, (k, …, n).

    Empty samples are left out.
    """
    sizes = np.array([sample.shape[-1] for sample in samples], dtype=int)
    for size in np.unique(sizes[sizes > 0]):
        rows = np.flatnonzero(sizes == size)
        yield rows, np.stack([samples[int(row)] for row in rows])


def chunks(items: np.ndarray, *, size: int) -> Iterator[np.ndarray]:
    """Pieces of `items` that fit in memory together if each needs `size` numbers."""
    step = max(1, CHUNK // size)
    for start in range(0, len(items), step):
        yield items[start : start + step]


def bootstrap(
    statistic: Callable[..., np.ndarray], sizes: Sequence[int], *, rng: np.random.Generator, resamples: int, size: int
) -> np.ndarray:
    """A statistic of each resample, (resamples, …); it needs `size` numbers for each.

    The statistic takes one array of indices (chunk, n) for each n of `sizes`, drawn with replacement.
    """
    parts = [
        statistic(*(rng.integers(0, n, (len(chunk), n)) for n in sizes))
        for chunk in chunks(np.arange(resamples), size=size)
    ]
    return np.concatenate(parts)
