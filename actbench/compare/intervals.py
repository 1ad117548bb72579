"""Confidence intervals of means over seeds.

Nothing here draws from a global generator. Every interval of a report can be computed again on its own as
`mean_interval(values, rng=np.random.default_rng(0))`: it depends on its own values and on nothing else in the table.
"""

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.special
import scipy.stats
from threadpoolctl import ThreadpoolController

from actbench.compare.resampling import CHUNK, by_size, chunks
from actbench.compare.significance import is_varied

RESAMPLES = 10_000
LEVEL = 0.95
# The last word of a column -> the least and the largest value of the measure.
_POSSIBLE = {
    **dict.fromkeys(("accuracy", "error", "low", "high", "dead"), (0.0, 1.0)),
    **dict.fromkeys(("loss", "fld", "floor", "seconds"), (0.0, np.inf)),
}
_FEW = 10  # from so many values on a bootstrap holds the mean about as often as it says
_BLAS = ThreadpoolController()
TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)


class Interval(NamedTuple):
    """A mean with its interval and the number of values behind it; one value has no `low` and `high` (nan)."""

    mean: float
    low: float
    high: float
    n: int

    def overlaps(self, other: "Interval") -> bool:
        """Whether two intervals have a value in common; both must be there."""
        return self.low <= other.high and other.low <= self.high

    def scaled(self, factor: float) -> "Interval":
        """In another unit, as −100 for an error's difference in points of accuracy."""
        low, high = (self.low, self.high) if factor > 0 else (self.high, self.low)
        return Interval(factor * self.mean, factor * low, factor * high, self.n)


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

    Each interval is that of `mean_interval` with `default_rng(seed)`. Groups of one size share their resamples, so a
    group's interval stays the same when other groups come or go. Values that are not finite are left out of `n` too.
    The t interval of a few values can reach beyond what the column can be, and ends there.
    """
    values = pd.to_numeric(frame[value]).astype("float64")
    values = values.where(np.isfinite(values))
    grouped = values.groupby([frame[name] for name in by], sort=False)
    samples = [np.sort(group.dropna().to_numpy()) for _, group in grouped]
    summary = np.full((len(samples), 3), np.nan)
    for rows, stacked in by_size(samples):  # (groups, n)
        for chunk in chunks(np.arange(len(rows)), size=resamples):
            bounds = _intervals(stacked[chunk], _fixed_draws(stacked.shape[1], resamples, seed))
            summary[rows[chunk]] = np.column_stack(bounds)
    least, most = _POSSIBLE.get(value.rpartition("_")[2], (-np.inf, np.inf))
    if values.dropna().between(least, most).all():  # a stranger's loss may be negative
        summary[:, 1], summary[:, 2] = np.maximum(summary[:, 1], least), np.minimum(summary[:, 2], most)
    groups = frame[by].drop_duplicates().reset_index(drop=True)
    return groups.assign(mean=summary[:, 0], low=summary[:, 1], high=summary[:, 2], n=list(map(len, samples)))


def bca(
    samples: np.ndarray, *, rng: np.random.Generator, resamples: int = RESAMPLES
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, low and high of each row of `samples` (k, n), all finite: 95 % BCa (Efron 1987), expanded for small n.

    Of fewer than 10 values it is the t interval, mean ± t sqrt(s²/n): a resampled mean lies between the least and the
    largest value, so that a bootstrap holds the mean too seldom, of normal values in 50 % for n = 2, in 92 % for n = 5.

    The bootstrap of a mean is too narrow by sqrt((n − 1)/n) and uses the normal where Student's t belongs: at n = 10 a
    plain interval covers about 90 %. So the level is raised to 2 Φ(t sqrt(n/(n − 1))) − 1, with t the 97.5 % point of
    Student's t with n − 1 degrees, as Hesterberg (2015, The American Statistician 69, section 5) does for percentiles.

    The rows share their resamples.
    """
    return _intervals(samples, _draws(samples.shape[1], resamples, rng))


def _draws(n: int, resamples: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """How often each resample draws each of n values, (n, chunk of resamples); drawn when it is asked for."""
    for chunk in chunks(np.arange(resamples), size=n):
        drawn = rng.integers(0, n, (len(chunk), n))
        places = drawn + n * np.arange(len(drawn))[:, None]
        yield np.bincount(places.ravel(), minlength=drawn.size).astype(float).reshape(drawn.shape).T


def _fixed_draws(n: int, resamples: int, seed: int) -> Iterable[np.ndarray]:
    """The draws of `default_rng(seed)`; those that fit in one chunk are kept, since each column of a table asks."""
    return (
        _kept_draws(n, resamples, seed) if n * resamples <= CHUNK else _draws(n, resamples, np.random.default_rng(seed))
    )


@functools.lru_cache(maxsize=4)
def _kept_draws(n: int, resamples: int, seed: int) -> list[np.ndarray]:
    return list(_draws(n, resamples, np.random.default_rng(seed)))


def _intervals(samples: np.ndarray, draws: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `bca`, of given draws."""
    mean, n = samples.mean(axis=1), samples.shape[1]
    if n == 1:
        return mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    quantile = scipy.stats.t.ppf((1 + LEVEL) / 2, n - 1)
    low, high = mean.copy(), mean.copy()
    varied = is_varied(samples)  # BCa is undefined for equal values
    if varied.any() and n < _FEW:
        half = quantile * samples[varied].std(axis=1, ddof=1) / np.sqrt(n)
        low[varied], high[varied] = mean[varied] - half, mean[varied] + half
    elif varied.any():
        level = float(2 * scipy.stats.norm.cdf(quantile * np.sqrt(n / (n - 1))) - 1)
        low[varied], high[varied] = _bounds(samples[varied], level=level, draws=draws)
    return mean, low, high


def _bounds(samples: np.ndarray, *, level: float, draws: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Low and high of the mean of each row of `samples` (k, n): BCa.

    The result of scipy.stats.bootstrap from the same draws, up to rounding, in time that grows as n and not as n²: with
    scipy's the report of ten thousand runs takes minutes. The resampled means are a product of the samples with how
    often each value was drawn. The jackknife of a mean m has a closed form: the acceleration is
    Σ(x − m)³ / 6 (Σ(x − m)²)^1.5 (Efron & Tibshirani 1993, eq. 14.15).

    The two may differ where a resampled mean equals m up to rounding. Here it counts as half below m; in scipy it
    counts by how it was rounded.
    """
    n, mean = samples.shape[1], samples.mean(axis=1, keepdims=True)
    # How a product is rounded depends on the number of threads, and these products are too small for several.
    with _BLAS.limit(limits=1, user_api="blas"):
        means = np.concatenate([samples @ counts / n for counts in draws], axis=1)  # (k, resamples)
    tolerance = 1e-12 * np.abs(samples).max(axis=1, keepdims=True)
    below = (means < mean - tolerance).mean(axis=1) + (means <= mean + tolerance).mean(axis=1)  # twice the share
    bias, deviations = scipy.special.ndtri(below / 2), samples - mean
    acceleration = (deviations**3).sum(axis=1) / (6 * (deviations**2).sum(axis=1) ** 1.5)
    shares = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        shifted = bias + scipy.special.ndtri(tail)
        shares.append(scipy.special.ndtr(bias + shifted / (1 - acceleration * shifted)))
    bounds = [np.quantile(row, ends) for row, ends in zip(means, np.stack(shares, axis=1), strict=True)]
    low, high = np.transpose(bounds)
    return low, high
