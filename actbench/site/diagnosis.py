"""How the layers of a network with an activation were, in every published workload: from statistics/means.csv."""

from pathlib import Path

import pandas as pd

from actbench.compare.ranking import DRIFT
from actbench.report.numbers import interval_of, number
from actbench.site import statistics
from actbench.tables.text import one_line

# What is shown of the diagnosis, as means.csv calls it: saturation, drift and gradient.
SHOWN = (
    "saturated low, last layer",
    "saturated high, last layer",
    "dead units, last layer",
    "bias / std, first layer",
    "bias / std, last layer",
    DRIFT,
    "gradient gain λ, at init",
    "gradient gain λ, at the end",
)
_NEEDED = {"shown", "variant", "mean", "low", "high", "n"}


def read(results: Path) -> pd.DataFrame:
    """A row for each workload and variant with its diagnosis as text, a column for each of SHOWN that was measured."""
    tables = [_of_folder(file) for file in sorted(results.glob("*/statistics/means.csv"))]
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True).fillna("") if tables else pd.DataFrame(columns=statistics.PLACED)


def _of_folder(file: Path) -> pd.DataFrame:
    rows = statistics.read(file)
    if not set(rows) >= _NEEDED:
        return pd.DataFrame()
    rows = rows[rows["shown"].isin(SHOWN) & (rows["n"] > 0)]
    if rows.empty:
        return rows
    table = statistics.placed(rows, file).assign(
        shown=rows["shown"].map(one_line), text=[number(interval_of(row)) for _, row in rows.iterrows()]
    )
    wide = table.pivot_table(index=statistics.PLACED, columns="shown", values="text", aggfunc="first", sort=False)
    return wide.reindex(columns=[name for name in SHOWN if name in wide]).reset_index()
