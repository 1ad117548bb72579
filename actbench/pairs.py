"""Every pair of variants on shared seeds, exploratory; and the same tests where there is nothing to find."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from actbench.paired import ALPHA, REFERENCE, by_seed, equivalence, false_discoveries, signed_rank
from actbench.tables import better

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
