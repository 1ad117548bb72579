"""On which side of 0 a mean over seeds lies: Student's t with the variance over test images, or an exact sign test."""

from dataclasses import dataclass, field

import numpy as np
import scipy.special
import scipy.stats

from actbench.compare.significance import ALPHA, is_varied

MAX_SKEWNESS = 1.0  # beyond it a p of t counts twice, which is not enough: see `selftest.lognormal`


@dataclass(frozen=True)
class Images:
    """For each seed and test image a weighted sum of zeros and ones, such as e_A − 1.1 e_B, on one test set.

    Attributes:
        terms: Each a weight and whether an image was classified wrongly, (seeds, N) bool.
        known: Of which seeds it is known, (seeds,) bool: a seed that diverged has no images.
    """

    terms: tuple[tuple[float, np.ndarray], ...]
    known: np.ndarray
    _variances: dict[int, float] = field(default_factory=dict, compare=False, repr=False)

    def weighted(self, *weights: float) -> "Images":
        """The same zeros and ones with other weights."""
        return Images(tuple((w, wrong) for w, (_, wrong) in zip(weights, self.terms, strict=True)), self.known)

    def variance(self, n: int) -> float:
        """What drawing the N test images adds to the variance of the mean over the first n seeds, at least 0.

        The variance over images of the mean over seeds holds the seeds' own noise too, which is taken off:
        (Var_i(mean_s D) − mean_i Var_s(D) / n) / N.
        """
        if n not in self._variances:
            self._variances[n] = self._variance(n)
        return self._variances[n]

    def _variance(self, n: int) -> float:
        rows = np.flatnonzero(self.known[:n])
        if len(rows) < 2:
            return 0.0
        total = sum(weight * wrong[rows].astype(np.float32) for weight, wrong in self.terms)
        differences = np.asarray(total, dtype=np.float32)
        between = differences.mean(axis=0, dtype=np.float64).var(ddof=1)
        within = differences.var(axis=0, ddof=1, dtype=np.float64).mean() / len(rows)
        return float(max(0.0, between - within) / differences.shape[1])


@dataclass(frozen=True)
class Change:
    """What is shown where a number is compared with a reference's: mean(values) / mean(reference) − 1.

    Attributes:
        values, reference: By seed, (seeds,).
        images: Both by test image, as two terms.
    """

    values: np.ndarray
    reference: np.ndarray
    images: Images | None = None

    @property
    def by_seed(self) -> np.ndarray:
        """The change of each seed; nan where the reference is 0."""
        return self.values / np.where(self.reference == 0, np.nan, self.reference) - 1

    def interval(self, n: int, *, alpha: float) -> tuple[float, float, float]:
        """The change over the first n seeds, and low and high of its t interval.

        The standard error of a ratio of means R = mean(a) / mean(b) is that of the mean of a − R b over mean(b)
        (Cochran 1977, eq. 6.13), so that the interval goes with a test of a − R b.
        """
        values, reference = self.values[:n], self.reference[:n]
        base = reference.mean()
        if not (np.isfinite(values).all() and np.isfinite(base) and base != 0):
            return np.nan, np.nan, np.nan
        ratio = values.mean() / base
        images = self.images.weighted(1.0, -ratio) if self.images is not None else None
        _, low, high = t_interval((values - ratio * reference) / base, alpha=alpha, images=images, scale=base)
        return ratio - 1, ratio - 1 + low, ratio - 1 + high


@dataclass(frozen=True)
class Tails:
    """What decides on which side of 0 a mean lies: one number for each row, of values (…, n).

    Attributes:
        n: Number of seeds.
        mean, spread: Of the values; the spread is their standard deviation.
        images: The variance that the test images add to the mean.
        positive, negative: Share of values above and below 0.
        by_sign: Decided by an exact sign test: all values are equal, one is infinite, or the case says so.
        skewed: p counts twice.
    """

    n: int
    mean: np.ndarray
    spread: np.ndarray
    images: float
    positive: np.ndarray
    negative: np.ndarray
    by_sign: np.ndarray
    skewed: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, *, images: Images | None = None, exact: bool = False) -> "Tails":
        values = np.asarray(values, dtype=float)
        n = values.shape[-1]
        finite = np.isfinite(values).all(axis=-1)
        usable = values if finite.all() else np.where(finite[..., None], values, 0.0)
        mean = usable.mean(axis=-1)
        centred = usable - mean[..., None]
        spread = np.sqrt((centred * centred).sum(axis=-1) / (n - 1))
        by_sign = ~finite | ~is_varied(usable) | exact
        scaled = centred / np.where(spread > 0, spread, 1.0)[..., None]
        skewness = (scaled * scaled * scaled).mean(axis=-1) * (n / (n - 1)) ** 1.5  # a power takes 20 times as long
        return cls(
            n=n,
            mean=mean,
            spread=spread,
            images=images.variance(n) if images is not None else 0.0,
            positive=np.count_nonzero(values > 0, axis=-1) / n,
            negative=np.count_nonzero(values < 0, axis=-1) / n,
            by_sign=by_sign,
            skewed=~by_sign & (np.abs(skewness) > MAX_SKEWNESS),
        )

    def is_beyond(self, side: str) -> bool:
        """Whether the mean of one row lies on the other side of 0."""
        sign = 1 if side == "above" else -1
        return bool(sign * (self.positive - self.negative if self.by_sign else self.mean) < 0)

    def at(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """The p of "the mean is not above 0" and of "it is not below 0" at n seeds, if all else stays as it is."""
        error = np.sqrt(self.spread**2 / n + self.images)
        t = self.mean / np.where(error > 0, error, 1.0)
        doubled = np.where(self.skewed, 2.0, 1.0)
        above, below = (np.minimum(1.0, doubled * scipy.special.stdtr(n - 1, side)) for side in (-t, t))
        if not np.any(self.by_sign):
            return above, below
        wins, losses = (np.floor(share * n + 1e-9) for share in (self.positive, self.negative))
        signs = [scipy.special.bdtrc(count - 1, (wins + losses).astype(int), 0.5) for count in (wins, losses)]
        return np.where(self.by_sign, signs[0], above), np.where(self.by_sign, signs[1], below)


def t_interval(
    values: np.ndarray, *, alpha: float = ALPHA, images: Images | None = None, scale: float = 1.0
) -> tuple[float, float, float]:
    """Mean, low and high of Student's t interval at the level 1 − alpha, with the variance over test images.

    Equal values have an interval without width; where a value is infinite there is none. The numbers by image are
    `scale` times as large as the values.
    """
    n, mean = len(values), float(np.mean(values))
    if not np.isfinite(mean):
        return mean, np.nan, np.nan
    by_images = images.variance(n) / scale**2 if images is not None else 0.0
    half = float(scipy.special.stdtrit(n - 1, 1 - alpha / 2) * np.sqrt(np.var(values, ddof=1) / n + by_images))
    return mean, mean - half, mean + half
