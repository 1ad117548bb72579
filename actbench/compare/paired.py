"""Variants compared on the same seeds: differences, their intervals and tests, and a verdict.

Seed s fixes the split, the batch order, the dropout masks and the unscaled weights, so runs are compared seed by seed.
A difference is always variant − reference. Every function takes the runs of one workload, with the column `variant`;
failed runs are left out, diverged ones stay. Nothing here draws from a global generator.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from actbench.compare.by_seed import by_seed, column_of
from actbench.compare.intervals import RESAMPLES, bca
from actbench.compare.resampling import by_size, chunks
from actbench.compare.significance import ALPHA, equivalence, false_discoveries, holm, is_varied, signed_rank
from actbench.tables.schema import REFERENCE, better


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
        n, lost: Number of pairs, and of those with a value that is not finite. With a lost pair the other columns are
            missing and the verdict is inconclusive.
        mean, low, high: Mean difference and its 95 % interval, see `compare.intervals.bca`.
        superiority: P(A > B), the share of seeds on which the variant is better; ties count half.
        d_z: Mean difference / standard deviation of the differences (Cohen 1988, paired); 0/0 = 0.
        p, p_holm: Wilcoxon's signed-rank test, and adjusted within this family (Holm 1979).
        p_equivalent, p_equivalent_holm: TOST with this margin, and adjusted in the same way.
        variance_ratio: Var(A − B) / (Var A + Var B), the share of the variance that remains after pairing.
        verdict: See `verdict`.

    The family has one test for each variant, whether or not it could be tested.
    """
    wide = by_seed(runs, value=value)
    base = column_of(wide, reference)
    names = [str(name) for name in wide.columns if name != reference]
    pairs = [_common_seeds(wide[name], base) for name in names]
    lost = [int((~np.isfinite(pair).all(axis=0)).sum()) for pair in pairs]
    table = pd.DataFrame({"variant": names, "n": [pair.shape[1] for pair in pairs], "lost": lost})
    sign = 1 if better(value) == "higher" else -1
    measures = pd.DataFrame(np.nan, index=table.index, columns=list(_MEASURES))
    for rows, values in by_size(_tested(pairs)):  # (variants, 2, n)
        columns = _measures(values, sign=sign, margin=margin, rng=rng, resamples=resamples)
        measures.loc[rows, list(_MEASURES)] = np.column_stack(columns)
    adjusted = {f"{name}_holm": holm(measures[name]) for name in ("p", "p_equivalent")}
    table = table.join(measures).assign(**adjusted)
    verdicts = [verdict(row, sign=sign) for row in table.to_dict("records")]
    return table.assign(verdict=pd.Series(verdicts, index=table.index, dtype="object"))


def verdict(row: dict, *, sign: int) -> str:
    """The verdict on a variant against the reference, the same rule in all reports.

    *equivalent*: the Holm-adjusted TOST has p < .05, so the difference is smaller than the margin.
    *better*, *worse*: the Holm-adjusted signed-rank test has p < .05 and the 95 % interval excludes 0 on that side.
    *inconclusive*: everything else, also where there is no test because of a lost pair or fewer than five pairs.

    Where both hold, equivalent wins: the margin was stated beforehand as the smallest difference that matters, and a
    difference that is real but smaller than that recommends nothing. `sign` is 1 where higher values are better, else
    −1.
    """
    if row["p_equivalent_holm"] < ALPHA:
        return "equivalent"
    if row["p_holm"] < ALPHA and row["low"] * row["high"] > 0:
        return "better" if sign * row["mean"] > 0 else "worse"
    return "inconclusive"


_MEASURES = ("mean", "low", "high", "superiority", "d_z", "p", "p_equivalent", "variance_ratio")


def _measures(
    values: np.ndarray, *, sign: int, margin: float, rng: np.random.Generator, resamples: int
) -> tuple[np.ndarray, ...]:
    """The columns `_MEASURES` for pairs of values (k, 2, n)."""
    differences = values[:, 0] - values[:, 1]
    mean, low, high = bca(differences, rng=rng, resamples=resamples)
    superiority = (sign * differences > 0).mean(axis=1) + (differences == 0).mean(axis=1) / 2
    p, p_equivalent = signed_rank(differences), equivalence(differences, margin=margin)
    if differences.shape[1] < 2:
        missing = np.full(len(differences), np.nan)
        return mean, low, high, superiority, missing, p, p_equivalent, missing
    spread = np.where(is_varied(differences), differences.std(axis=1, ddof=1), 0.0)
    unpaired = values.var(axis=2, ddof=1).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        d_z = np.where(mean == 0, 0.0, mean / spread)
        variance_ratio = np.where(unpaired > 0, spread**2 / unpaired, np.nan)
        return mean, low, high, superiority, d_z, p, p_equivalent, variance_ratio


