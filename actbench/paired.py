"""Two variants on the same seeds: differences, their intervals and tests, and what may be said of them.

Seed s fixes the split, the batch order, the dropout masks and the unscaled weights, so runs are compared seed by seed.
A difference is always variant − reference. Every function takes the runs of one workload, with the column `variant`;
failed runs are left out, diverged ones stay. Nothing here draws from a global generator.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import scipy.stats

from actbench.stats import RESAMPLES, bca
from actbench.tables import better

REFERENCE = "relu"
ALPHA = 0.05
_EXACT = 50  # differences up to which scipy's own test is exact
FEWEST = 5  # with fewer pairs no test could be anything but inconclusive, so none is made

# The smallest differences that matter, fixed before the sweeps: of a loss or a distance as a share of the reference's
# mean, of an accuracy by data set as a fraction. A data set that is not listed has no margin on its accuracy.
LOSS_MARGIN = 0.05
ACCURACY_MARGIN = {"mnist": 0.001, "cifar10": 0.005}


def by_seed(runs: pd.DataFrame, *, value: str) -> pd.DataFrame:
    """A column as seeds × variants. A run without a finite value has the worst one, ±∞; no run is missing (nan)."""
    kept = runs[runs["status"] != "failed"]
    worst = -np.inf if better(value) == "higher" else np.inf
    numbers = pd.to_numeric(kept[value]).astype("float64")
    finite = kept.assign(**{value: numbers.where(np.isfinite(numbers), worst)})
    return finite.pivot_table(value, "seed", "variant", aggfunc="first")


def margin(runs: pd.DataFrame, *, value: str, reference: str = REFERENCE) -> float:
    """The smallest difference of a column that matters; nan where none was stated beforehand."""
    if "accuracy" in value:
        names = set(runs["data"]) if "data" in runs else set()
        return ACCURACY_MARGIN.get(names.pop(), np.nan) if len(names) == 1 else np.nan
    if better(value) != "lower":
        return np.nan
    return LOSS_MARGIN * float(_column(by_seed(runs, value=value), reference).mean())


def compare(
    runs: pd.DataFrame,
    *,
    value: str,
    margin: float,
    rng: np.random.Generator,
    reference: str = REFERENCE,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Every other variant against the reference on the seeds that both have, one row each.

    Columns:
        n, lost: Pairs, and those of them in which a value is not finite. Where pairs are lost nothing else is known.
        mean, low, high: Mean difference and its 95 % interval, see `stats.bca`.
        superiority: P(A > B), the share of seeds on which the variant is better, ties counted half.
        d_z: Mean difference / standard deviation of the differences (Cohen 1988, paired); 0/0 = 0.
        p, p_holm: Wilcoxon's signed-rank test, and adjusted within this family (Holm 1979).
        p_equivalent, p_equivalent_holm: TOST with this margin, and adjusted in the same way.
        variance_ratio: Var(A − B) / (Var A + Var B): what is left of the variance by pairing.
        verdict: See `verdict`.

    The number of tests in the family is the number of variants, whether or not each could be tested.
    """
    wide = by_seed(runs, value=value)
    base = _column(wide, reference)
    names = [str(name) for name in wide.columns if name != reference]
    pairs = [pd.DataFrame({"a": wide[name], "b": base}).dropna() for name in names]
    whole = [np.isfinite(pair.to_numpy()).all(axis=1) for pair in pairs]
    table = pd.DataFrame({"variant": names, "n": map(len, pairs), "lost": [int((~w).sum()) for w in whole]})
    kept = [pair.to_numpy() if w.all() else np.empty((0, 2)) for pair, w in zip(pairs, whole, strict=True)]
    sign = 1 if better(value) == "higher" else -1
    found = pd.DataFrame(np.nan, index=table.index, columns=list(_MEASURES))
    for rows, stacked in _by_size([pair[:, 0] - pair[:, 1] for pair in kept]):
        both = np.stack([kept[row] for row in rows])  # (variants, n, 2)
        columns = _measures(stacked, both, sign=sign, margin=margin, rng=rng, resamples=resamples)
        found.loc[rows, list(_MEASURES)] = np.column_stack(columns)
    adjusted = {f"{name}_holm": holm(found[name]) for name in ("p", "p_equivalent")}
    table = table.join(found).assign(**adjusted)
    verdicts = [verdict(row, sign=sign) for row in table.to_dict("records")]
    return table.assign(verdict=pd.Series(verdicts, index=table.index, dtype="object"))


def verdict(row: dict, *, sign: int) -> str:
    """What may be said of a variant against the reference, once for all reports.

    *equivalent*: the Holm-adjusted TOST has p < .05, the difference is shown to be smaller than the margin.
    *better*, *worse*: the Holm-adjusted signed-rank test has p < .05 and the 95 % interval excludes 0 on that side.
    *inconclusive*: everything else, also where fewer than five pairs or a lost pair allow no test.

    Where both hold, equivalent wins: the margin was stated beforehand as the smallest difference that matters, and a
    difference that is real but shown to be smaller recommends nothing. `sign` is 1 where higher values are better.
    """
    if row["p_equivalent_holm"] < ALPHA:
        return "equivalent"
    if row["p_holm"] < ALPHA and row["low"] * row["high"] > 0:
        return "better" if sign * row["mean"] > 0 else "worse"
    return "inconclusive"


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
    varies = _varies(differences)
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


_MEASURES = ("mean", "low", "high", "superiority", "d_z", "p", "p_equivalent", "variance_ratio")


def _measures(
    differences: np.ndarray,
    both: np.ndarray,
    *,
    sign: int,
    margin: float,
    rng: np.random.Generator,
    resamples: int,
) -> tuple[np.ndarray, ...]:
    """The columns `_MEASURES` for differences (k, n) of values (k, n, 2)."""
    mean, low, high = bca(differences, rng=rng, resamples=resamples)
    superiority = (sign * differences > 0).mean(axis=1) + (differences == 0).mean(axis=1) / 2
    p, p_equivalent = signed_rank(differences), equivalence(differences, margin=margin)
    if differences.shape[1] < 2:
        unknown = np.full(len(differences), np.nan)
        return mean, low, high, superiority, unknown, p, p_equivalent, unknown
    spread = np.where(_varies(differences), differences.std(axis=1, ddof=1), 0.0)
    apart = both.var(axis=1, ddof=1).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        d_z = np.where(mean == 0, 0.0, mean / spread)
        return mean, low, high, superiority, d_z, p, p_equivalent, np.where(apart > 0, spread**2 / apart, np.nan)


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


def _varies(differences: np.ndarray) -> np.ndarray:
    """Which rows hold more than one value, up to rounding."""
    return np.ptp(differences, axis=1) > 1e-12 * np.abs(differences).max(axis=1)


def _by_size(samples: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Samples of one size stacked, and which they are; empty ones are left out."""
    sizes = np.array([len(sample) for sample in samples], dtype=int)
    for size in np.unique(sizes[sizes > 0]):
        rows = np.flatnonzero(sizes == size)
        yield rows, np.stack([samples[int(row)] for row in rows])


def _column(wide: pd.DataFrame, reference: str) -> pd.Series:
    if reference not in wide:
        raise ValueError(
            f"The reference {reference} is not among the variants {', '.join(map(str, wide.columns))}: "
            "compare with one of them."
        )
    return wide[reference]
