"""A column of `runs` as seeds × variants."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from actbench.compare.workloads import looks_of
from actbench.tables.schema import better


def by_seed(runs: pd.DataFrame, *, value: str) -> pd.DataFrame:
    """A column as seeds × variants, without failed runs.

    A run whose value is not finite gets the worst one, ∞ or −∞; nan stands where there is no run.
    """
    kept = runs[runs["status"] != "failed"]
    worst = -np.inf if better(value) == "higher" else np.inf
    numbers = pd.to_numeric(kept[value]).astype("float64")
    filled = kept.assign(**{value: numbers.where(np.isfinite(numbers), worst)})
    return filled.pivot_table(value, "seed", "variant", aggfunc="first")


def column_of(wide: pd.DataFrame, reference: str) -> pd.Series:
    if reference not in wide:
        raise ValueError(
            f"The reference {reference} is not among the variants {', '.join(map(str, wide.columns))}: "
            "compare with one of them."
        )
    return wide[reference]


def on_common_seeds(runs: pd.DataFrame, *, reference: str) -> pd.DataFrame:
    """The runs, but for failed ones, of the seeds that all variants have.

    More seeds are measured of what is undecided, so variants differ in their number; what ranks them takes the same
    seeds of all. A variant that lacks one of the reference's seeds up to the first look is left out.
    """
    kept = runs[runs["status"] != "failed"]
    seeds = {str(name): set(rows) for name, rows in kept.groupby("variant")["seed"]}
    first = sorted(seeds[reference])[: looks_of(kept).sizes[0]]
    variants = [name for name, each in seeds.items() if each.issuperset(first)]
    common = set.intersection(*(seeds[name] for name in variants))
    return kept[kept["variant"].isin(variants) & kept["seed"].isin(common)]


def complete_by_seed(groups: Mapping[str, pd.DataFrame], *, value: str, reference: str) -> dict[str, pd.DataFrame]:
    """The common seeds × the variants of each group of runs, for the variants of all groups, see `on_common_seeds`.

    Raises:
        ValueError: If the reference is missing in a group.
    """
    measured = {name: runs[runs["status"] != "failed"] for name, runs in groups.items()}
    if without := [name for name, runs in measured.items() if reference not in set(runs["variant"])]:
        raise ValueError(
            f"The reference {reference} was not measured on {', '.join(without)}: measure it there, or compare without."
        )
    tables = {name: by_seed(on_common_seeds(runs, reference=reference), value=value) for name, runs in measured.items()}
    variants = sorted(set.intersection(*(set(map(str, wide)) for wide in tables.values())))
    return {name: wide[variants] for name, wide in tables.items()}
