"""Tests of paired differences, and p-values adjusted for the number of tests."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.stats

ALPHA = 0.05  # of a family, over all its looks
_EXACT = 100  # differences up to which the test is exact; ten times as many take a second each
_LEAST = 5  # differences: the smallest p of fewer is .125


def signed_rank(differences: np.ndarray) -> np.ndarray:
    """The two-sided p of Wilcoxon's signed-rank test for each row of `differences` (k, n); nan for n < 5.

    The test is exact for up to 100 differences. For more it is the normal approximation with its correction for ties.
    Differences of 0 are left out (Wilcoxon 1945), and a row of zeros has p = 1. Magnitudes that are equal up to
    rounding share their mean rank. The smallest possible p is 2^(1 − n): .0625 for n = 5, .002 for n = 10.
    """
    if differences.shape[1] < _LEAST:
        return np.full(len(differences), np.nan)
    largest = np.abs(differences).max(axis=1, keepdims=True)
    rounded = np.round(differences / np.where(largest > 0, largest, 1), 9)
    magnitudes = np.sort(np.abs(rounded), axis=1)
    untied = (magnitudes[:, 0] > 0) & (np.diff(magnitudes, axis=1) > 0).all(axis=1)
    p = np.ones(len(differences))
    if untied.any():
        method = "exact" if differences.shape[1] <= _EXACT else "asymptotic"
        p[untied] = scipy.stats.wilcoxon(rounded[untied], axis=1, method=method).pvalue
    many = ~untied & ((rounded != 0).sum(axis=1) > _EXACT)
    if many.any():
        p[many] = scipy.stats.wilcoxon(rounded[many], axis=1, method="asymptotic").pvalue
    for row in np.flatnonzero(~untied & ~many):
        p[row] = _tied_signed_rank(rounded[row][rounded[row] != 0])
    return p


def holm(p: Sequence[float] | np.ndarray | pd.Series) -> np.ndarray:
    """p-values adjusted to control the family-wise error rate (Holm 1979).

    The i-th smallest of K becomes max over j ≤ i of (K − j + 1) p_(j), at most 1. A missing p stays missing and counts
    as a test with p = 1. Not statsmodels', which collects all garbage at each call: that takes longer than all tests
    here together.
    """
    values = np.asarray(p, dtype=float)
    order = np.argsort(values)  # missing ones last
    stepped = np.maximum.accumulate(np.arange(len(values), 0, -1) * np.nan_to_num(values, nan=1.0)[order])
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(stepped, 1.0)
    return np.where(np.isnan(values), np.nan, adjusted)


def false_discoveries(p: Sequence[float] | np.ndarray | pd.Series) -> np.ndarray:
    """p-values adjusted to control the false discovery rate (Benjamini & Hochberg 1995).

    A missing p stays missing and counts as a test with p = 1.
    """
    values = np.asarray(p, dtype=float)
    return np.where(np.isnan(values), np.nan, scipy.stats.false_discovery_control(np.nan_to_num(values, nan=1.0)))


def _tied_signed_rank(differences: np.ndarray) -> float:
    """The exact p of a signed-rank test with tied ranks, for which scipy has a normal approximation only.

    Under the null each sign is a fair coin, given the ranks. The distribution of the sum of the positive ranks, doubled
    so that they are integers, is built up one difference at a time.
    """
    _, places, sizes = np.unique(np.abs(differences), return_inverse=True, return_counts=True)
    double_ranks = (2 * sizes.cumsum() - sizes + 1)[places]
    probabilities = np.zeros(double_ranks.sum() + 1)
    probabilities[0] = 1
    reached = np.cumsum(double_ranks) + 1
    for rank, end in zip(double_ranks, reached, strict=True):
        without = probabilities[: end - rank].copy()
        probabilities[rank:end] += without
        probabilities[:end] /= 2
    positive = double_ranks[differences > 0].sum()
    return float(min(1.0, 2 * min(probabilities[: positive + 1].sum(), probabilities[positive:].sum())))


def is_varied(values: np.ndarray) -> np.ndarray:
    """Whether each row (the last axis) holds more than one value, up to rounding."""
    return np.ptp(values, axis=-1) > 1e-12 * np.abs(values).max(axis=-1)
