"""Has a network converged? What twice the training does to its validation error.

A learning rate that falls to 0 makes every curve end flat, so a curve cannot tell. The same training with twice the
epochs, its schedule stretched, can. Tuning seeds are used, which are published for nothing else.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import scipy.stats

from actbench.compare.workloads import Workload

EPOCHS = "train.epochs"
TOLERANCE = 0.10  # of the error: with a smaller change a network counts as converged
COLUMNS = ["variant", "epochs", "n", "error", "error_doubled", "change", "low", "high"]


def of_workloads(works: Sequence[Workload]) -> pd.DataFrame:
    """The table `doubled` of workloads that differ in nothing but their epochs; without rows where others do."""
    if len(works) < 2:  # with one number of epochs there is no double
        return pd.DataFrame(columns=COLUMNS)
    settings = {tuple(sorted((key, value) for key, value in work.config.items() if key != EPOCHS)) for work in works}
    if len(settings) > 1 or EPOCHS not in works[0].config:
        return pd.DataFrame(columns=COLUMNS)
    return doubled(pd.concat([work.tables.runs for work in works]))


def doubled(runs: pd.DataFrame) -> pd.DataFrame:
    """The change of the validation error when the epochs are doubled, a row for each variant of a workload.

    Columns:
        epochs: The usual number.
        n: Number of seeds with both.
        error, error_doubled: Mean of 1 − val_accuracy, or of val_fld, over these seeds.
        change: error_doubled / error − 1; 0 where both errors are 0.
        low, high: Its 95 % interval, Student's t of the differences by seed over the mean usual error; nan of one seed.

    `runs` has the column `variant`. A variant is left out where no seed has both numbers of epochs.
    """
    measured = runs[runs["status"] != "failed"]
    errors = measured.assign(error=_errors(measured))
    rows = []
    for variant, group in errors.groupby("variant"):
        wide = group.pivot_table("error", "seed", EPOCHS, aggfunc="first")
        for epochs in _usual(map(int, wide.columns)):
            pairs = wide[[epochs, 2 * epochs]].dropna()
            if not len(pairs):
                continue
            usual, twice = pairs.mean().to_numpy()
            change = 0.0 if usual == twice == 0 else twice / usual - 1 if usual else np.inf
            rows.append((variant, epochs, len(pairs), usual, twice, change, *_interval(pairs, change)))
    return pd.DataFrame(rows, columns=COLUMNS)


def is_converged(table: pd.DataFrame) -> bool:
    """Whether twice the epochs change every variant's error by less than 10 %, as estimated."""
    return bool((table["change"].abs() < TOLERANCE).all())


def is_shown(table: pd.DataFrame) -> bool:
    """Whether the whole interval of every change is within 10 %."""
    return bool(((table["low"] > -TOLERANCE) & (table["high"] < TOLERANCE)).all())


def _interval(pairs: pd.DataFrame, change: float) -> tuple[float, float]:
    """The interval of a change, of errors in two columns: with the usual epochs, and with twice as many."""
    differences = (pairs.iloc[:, 1] - pairs.iloc[:, 0]) / pairs.iloc[:, 0].mean()
    n = len(differences)
    if n < 2 or not np.isfinite(differences).all():
        return np.nan, np.nan
    half = scipy.stats.t.ppf(0.975, n - 1) * differences.std(ddof=1) / np.sqrt(n)
    return change - half, change + half


def _errors(runs: pd.DataFrame) -> pd.Series:
    is_classified = runs["val_accuracy"].notna().any()
    return 1 - runs["val_accuracy"] if is_classified else runs["val_fld"]


def _usual(columns: Iterable[int]) -> list[int]:
    """The numbers of epochs whose double was run too."""
    epochs = sorted(columns)
    return [number for number in epochs if 2 * number in epochs]