class NullRates(NamedTuple):
    """How often the tests of a report find a difference where there is none, see `null_rates`.

    Attributes:
        n: Number of pairs in each comparison.
        tests: Number of comparisons in the family.
        draws: How often the family was tested.
        single: Share of single tests with p < .05.
        family: Share of families in which any Holm-adjusted p is below .05.
    """

    n: int
    tests: int
    draws: int
    single: float
    family: float


def all_pairs(runs: pd.DataFrame, *, value: str, margin: float) -> pd.DataFrame:
    """Every pair of variants on the seeds that both have, one row each: mean of a − b, seeds won by a, tied, lost, p.

    `p` is Wilcoxon's signed-rank test, `p_equivalent` TOST with this margin. `p_bh` and `p_equivalent_bh` are adjusted
    over all pairs (Benjamini & Hochberg 1995): about one in twenty of the pairs called different is expected to be
    equal. `verdict` is of a against b. As in `verdict` equivalent wins, so two forms of one function
    that differ by rounding on every seed are not called different. A pair with a value that is not finite has no p.
    """
    wide = by_seed(runs, value=value)
    sign = 1 if better(value) == "higher" else -1
    names = list(combinations(map(str, wide), 2))
    pairs = [_common_seeds(wide[a], wide[b]) for a, b in names]
    counts = np.zeros((len(pairs), 3), dtype=int)
    for rows, values in by_size(pairs):  # (pairs, 2, n)
        first, second = sign * values[:, 0], sign * values[:, 1]
        counts[rows] = np.column_stack([(first > second).sum(1), (first == second).sum(1), (first < second).sum(1)])
    tests = np.full((len(pairs), 3), np.nan)
    for rows, values in by_size(_tested(pairs)):
        differences = values[:, 0] - values[:, 1]
        p, p_equivalent = signed_rank(differences), equivalence(differences, margin=margin)
        tests[rows] = np.column_stack([differences.mean(axis=1), p, p_equivalent])
    table = pd.DataFrame(names, columns=["a", "b"]).assign(n=[pair.shape[1] for pair in pairs])
    table[["wins", "ties", "losses"]], table[["mean", "p", "p_equivalent"]] = counts, tests
    table = table.assign(**{f"{name}_bh": false_discoveries(table[name]) for name in ("p", "p_equivalent")})
    order = np.where(sign * table["mean"] > 0, "better", "worse")
    different = np.where(table["p_bh"] < ALPHA, order, "inconclusive")
    return table.assign(verdict=np.where(table["p_equivalent_bh"] < ALPHA, "equivalent", different))


def null_rates(
    runs: pd.DataFrame, *, value: str, rng: np.random.Generator, reference: str = REFERENCE, draws: int = 1000
) -> NullRates:
    """The A/A test on these tables: exchange variant and reference at random, seed by seed, and repeat all tests.

    If a variant does not differ from the reference, either sign of a difference is equally likely: exchanging the two
    makes this null true. All variants are exchanged on the same seeds, so the differences keep their sizes, their ties
    and what they have in common. The result shows that the tests and their adjustment hold their level on data like
    these. It does not show that seeds are independent of each other: that needs runs on other seeds.

    Only variants with a finite value on every seed of the reference take part.
    """
    wide = by_seed(runs, value=value)
    wide = wide.loc[wide[reference].notna()]
    differences = wide.drop(columns=reference).sub(wide[reference], axis=0).to_numpy().T  # (k, n)
    differences = differences[np.isfinite(differences).all(axis=1)]
    k, n = differences.shape
    if not k:
        return NullRates(n, 0, 0, np.nan, np.nan)
    signs = rng.choice([-1.0, 1.0], size=(draws, 1, n))
    exchanged = (chunk * differences for chunk in chunks(signs, size=4 * differences.size))  # a test makes four of them
    p = np.concatenate([signed_rank(chunk.reshape(-1, n)).reshape(-1, k) for chunk in exchanged])
    family = p.min(axis=1) * k < ALPHA  # Holm's smallest adjusted p is Bonferroni's
    return NullRates(n, k, draws, float((p < ALPHA).mean()), float(family.mean()))


def _common_seeds(a: pd.Series, b: pd.Series) -> np.ndarray:
    """The values (2, n) on the seeds that both have."""
    values = np.stack([a, b])
    # Unlike an index, `compress` keeps rows contiguous, on which the rounding of a sum depends.
    return values.compress(~np.isnan(values).any(axis=0), axis=1)


def _tested(pairs: list[np.ndarray]) -> list[np.ndarray]:
    """The pairs (2, n) that can be tested; no pairs in place of those with a value that is not finite."""
    return [values if np.isfinite(values).all() else values[:, :0] for values in pairs]
