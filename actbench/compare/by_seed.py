"""A column of `runs` as seeds × variants, and the smallest difference in it that matters."""

import numpy as np
import pandas as pd

from actbench.tables.schema import REFERENCE, better

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
    return LOSS_MARGIN * float(column_of(by_seed(runs, value=value), reference).mean())


def column_of(wide: pd.DataFrame, reference: str) -> pd.Series:
    if reference not in wide:
        raise ValueError(
            f"The reference {reference} is not among the variants {', '.join(map(str, wide.columns))}: "
            "compare with one of them."
        )
    return wide[reference]


def whole(runs: pd.DataFrame, *, value: str, reference: str) -> pd.DataFrame:
    """Seeds × variants without gaps, on the seeds of the reference."""
    wide = by_seed(runs, value=value)
    if reference not in wide:
        raise ValueError(f"The reference {reference} is missing on a track: it was measured on neither or one of them.")
    return wide.loc[wide[reference].notna()].dropna(axis="columns")
