"""Statistics of a measurement: intervals over seeds, drift over layers, vanishing gradients.

Nothing here draws from a global generator. Every interval of a report can be computed again, alone, as
`mean_interval(values, rng=np.random.default_rng(0))`: it depends on its own values and on nothing else in the table.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.special
import scipy.stats

RESAMPLES = 10_000
LEVEL = 0.95
_CHUNK = 4_000_000  # resampled numbers held at once: 32 MB
_FEW = 100  # values of which each resample and, in n² steps, the jackknife are computed as they are defined


class Interval(NamedTuple):
    """A mean with its interval and the number of values behind it; `low` and `high` are missing for one value."""

    mean: float
    low: float
    high: float
    n: int

    def overlaps(self, other: "Interval") -> bool:
        """Whether the two have a value in common; a mean without an interval is taken as a point."""
        low, high = (self.mean, self.mean) if np.isnan(self.low) else (self.low, self.high)
        other_low, other_high = (other.mean, other.mean) if np.isnan(other.low) else (other.low, other.high)
        return low <= other_high and other_low <= high


def mean_interval(
    values: Sequence[float] | np.ndarray | pd.Series, *, rng: np.random.Generator, resamples: int = RESAMPLES
) -> Interval:
    """The mean of the finite values with its 95 % interval, see `bca`.

    The order of the values does not matter. Equal values have an interval of width zero, one value has none.
    """
    sample = np.sort(np.asarray(values, dtype=float))
    sample = sample[np.isfinite(sample)]
    if not len(sample):
        return Interval(np.nan, np.nan, np.nan, 0)
    mean, low, high = bca(sample[None, :], rng=rng, resamples=resamples)
    return Interval(float(mean[0]), float(low[0]), float(high[0]), len(sample))


def summarise(
    frame: pd.DataFrame, *, by: list[str], value: str, resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """`mean, low, high, n` of a column for each group, in the order in which the groups appear.

    Each interval is what `mean_interval` gives with `default_rng(seed)`: groups of one size share their resamples,
    so that a group's interval stays the same when others come or go. Values that are not finite are left out and
    show in `n`.
    """
    values = pd.to_numeric(frame[value]).astype("float64")
    values = values.where(np.isfinite(values))
    grouped = values.groupby([frame[name] for name in by], sort=False)
    samples = [np.sort(group.dropna().to_numpy()) for _, group in grouped]
    sizes = np.array([len(sample) for sample in samples], dtype=int)
    summary = np.full((len(samples), 3), np.nan)
    for size in np.unique(sizes[sizes > 0]):
        rows = np.flatnonzero(sizes == size)
        for chunk in _chunks(rows, size=resamples * (size if size <= _FEW else 1)):
            stacked = np.stack([samples[row] for row in chunk])  # (groups, size)
            bounds = bca(stacked, rng=np.random.default_rng(seed), resamples=resamples)
            summary[chunk] = np.column_stack(bounds)
    groups = frame[by].drop_duplicates().reset_index(drop=True)
    return groups.assign(mean=summary[:, 0], low=summary[:, 1], high=summary[:, 2], n=sizes)


def bca(
    samples: np.ndarray, *, rng: np.random.Generator, resamples: int = RESAMPLES
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, low and high of each row of `samples` (k, n), all finite: 95 % BCa (Efron 1987), expanded for small n.

    The bootstrap of a mean is too narrow by sqrt((n − 1)/n) and takes the normal for Student's t: at n = 10 a plain
    interval covers about 90 %. As Hesterberg (2015, The American Statistician 69, section 5) does for percentiles, the
    level is raised to 2 Φ(t sqrt(n/(n − 1))) − 1, with t the 97.5 % point of Student's t with n − 1 degrees.

    The rows share their resamples.
    """
    mean, n = samples.mean(axis=1), samples.shape[1]
    if n == 1:
        return mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    reach = scipy.stats.t.ppf((1 + LEVEL) / 2, n - 1) * np.sqrt(n / (n - 1))
    level = min(float(2 * scipy.stats.norm.cdf(reach) - 1), 1 - 1e-9)  # of two values it would round to 1
    low, high = mean.copy(), mean.copy()
    # BCa is undefined for equal values; those that differ by rounding only count as equal.
    varies = np.ptp(samples, axis=1) > 1e-12 * np.abs(samples).max(axis=1)
    if varies.any():
        bounds = _of_few if n <= _FEW else _of_many
        low[varies], high[varies] = bounds(samples[varies], level=level, rng=rng, resamples=resamples)
    return mean, low, high


def _of_few(
    samples: np.ndarray, *, level: float, rng: np.random.Generator, resamples: int
) -> tuple[np.ndarray, np.ndarray]:
    """Low and high of the mean of each row of `samples` (k, n): BCa."""
    result = scipy.stats.bootstrap(
        (samples,),
        np.mean,
        axis=1,
        vectorized=True,
        n_resamples=resamples,
        confidence_level=level,
        method="BCa",
        rng=rng,
    )
    return result.confidence_interval.low, result.confidence_interval.high


def _of_many(
    samples: np.ndarray, *, level: float, rng: np.random.Generator, resamples: int
) -> tuple[np.ndarray, np.ndarray]:
    """What `_of_few` gives, from the same draws in time that grows as n: up to rounding, if no resample ties with m.

    Resampled means are a product with how often each value was drawn. The jackknife of a mean m has a closed form, so
    that the acceleration is Σ(x − m)³ / 6 (Σ(x − m)²)^1.5 (Efron & Tibshirani 1993, eq. 14.15). A resampled mean that
    equals m up to rounding counts as half below; scipy counts it by how it was rounded.
    """
    (k, n), mean = samples.shape, samples.mean(axis=1, keepdims=True)
    means = np.empty((k, resamples))
    step = max(1, _CHUNK // n)
    for start in range(0, resamples, step):
        drawn = rng.integers(0, n, (min(step, resamples - start), n))
        drawn += n * np.arange(len(drawn))[:, None]
        times = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)
        means[:, start : start + len(drawn)] = samples @ times.T.astype(float) / n
    equal = 1e-12 * np.abs(samples).max(axis=1, keepdims=True)
    below = (means < mean - equal).mean(axis=1) + (means <= mean + equal).mean(axis=1)
    bias, apart = scipy.special.ndtri(below / 2), samples - mean
    acceleration = (apart**3).sum(axis=1) / (6 * (apart**2).sum(axis=1) ** 1.5)
    bounds = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        reach = bias + scipy.special.ndtri(tail)
        at = scipy.special.ndtr(bias + reach / (1 - acceleration * reach))
        bounds.append(np.array([np.quantile(row, p) for row, p in zip(means, at, strict=True)]))
    return bounds[0], bounds[1]


def _chunks(rows: np.ndarray, *, size: int) -> Iterator[np.ndarray]:
    """Pieces of `rows` whose resamples, `size` numbers a row, fit in memory together."""
    step = max(1, _CHUNK // size)
    for start in range(0, len(rows), step):
        yield rows[start : start + step]
