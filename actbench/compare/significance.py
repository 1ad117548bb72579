"""Tests of paired differences, and p-values adjusted for their number."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.stats

ALPHA = 0.05
_EXACT = 50  # differences up to which scipy's own test is exact
FEWEST = 5  # with fewer pairs no test could be anything but inconclusive, so none is made


def signed_rank(differences: np.ndarray) -> np.ndarray:
    """The two-sided p of Wilcoxon's signed-rank test for each row of `differences` (k, n); nan for n < 5.

    It is exact for up to 50 differences and of the normal approximation, with its correction for ties, for more.
    Differences of 0 are left out (Wilcoxon 1945), and a row of zeros has p = 1. Magnitudes that are tied, up to
    rounding, share their mean rank. The smallest possible p is 2^(1 − n): .0625 for n = 5, .002 for n = 10.
    """
    if differences.shape[1] < FEWEST:
        return np.full(len(differences), np.nan)
    largest = np.abs(differences).max(axis=1, keepdims=True)
    rounded = np.round(differences / np.where(largest > 0, largest, 1), 9)
    sizes = np.sort(np.abs(rounded), axis=1)
    plain = (sizes[:, 0] > 0) & (np.diff(sizes, axis=1) > 0).all(axis=1)
    p = np.ones(len(differences))
    if plain.any():
        p[plain] = scipy.stats.wilcoxon(rounded[plain], axis=1).pvalue
    many = ~plain & ((rounded != 0).sum(axis=1) > _EXACT)
    if many.any():
        p[many] = scipy.stats.wilcoxon(rounded[many], axis=1, method="asymptotic").pvalue
    for row in np.flatnonzero(~plain & ~many):
        p[row] = _with_ties(rounded[row][rounded[row] != 0])
    return p


def equivalence(differences: np.ndarray, *, margin: float) -> np.ndarray:
    """The p of TOST (Schuirmann 1987) for each row of `differences` (k, n): the larger of two one-sided paired t-tests.

    A small p says −margin < mean < margin. Differences that are all equal have p = 0 within the margin and 1 outside.
    Missing for n < 5 and without a margin.
    """
    if differences.shape[1] < FEWEST or np.isnan(margin):
        return np.full(len(differences), np.nan)
    p = np.where(np.abs(differences.mean(axis=1)) < margin, 0.0, 1.0)
    varies = is_varied(differences)
    if varies.any():
        above = scipy.stats.ttest_1samp(differences[varies], -margin, axis=1, alternative="greater").pvalue
        below = scipy.stats.ttest_1samp(differences[varies], margin, axis=1, alternative="less").pvalue
        p[varies] = np.maximum(above, below)
    return p


def holm(p: Sequence[float] | np.ndarray | pd.Series) -> np.ndarray:
    """p adjusted for their number so that the family-wise error rate holds (Holm 1979): of the i-th smallest of K,
    max over j ≤ i of (K − j + 1) p_(j), at most 1.

    A missing p stays missing and counts as a test with p = 1. By hand, as statsmodels collects all garbage at each
    call, which takes longer than everything else that is tested here.
    """
    given = np.asarray(p, dtype=float)
    order = np.argsort(given)  # missing ones last
    stepped = np.maximum.accumulate(np.arange(len(given), 0, -1) * np.nan_to_num(given, nan=1.0)[order])
    adjusted = np.empty(len(given))
    adjusted[order] = np.minimum(stepped, 1.0)
    return np.where(np.isnan(given), np.nan, adjusted)


def false_discoveries(p: Sequence[float] | np.ndarray | pd.Series) -> np.ndarray:
    """p adjusted for their number so that of those rejected the expected share that is false holds (Benjamini &
    Hochberg 1995). A missing p stays missing and counts as a test with p = 1.
    """
    given = np.asarray(p, dtype=float)
    return np.where(np.isnan(given), np.nan, scipy.stats.false_discovery_control(np.nan_to_num(given, nan=1.0)))


def smallest_adjusted(*, n: int, tests: int) -> float:
    """The smallest Holm-adjusted p that signed-rank tests on n pairs can reach: where it is .05 or more, none can."""
    return min(1.0, tests * 2.0 ** (1 - n))


def _with_ties(differences: np.ndarray) -> float:
    """The p of a signed-rank test where ranks are shared, which scipy has by a normal approximation only.

    Given the ranks, each sign is a coin: the distribution of the positive ones' sum, in halves of a rank, grows by one
    difference at a time.
    """
    halves = (2 * scipy.stats.rankdata(np.abs(differences))).astype(int)
    chance = np.ones(1)
    for rank in halves:
        chance = (np.pad(chance, (0, rank)) + np.pad(chance, (rank, 0))) / 2
    positive = halves[differences > 0].sum()
    return float(min(1.0, 2 * min(chance[: positive + 1].sum(), chance[positive:].sum())))


def is_varied(differences: np.ndarray) -> np.ndarray:
    """Which rows hold more than one value, up to rounding."""
    return np.ptp(differences, axis=1) > 1e-12 * np.abs(differences).max(axis=1)
