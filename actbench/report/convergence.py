"""What a page says about convergence: from the runs with twice the epochs, in the folder NAME_doubled beside NAME."""

from pathlib import Path

import numpy as np
import pandas as pd

from actbench.compare.convergence import COLUMNS, is_converged, is_shown, of_workloads
from actbench.compare.workloads import NothingToReportError, workloads
from actbench.report.numbers import enumeration, fixed, percent
from actbench.tables.store import collect

SUFFIX = "_doubled"


def of(folder: Path) -> pd.DataFrame:
    """The table `compare.convergence.doubled` for a results folder; without rows where the question was not asked.

    It is copied to tables/convergence.parquet of this folder, so that a report can be made again from its own folder.
    """
    folder = folder.resolve()
    kept = folder / "tables" / "convergence.parquet"
    try:
        tables = collect(folder.with_name(folder.name + SUFFIX))
        latest = tables.runs["protocol"] == tables.runs["protocol"].max()
        works = workloads(tables, run_ids=set(tables.runs.loc[latest, "run_id"]))
    except (FileNotFoundError, NothingToReportError):
        return pd.read_parquet(kept).reindex(columns=COLUMNS) if kept.is_file() else pd.DataFrame(columns=COLUMNS)
    table = of_workloads(works)
    kept.parent.mkdir(exist_ok=True)
    table.to_parquet(kept, index=False)
    return table


def sentence(table: pd.DataFrame) -> str:
    """Whether the networks have converged, and by how much the error of each variant changes; "" without rows.

    `Converged: twice the 25 epochs change the validation error by −4 % [−13, 5] (tanh), on 3 seeds.`
    """
    if not len(table):
        return ""
    changes = [f"{_change(row)} ({row['variant']})" for row in table.to_dict("records")]
    n = seeds(table)
    what = f"twice the {table['epochs'].iloc[0]} epochs change the validation error by {enumeration(changes)}, on {n}"
    if is_converged(table):
        return f"Converged{'' if is_shown(table) else f', as far as {n} tell'}: {what}."
    verb = "still improving" if table["change"].min() < 0 else "not settled"
    return f"With {table['epochs'].iloc[0]} epochs {verb}: {what}."


def seeds(table: pd.DataFrame) -> str:
    """`3 seeds`, the fewest of any variant."""
    n = table["n"].min()
    return f"{n} seed{'s' if n > 1 else ''}"


def _change(row: dict) -> str:
    """`−4 % [−13, 5]`, of one seed without an interval."""
    if np.isnan(row["low"]):
        return percent(row["change"])
    return f"{percent(row['change'])} [{fixed(100 * row['low'])}, {fixed(100 * row['high'])}]"
