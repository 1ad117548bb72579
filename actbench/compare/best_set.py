"""Which variants may be the best: the model confidence set (Hansen, Lunde & Nason 2011), and tiers below the best."""

import numpy as np
import pandas as pd

from actbench.compare import paired
from actbench.compare.by_seed import by_seed
from actbench.compare.looks import Looks
from actbench.compare.over_workloads import failures
from actbench.compare.significance import is_varied

LEVEL = 0.95
MIN_SEEDS = 20  # with fewer the bootstrap of the set is too rough
_RESAMPLES = 5000
COLUMNS = ("variant", "mean", "n", "p", "in_set", "same_as", "tier")


def best_set(runs: pd.DataFrame, *, value: str, looks: Looks, rng: np.random.Generator) -> pd.DataFrame:
    """`COLUMNS` by variant, the lowest mean first; without rows where fewer than two variants have 20 common seeds.

    Columns:
        mean, n: Of the n seeds that all variants in the comparison have.
        p: Of the elimination of the variant from the set; nan of one that takes no part: a seed failed, or fewer than
            20 were measured.
        in_set: Whether it is in the 95 % set, so that it may be the best.
        same_as: The variant with the same value on every seed that stands in the set for this one; "" without.
        tier: best of the one with the lowest mean; equivalent to the best, worse, undecided: the verdict against it,
            see `paired.compare`, where one in the set is not called worse, since the best was chosen on these seeds;
            failed of one with a failed seed; few seeds.
    """
    kept = runs[runs["status"] != "failed"]
    wide = by_seed(kept, value=value).rename(columns=str)
    rates = failures(kept)
    failed = set(rates.loc[rates["failed"] > 0, "variant"])
    failed |= {name for name in wide if not np.isfinite(wide[name].dropna()).all()}
    enough = [name for name in wide if name not in failed and wide[name].notna().sum() >= MIN_SEEDS]
    common = wide[enough].dropna()
    if len(enough) < 2 or len(common) < MIN_SEEDS:
        return pd.DataFrame(columns=list(COLUMNS))
    means = common.mean().sort_values(kind="stable")
    p, same_as = confidence_set(common[means.index], rng=rng)
    in_set = p > 1 - LEVEL
    tiers = _tiers(kept, value=value, looks=looks, best=str(means.index[0]), in_set=in_set)
    rows = [
        (name, means[name], len(common), p[name], bool(in_set[name]), same_as.get(name, ""), tiers[name])
        for name in means.index
    ]
    for name in wide.columns.difference(enough):
        n = int(wide[name].notna().sum())
        rows.append((name, np.nan, n, np.nan, False, "", "failed" if name in failed else "few seeds"))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def confidence_set(values: pd.DataFrame, *, rng: np.random.Generator) -> tuple[pd.Series, pd.Series]:
    """The p of each column of values (seeds, variants), lower values better, and what stands for it in the set.

    A column is in the 95 % set where p > .05. Of columns whose difference is the same on every seed the lowest takes
    part: one that equals it has its p, one that is always worse has p 0. arch cannot tell such columns apart.
    """
    from arch.bootstrap import MCS  # takes longer to import than all else here together

    stands_for: dict[str, str] = {}
    members: list[str] = []
    for name in map(str, values.mean().sort_values(kind="stable").index):
        column = values[name].to_numpy()
        alike = [other for other in members if not is_varied(column - values[other].to_numpy())]
        stands_for[name] = alike[0] if alike else name
        members += [] if alike else [name]
    p = pd.Series(1.0, index=members)
    if len(members) > 1:
        mcs = MCS(
            values[members].to_numpy(), size=1 - LEVEL, reps=_RESAMPLES, block_size=1, method="max",
            bootstrap="moving block", seed=rng,
        )  # fmt: skip
        mcs.compute()
        p = mcs.pvalues["Pvalue"].rename(index=dict(enumerate(members)))
    equal = {name: bool((values[name] == values[member]).all()) for name, member in stands_for.items()}
    found = {name: float(p[member]) if equal[name] else 0.0 for name, member in stands_for.items()}
    same = {name: member for name, member in stands_for.items() if member != name and equal[name]}
    return pd.Series(found), pd.Series(same, dtype="object")


def _tiers(runs: pd.DataFrame, *, value: str, looks: Looks, best: str, in_set: pd.Series) -> dict[str, str]:
    """The tier of each variant but those that take no part."""
    tiers = {best: "best"}
    for name, verdict in paired.verdicts(runs, value=value, looks=looks, reference=best).items():
        if verdict == "worse" and not in_set.get(name, False):
            tiers[str(name)] = "worse"
        else:
            tiers[str(name)] = "equivalent to the best" if verdict == "equivalent" else "undecided"
    return tiers
