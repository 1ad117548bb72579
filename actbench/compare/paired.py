"""Two variants on the same seeds: differences, their intervals and tests, and what may be said of them.

Seed s fixes the split, the batch order, the dropout masks and the unscaled weights, so runs are compared seed by seed.
A difference is always variant − reference. Every function takes the runs of one workload, with the column `variant`;
failed runs are left out, diverged ones stay. Nothing here draws from a global generator.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from actbench.compare.by_seed import by_seed, column_of
from actbench.compare.intervals import RESAMPLES, bca
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
    base = column_of(wide, reference)
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
    spread = np.where(is_varied(differences), differences.std(axis=1, ddof=1), 0.0)
    apart = both.var(axis=1, ddof=1).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        d_z = np.where(mean == 0, 0.0, mean / spread)
        return mean, low, high, superiority, d_z, p, p_equivalent, np.where(apart > 0, spread**2 / apart, np.nan)


def _by_size(samples: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Samples of one size stacked, and which they are; empty ones are left out."""
    sizes = np.array([len(sample) for sample in samples], dtype=int)
    for size in np.unique(sizes[sizes > 0]):
        rows = np.flatnonzero(sizes == size)
        yield rows, np.stack([samples[int(row)] for row in rows])


_CHUNK = 1_000_000  # exchanged differences held at once: 8 MB


class Null(NamedTuple):
    """How often the tests of a report find something where nothing is, see `swapped`.

    Attributes:
        n: Pairs of each comparison.
        tests: Comparisons in the family.
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

    `p` is Wilcoxon's signed-rank test, `p_equivalent` TOST with this margin; `p_bh` and `p_equivalent_bh` are adjusted
    over all pairs (Benjamini & Hochberg 1995): of the pairs called different about one in twenty is expected not to
    be. `verdict` is of a against b. As in `paired.verdict` equivalent wins: two forms of one function that differ by
    rounding on every seed are not told apart. A pair with a value that is not finite has no p.
    """
    wide = by_seed(runs, value=value)
    sign = 1 if better(value) == "higher" else -1
    columns = {str(name): wide[name].to_numpy() for name in wide}
    pairs = [(a, b, _paired(columns[a], columns[b])) for a, b in combinations(columns, 2)]
    rows = []
    for a, b, both in pairs:
        wins, losses = (sign * both[:, 0] > sign * both[:, 1]).sum(), (sign * both[:, 0] < sign * both[:, 1]).sum()
        rows.append((a, b, len(both), wins, len(both) - wins - losses, losses))
    table = pd.DataFrame(rows, columns=["a", "b", "n", "wins", "ties", "losses"])
    table = table.assign(**_tested([both for *_, both in pairs], margin=margin))
    table = table.assign(**{f"{name}_bh": false_discoveries(table[name]) for name in ("p", "p_equivalent")})
    order = np.where(sign * table["mean"] > 0, "better", "worse")
    different = np.where(table["p_bh"] < ALPHA, order, "inconclusive")
    return table.assign(verdict=np.where(table["p_equivalent_bh"] < ALPHA, "equivalent", different))


def swapped(
    runs: pd.DataFrame, *, value: str, rng: np.random.Generator, reference: str = REFERENCE, draws: int = 1000
) -> Null:
    """A/A on the tables at hand: variant and reference change places at random, seed by seed, then all is tested.

    A variant that does not differ from the reference has differences that are as likely of either sign, so exchanging
    the two of a seed makes the null true and keeps the sizes, the ties and, as all variants are exchanged together,
    what they have in common. It shows that testing and adjusting keep their word on data like these. It does not show
    that seeds are independent of each other: that needs runs on other seeds.

    Only variants with a finite value on every seed of the reference take part.
    """
    wide = by_seed(runs, value=value)
    wide = wide.loc[wide[reference].notna()]
    differences = wide.drop(columns=reference).sub(wide[reference], axis=0).to_numpy().T  # (k, n)
    differences = differences[np.isfinite(differences).all(axis=1)]
    k, n = differences.shape
    if not k:
        return Null(n, 0, 0, np.nan, np.nan)
    signs = rng.choice([-1.0, 1.0], size=(draws, 1, n))
    step = max(1, _CHUNK // differences.size)
    chunks = (signs[start : start + step] * differences for start in range(0, draws, step))
    p = np.concatenate([signed_rank(chunk.reshape(-1, n)).reshape(-1, k) for chunk in chunks])
    family = p.min(axis=1) * k < ALPHA  # Holm's smallest adjusted p is Bonferroni's
    return Null(n, k, draws, float((p < ALPHA).mean()), float(family.mean()))


def _paired(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The values (n, 2) on the seeds that both have."""
    both = np.column_stack([a, b])
    return both[~np.isnan(both).any(axis=1)]


def _tested(pairs: list[np.ndarray], *, margin: float) -> dict[str, np.ndarray]:
    """Mean and both p of each pair; pairs of one size are tested together."""
    found = {name: np.full(len(pairs), np.nan) for name in ("mean", "p", "p_equivalent")}
    whole = [i for i, both in enumerate(pairs) if len(both) and np.isfinite(both).all()]
    for n in {len(pairs[i]) for i in whole}:
        rows = [i for i in whole if len(pairs[i]) == n]
        differences = np.stack([pairs[i][:, 0] - pairs[i][:, 1] for i in rows])
        found["mean"][rows] = differences.mean(axis=1)
        found["p"][rows] = signed_rank(differences)
        found["p_equivalent"][rows] = equivalence(differences, margin=margin)
    return found
