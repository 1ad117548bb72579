"""A column of `runs` as seeds × variants."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

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


def complete_by_seed(groups: Mapping[str, pd.DataFrame], *, value: str, reference: str) -> dict[str, pd.DataFrame]:
    """The seeds of the reference × the variants of each group of runs, for the variants with all of them in all groups.

    Raises:
        ValueError: If the reference is missing in a group.
    """
    tables = {name: by_seed(runs, value=value) for name, runs in groups.items()}
    if without := [name for name, wide in tables.items() if reference not in wide]:
        raise ValueError(
            f"The reference {reference} was not measured on {', '.join(without)}: measure it there, or compare without."
        )
    complete = {name: wide.loc[wide[reference].notna()].dropna(axis="columns") for name, wide in tables.items()}
    variants = sorted(set.intersection(*(set(map(str, wide)) for wide in complete.values())))
    return {name: wide[variants] for name, wide in complete.items()}
