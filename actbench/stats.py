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

_PROBED = ["run_id", "seed", "step"]
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


def ends(layers: pd.DataFrame) -> pd.DataFrame:
    """The first and the last probed step of each run and seed, told apart by the column `when`."""
    step = layers.groupby(["run_id", "seed"])["step"]
    first, last = step.transform("min"), step.transform("max")
    at_start = layers[layers["step"] == first].assign(when="at initialisation")
    at_end = layers[(layers["step"] == last) & (last > first)].assign(when="at the end")
    return pd.concat([at_start, at_end], ignore_index=True)


def mean_drift(layers: pd.DataFrame, *, column: str) -> pd.DataFrame:
    """`slope, low, high` of a column over `layer_index` by run and probed step: the Theil–Sen slope, 95 %.

    One layer has no slope and two layers have no interval.
    """
    groups = layers[_PROBED].drop_duplicates().sort_values(_PROBED, ignore_index=True)
    known = layers.assign(_group=layers.groupby(_PROBED).ngroup())[np.isfinite(layers[column])].sort_values("_group")
    sizes = np.bincount(known["_group"], minlength=len(groups))
    slopes = np.full((len(groups), 3), np.nan)
    for size in np.unique(sizes[sizes > 1]):
        own = known[sizes[known["_group"]] == size]
        x, y = (own[name].to_numpy(float).reshape(-1, size) for name in ("layer_index", column))
        found = scipy.stats.theilslopes(y, x, alpha=LEVEL, axis=1)
        slopes[sizes == size] = np.column_stack([found.slope, found.low_slope, found.high_slope])
    slopes[sizes == 2, 1:] = np.nan
    return groups.assign(slope=slopes[:, 0], low=slopes[:, 1], high=slopes[:, 2])


def networks(layers: pd.DataFrame) -> pd.Series:
    """The network of each layer, by what stands before the first dot of its name; empty where there is none."""
    return layers["layer"].astype(str).str.extract(r"^([^.]+)\.", expand=False).fillna("")


def last_network(layers: pd.DataFrame) -> pd.DataFrame:
    """The layers of the last of a task's networks: of a GAN the discriminator's."""
    network = networks(layers)
    return layers[network == network.iloc[int(layers["layer_index"].to_numpy().argmax())]]


def vanishing(layers: pd.DataFrame) -> pd.DataFrame:
    """`ratio` = G_1 / G_L and `gain` = (ln G_1 − ln G_L) / (L − 1), G = `grad_rms`, by run and probed step.

    A gain below 0 says that the gradient shrinks on its way to the input. It is −∞ where no gradient arrives at the
    first layer, and missing where there is one layer only.
    """
    ordered = layers.sort_values([*_PROBED, "layer_index"])
    first = ordered.drop_duplicates(_PROBED, keep="first").reset_index(drop=True)
    last = ordered.drop_duplicates(_PROBED, keep="last").reset_index(drop=True)
    steps = (last["layer_index"] - first["layer_index"]).to_numpy(float)
    steps[steps == 0] = np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        g_first, g_last = first["grad_rms"].to_numpy(float), last["grad_rms"].to_numpy(float)
        ratio = np.where(np.isnan(steps), np.nan, g_first / g_last)
        gain = (np.log(g_first) - np.log(g_last)) / steps
    return first[_PROBED].assign(ratio=ratio, gain=gain)


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
