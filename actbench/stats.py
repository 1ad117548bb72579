"""Statistics of a measurement: intervals over seeds, drift over layers, vanishing gradients.

Nothing here draws from a global generator. Every interval of a report can be computed again, alone, as
`mean_interval(values, rng=np.random.default_rng(0))`: it depends on its own values and on nothing else in the table.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

RESAMPLES = 10_000
LEVEL = 0.95

_PROBED = ["run_id", "seed", "step"]
_CHUNK = 4_000_000  # resampled numbers held at once: 32 MB


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
        for chunk in _chunks(rows, size=size * resamples):
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
        result = scipy.stats.bootstrap(
            (samples[varies],),
            np.mean,
            axis=1,
            vectorized=True,
            n_resamples=resamples,
            confidence_level=level,
            method="BCa",
            rng=rng,
        )
        low[varies], high[varies] = result.confidence_interval
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
    rows = [
        (*key, *_theil_sen(group["layer_index"].to_numpy(float), group[column].to_numpy(float)))
        for key, group in layers.groupby(_PROBED)
    ]
    return pd.DataFrame(rows, columns=[*_PROBED, "slope", "low", "high"])


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


def _chunks(rows: np.ndarray, *, size: int) -> Iterator[np.ndarray]:
    """Pieces of `rows` whose resamples, `size` numbers a row, fit in memory together."""
    step = max(1, _CHUNK // size)
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _theil_sen(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    known = np.isfinite(y)
    x, y = x[known], y[known]
    if len(np.unique(x)) < 2:
        return np.nan, np.nan, np.nan
    slope, _, low, high = scipy.stats.theilslopes(y, x, alpha=LEVEL)
    return (slope, np.nan, np.nan) if len(x) == 2 else (slope, low, high)
